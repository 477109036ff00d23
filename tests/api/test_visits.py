"""The life of a visit over HTTP: recorded, repeated, taken back, counted."""

import csv
import io
import json
from typing import Any
from uuid import uuid4

import pytest

from api.schemas_visits import StationVisits, VisitFigures, VisitOut, VisitReport

DAY = "2026-09-14"
NDJSON, CSV = "application/x-ndjson", "text/csv"


def visit(**said: Any) -> dict[str, Any]:
    told = {"id": str(uuid4()), "count": 38, "started_at": f"{DAY}T09:00:00+08:00", "method": "people_counter"}
    return told | said


def totals(cast, path: str, caller=None) -> dict[str, Any]:
    asked = {"from": DAY, "to": DAY}
    answer = (caller or cast.bank)("GET", f"{path}/visits", params=asked)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    StationVisits.model_validate(body)
    (bucket,) = body["buckets"]
    return dict(bucket)


def test_a_visit_counts_once_however_often_it_is_sent(cast):
    path, said = cast.published(), visit()
    assert totals(cast, path)["visits"] is None  # silence is not zero
    first = cast.bank("POST", f"{path}/visits", json=said)
    assert first.status_code == 201, first.text
    VisitOut.model_validate(first.json())
    for _ in range(3):
        again = cast.bank("POST", f"{path}/visits", json=said)
        assert (again.status_code, again.json()) == (200, first.json())
    differs = cast.bank("POST", f"{path}/visits", json=said | {"count": 39})
    assert differs.status_code == 409
    assert totals(cast, path)["visits"] == 38
    assert totals(cast, path)["by_method"] == {"people_counter": 38}


def test_a_wrong_report_is_taken_back_by_a_row_of_its_own(cast):
    path, said = cast.published(), visit()
    assert cast.bank("POST", f"{path}/visits", json=said).status_code == 201
    place, draft = f"{path}/visits/{said['id']}/reversal", {"id": str(uuid4()), "reason": "多报"}
    back = cast.bank("POST", place, json=draft)
    assert (back.status_code, back.json()["count"]) == (201, -38)
    assert cast.bank("POST", place, json=draft).status_code == 200
    assert cast.bank("POST", place, json={"id": str(uuid4()), "reason": "再来"}).status_code == 409
    assert cast.bank("POST", f"{path}/visits/{uuid4()}/reversal", json=draft).status_code == 404
    assert totals(cast, path)["visits"] is None  # as if it had never been reported
    assert cast.bank("POST", f"{path}/visits", json=visit(count=0)).status_code == 201
    assert totals(cast, path)["visits"] == 0  # reported, and nobody came


def test_the_most_trusted_method_that_sees_everybody_is_the_official_one(cast):
    path = cast.published()
    for method, count in (("estimate", 50), ("access_control", 12), ("qr_scan", 3)):
        said = visit(count=count, method=method)
        assert cast.bank("POST", f"{path}/visits", json=said).status_code == 201
    bucket = totals(cast, path)
    assert (bucket["visits"], bucket["lower_bound"]) == (12, False)
    assert bucket["by_method"] == {"access_control": 12, "estimate": 50, "qr_scan": 3}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"count": -1}, "count"),
        ({"method": "guess"}, "method"),
        ({"started_at": 1789000000}, "started_at"),
        ({"started_at": "2190-01-01T00:00:00+08:00"}, "started_at"),
        ({"visitor_name": "张三"}, "visitor_name"),
    ],
)
def test_what_breaks_a_rule_is_named_and_not_recorded(cast, said, field):
    path = cast.published()
    answer = cast.bank("POST", f"{path}/visits", json=visit(**said))
    assert answer.status_code == 422
    assert field in answer.json()["errors"][0]["loc"]
    assert totals(cast, path)["visits"] is None


def test_only_who_manages_a_station_reports_its_visits(cast):
    path = cast.published()
    assert cast.public.post(f"{path}/visits", json=visit()).status_code == 401
    assert cast.rival("POST", f"{path}/visits", json=visit()).status_code == 403
    assert cast.union("POST", f"{path}/visits", json=visit()).status_code == 403
    draft = cast.register(name="未公开", lon=113.7)
    assert cast.rival("POST", f"{draft}/visits", json=visit()).status_code == 404


