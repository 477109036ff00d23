"""Files in, with a verdict a row; the registry out, and in again."""

import csv
import io
import json
from pathlib import Path

import pytest
from sqlalchemy import text

from geo import transfer
from geo.datum import Datum
from geo.registration import Entry, Verdict
from geo.transfer import Format, Options

EXAMPLE = Path(__file__).parents[2] / "examples" / "stations.csv"
HEADER = "名称,经度,纬度,设施\n"


def count(session) -> int:
    return int(session.scalar(text("SELECT count(*) FROM station")))


def test_the_example_goes_in_and_a_second_time_changes_nothing(session):
    first = transfer.import_stations(session, EXAMPLE.read_bytes(), Options(crs=Datum.GCJ02, entry=Entry.PUBLISHED))
    again = transfer.import_stations(session, EXAMPLE.read_bytes(), Options(crs=Datum.GCJ02, entry=Entry.PUBLISHED))
    assert first.counts == {Verdict.INSERTED: 22}
    assert dict(again.counts) == {"unchanged": 22}
    assert session.scalar(text("SELECT count(*) FROM station WHERE city = '410300'")) == 22


def test_one_bad_row_and_nothing_is_written_unless_partial(session):
    content = (HEADER + "甲,113.6,34.7,\n乙,34.7,113.6,\n").encode()
    report = transfer.import_stations(session, content, Options())
    assert (report.written, report.counts[Verdict.REFUSED], count(session)) == (False, 1, 0)
    assert report.as_json()["rows"][0]["id"] is None
    assert report.warnings[-1] == "nothing was written: 1 refused, and all goes in or nothing does"
    report = transfer.import_stations(session, content, Options(partial=True))
    assert (report.written, count(session)) == (True, 1)


def test_hours_that_are_not_understood_take_the_place_of_those_that_were(session):
    header, known = "名称,经度,纬度,开放时间\n", "甲,113.6,34.7,24小时\n"
    transfer.import_stations(session, (header + known).encode(), Options(entry=Entry.PUBLISHED))
    news = (header + "甲,113.6,34.7,装修期间只开上午\n").encode()
    report = transfer.import_stations(session, news, Options(entry=Entry.PUBLISHED))
    assert report.rows[0]["changed"] == ["hours_note", "opening_hours"]
    row = session.execute(text("SELECT opening_hours, hours_note FROM station")).one()
    assert tuple(row) == (None, "装修期间只开上午")
    assert dict(transfer.import_stations(session, news, Options(entry=Entry.PUBLISHED)).counts) == {"unchanged": 1}


def test_a_dry_run_says_what_would_be_and_writes_nothing(session):
    report = transfer.import_stations(session, (HEADER + "甲,113.6,34.7,\n").encode(), Options(dry_run=True))
    assert (report.written, report.counts[Verdict.INSERTED], count(session)) == (False, 1, 0)


def test_the_report_names_row_column_value_and_expectation(session):
    content = (HEADER + "甲,113.6,34.7,桑拿\n").encode()
    (row,) = json.loads(json.dumps(transfer.import_stations(session, content, Options()).as_json()))["rows"]
    assert (row["row"], row["verdict"]) == (2, "refused")
    (error,) = row["errors"]
    assert (error["column"], error["value"]) == ("设施", "桑拿")
    assert "drinking_water" in error["message"]


def export(session, form: Format, **kwargs) -> str:
    return b"".join(transfer.export_stations(session, form, **kwargs)).decode()


def test_exports_hold_what_is_published_and_all_of_it_when_asked(session):
    transfer.import_stations(session, (HEADER + "甲,113.6,34.7,\n").encode(), Options(entry=Entry.PUBLISHED))
    transfer.import_stations(session, (HEADER + "乙,113.7,34.7,\n").encode(), Options())
    assert [f["properties"]["name"] for f in json.loads(export(session, Format.GEOJSON))["features"]] == ["甲"]
    assert len(export(session, Format.NDJSON, everything=True).splitlines()) == 2


def test_an_empty_export_is_still_valid(session):
    assert json.loads(export(session, Format.GEOJSON))["features"] == []
    assert export(session, Format.NDJSON) == ""


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+86", "-1", "@x"])
def test_a_csv_export_holds_no_formula_and_comes_back_unchanged(session, name):
    content = (HEADER + f'"{name}",113.6,34.7,微波炉=故障;厕所\n').encode()
    assert transfer.import_stations(session, content, Options(entry=Entry.PUBLISHED)).counts[Verdict.INSERTED] == 1
    exported = export(session, Format.CSV)
    cells = next(csv.DictReader(io.StringIO(exported.removeprefix("\ufeff"))))
    assert cells["name"] == f"'{name}"
    report = transfer.import_stations(session, exported.encode(), Options(entry=Entry.PUBLISHED))
    assert dict(report.counts) == {"unchanged": 1}
    assert report.warnings == []


def test_an_export_in_gcj02_comes_back_unchanged(session):
    transfer.import_stations(session, EXAMPLE.read_bytes(), Options(crs=Datum.GCJ02, entry=Entry.PUBLISHED))
    report = transfer.import_stations(session, export(session, Format.CSV).encode(), Options(entry=Entry.PUBLISHED))
    assert dict(report.counts) == {"unchanged": 22}