def sent(rows: list[dict[str, Any]], media_type: str) -> bytes:
    if media_type == NDJSON:
        return b"\n".join(json.dumps(row).encode() for row in rows)
    if media_type == CSV:
        file = io.StringIO()
        writer = csv.DictWriter(file, sorted({name for row in rows for name in row}))
        writer.writeheader()
        writer.writerows(rows)
        return file.getvalue().encode()
    return json.dumps(rows).encode()


@pytest.mark.parametrize("media_type", ["application/json", NDJSON, CSV])
def test_of_many_rows_each_has_its_verdict_and_the_good_ones_count(cast, media_type):
    path = cast.published()
    key, other = path.rsplit("/", 1)[-1], cast.published(name="另一处", lon=113.8).rsplit("/", 1)[-1]
    good = [visit(station_id=key, count=2), visit(station_id=other, count=5)]
    bad = [visit(station_id=key, method="guess"), visit(station_id=str(uuid4())), good[0] | {"count": 3}]
    content = sent([good[0], bad[0], good[1], good[0], *bad[1:]], media_type)
    headers = cast.bank.headers | {"Content-Type": media_type}
    answer = cast.public.post("/v1/visits", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    VisitReport.model_validate(report)
    assert [row["verdict"] for row in report["rows"]] == [
        *("recorded", "refused", "recorded", "known", "refused", "refused")
    ]
    assert [row["status"] for row in report["rows"]] == [201, 422, 201, 200, 404, 409]
    assert [row["row"] for row in report["rows"]] == list(range(*((2, 8) if media_type == CSV else (1, 7))))
    assert totals(cast, path)["visits"] == 2


def test_a_body_of_another_type_is_refused(cast):
    answer = cast.public.post("/v1/visits", content=b"x", headers=cast.bank.headers | {"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_figures_of_many_hide_small_numbers_from_the_public(cast):
    path = cast.published()
    assert cast.bank("POST", f"{path}/visits", json=visit(count=3)).status_code == 201
    asked = {"from": DAY, "to": DAY, "bucket": "month", "region": "410000", "group_by": "kind"}
    public = cast.public.get("/v1/stats/visits", params=asked).json()
    VisitFigures.model_validate(public)
    assert [(cell["group"], cell["visits"], cell["suppressed"]) for cell in public["buckets"]] == [
        ("bank_haven", None, True)
    ]
    whole = cast.admin("GET", "/v1/stats/visits", params=asked).json()["buckets"]
    assert [(cell["visits"], cell["stations"]) for cell in whole] == [(3, 1)]
    sheet = cast.admin("GET", "/v1/stats/visits", params=asked | {"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert [(row["group"], row["visits"]) for row in rows] == [("bank_haven", "3")]


@pytest.mark.parametrize(
    ("asked", "name"),
    [({"from": DAY}, "to"), ({"from": DAY, "to": "2026-09-13"}, "to"), ({"from": "x", "to": DAY}, "from")],
)
def test_a_span_that_cannot_be_is_refused(cast, asked, name):
    answer = cast.public.get(f"{cast.published()}/visits", params=asked)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["loc"] == ["query", name]


def test_what_is_odd_is_recorded_and_said_with_its_explanation(cast):
    path = cast.published(opening_hours="Mo-Fr 09:00-17:00")
    said = visit(started_at="2026-09-13T09:00:00+08:00")  # a Sunday
    answer = cast.bank("POST", f"{path}/visits", json=said)
    assert (answer.status_code, answer.json()["flags"]) == (201, ["closed_day"])
    (told,) = answer.json()["explanations"]
    assert "closed" in told["en"]
    assert "不开放" in told["zh"]
    key = path.rsplit("/", 1)[-1]
    rows = [visit(station_id=key, id=said["id"], started_at=said["started_at"]), visit(station_id=key)]
    report = cast.bank("POST", "/v1/visits", json=[*rows, rows[0] | {"count": 1}]).json()
    VisitReport.model_validate(report)
    assert [row["flags"] for row in report["rows"]] == [["closed_day"], [], []]
    assert report["explanations"] == [told]
    assert totals(cast, path)["visits"] == 38
