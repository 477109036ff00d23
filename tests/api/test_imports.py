"""Files sent in over HTTP: what is taken, how it is asked after, and what a row is told."""

import io
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook
from sqlalchemy import event, text

from api.app import create_app
from api.importing import XLSX
from api.schemas_imports import ImportStatus
from geo import db, organisations, workshop
from geo.datum import Datum, convert
from geo.settings import Settings
from geo.vocabulary import Role
from tests.cast import BODY, LAT, LON, Cast
from tests.conftest import ACTOR, SECRET
from tests.factories import organisation
from tests.serving import serving

HEADER = "网点号,名称,经度,纬度,区县\n"
CSV = {"Content-Type": "text/csv"}


@pytest.fixture(scope="module")
def bank(clone) -> Iterator[Cast]:
    """The cast over a database that the tests of this file share: the worker sees only what is committed."""
    engine = db.make_engine(clone())
    with TestClient(create_app(Settings(secret=SECRET), engine), raise_server_exceptions=False) as client:
        yield Cast(client, engine)
    engine.dispose()


def post(caller, table: str, *, prefer: str = "", **asked: str):
    said = caller.headers | CSV | ({"Prefer": prefer} if prefer else {})
    return caller.client.post("/v1/imports", params=asked, content=table.encode(), headers=said)


def rows(caller, table: str, **asked: str) -> list[dict[str, Any]]:
    answer = post(caller, HEADER + table, **asked)
    assert answer.status_code == 200, answer.text
    ImportStatus.model_validate(answer.json())
    return list(answer.json()["rows"])


def test_who_would_rather_poll_is_told_where(bank: Cast):
    answer = post(bank.bank, HEADER + "a1,轮询,113.5,34.5,\n", prefer="respond-async")
    assert answer.status_code == 202
    place = answer.headers["location"]
    deadline = time.monotonic() + 60
    while (told := bank.bank("GET", place).json())["state"] != "done":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (told["done"], told["counts"]["inserted"]) == (1, 1)
    assert bank.rival("GET", place).status_code == 404
    assert bank.rival("GET", f"{place}/workbook").status_code == 404
    assert bank.bank("GET", "/v1/imports/x").status_code == 404


def test_whoever_polls_has_neither_the_file_nor_an_unfinished_report_read(bank: Cast):
    place = post(bank.bank, HEADER + "a9,轮询九,113.9,34.5,\n", prefer="respond-async").headers["location"]
    engine, asked = bank.public.app.state.engine, list[str]()  # type: ignore[attr-defined]  # the app is FastAPI's

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    deadline = time.monotonic() + 60
    state = "queued"
    while state != "done":
        asked.clear()
        state = bank.bank("GET", place).json()["state"]
        assert time.monotonic() < deadline
        read = " ".join(asked)
        assert "FROM station_import" in read
        assert "station_import.content" not in read
        assert ("station_import.report" in read) == (state == "done")
    event.remove(engine, "before_cursor_execute", note)


def test_for_whom_and_how_far_is_the_key_s_to_say(bank: Cast):
    table = HEADER + "b1,支行站,113.51,34.5,\n"
    assert post(bank.bank, table, organisation="ccb-js").json()["counts"]["inserted"] == 1
    assert post(bank.branch, table).json()["counts"]["unchanged"] == 1  # its own when it names none
    assert post(bank.branch, table, organisation="ccb").status_code == 403
    assert post(bank.union, table).status_code == 403
    assert post(bank.bank, table, publish="true").status_code == 403
    assert post(bank.bank, table, organisation="nobody").status_code == 404
    assert post(bank.admin, HEADER + "b2,公开站,113.52,34.5,\n", publish="true").json()["counts"]["inserted"] == 1
    assert bank.public.get("/v1/stations", params={"q": "公开站"}).json()["features"]


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"", CSV, 422),
        ("名称,经度\n甲,1\n".encode(), CSV, 422),
        (b"PK\x03\x04", {"Content-Type": XLSX}, 422),
        (b"x", {"Content-Type": "image/png"}, 415),
        (b"x", {"Content-Type": "multipart/form-data; boundary=x"}, 422),
        (b" " * 50_020_000, CSV, 413),
    ],
)
def test_what_is_no_table_is_refused(bank: Cast, content, headers, status):
    said = bank.bank.headers | headers
    answer = bank.public.post("/v1/imports", content=content, headers=said)
    assert answer.status_code == status, answer.text
    assert bank.public.post("/v1/imports", content=content, headers=headers).status_code == 401


def test_a_duplicate_says_of_what_and_why(bank: Cast):
    assert bank.rival("POST", "/v1/stations", json=BODY | {"name": "别家站"}).status_code == 201
    first, number, place, theirs = rows(
        bank.bank,
        f"c1,甲站,113.53,34.5,\nc1,乙站,113.9,34.5,\nc9,甲站,113.5301,34.5,\nc3,别家站,{LON},{LAT + 0.0001},\n",
    )
    assert first["verdict"] == "inserted"
    assert number["duplicate_of"] == {"why": "same_host_ref", "row": 2, "id": None, "code": None}
    assert place["duplicate_of"] == {"why": "same_name_within_50_m", "row": 2, "id": None, "code": None}
    assert (theirs["duplicate_of"]["why"], theirs["duplicate_of"]["code"][:2]) == ("same_name_within_50_m", "YZ")


def test_what_was_removed_is_a_duplicate_and_stays_removed(bank: Cast):
    (row,) = rows(bank.bank, "d1,撤销站,113.54,34.5,\n")
    path = f"/v1/stations/{row['id']}"
    bank.bank("PATCH", path, json={"operational_status": "permanently_closed"}, etag="*")
    (again,) = rows(bank.bank, "d1,撤销站,113.54,34.5,\n")
    assert (again["verdict"], again["duplicate_of"]["why"]) == ("duplicate", "removed")


def test_a_position_outside_the_stated_district_says_in_which_datum_it_would_be_inside(bank: Cast):
    """Near a border GCJ-02 taken for WGS-84 lands in the neighbour: the host's own words betray it."""
    border = next(edge_of("金水区", bank))
    lon, lat = convert(*border, Datum.WGS84, Datum.GCJ02)
    right, wrong, whole, far, unknown = rows(
        bank.bank,
        f"e1,甲,{border[0]},{border[1]},金水区\ne2,乙,{lon},{lat},金水区\ne3,丙,{lon},{lat},河南省郑州市金水区\n"
        f"e4,丁,116.39,39.9,金水区\ne5,戊,{lon},{lat},某某街道\n",
        dry_run="true",
    )
    assert right["warnings"] == unknown["warnings"] == []
    for row in (wrong, whole):
        (warning,) = row["warnings"]
        assert "outside the stated district" in warning
        assert "would fall inside it if this were GCJ-02" in warning
    (warning,) = far["warnings"]
    assert "would fall inside" not in warning


def edge_of(district: str, bank: Cast) -> Iterator[tuple[float, float]]:
    """Points of a district that leave it when they are shifted as GCJ-02 shifts them."""

    def where(lon: float, lat: float) -> str | None:
        found = bank.public.get("/v1/regions/locate", params={"lon": lon, "lat": lat}).json()["district"]
        return found["name"] if found else None

    for n in range(400):
        point = (round(LON + n * 0.002, 4), LAT)
        if where(*point) == district and where(*convert(*point, Datum.WGS84, Datum.GCJ02)) != district:
            yield point


def test_the_template_needs_no_key_and_the_result_is_a_workbook(bank: Cast):
    template = bank.public.get("/v1/imports/template")
    assert template.headers["content-type"] == XLSX
    titles = [cell.value for cell in load_workbook(io.BytesIO(template.content)).worksheets[0][1]]
    assert {"网点号", "名称", "经度", "纬度"} <= set(titles)
    answer = post(bank.bank, HEADER + "f1,甲甲,113.55,34.5,\nf2,乙乙,34.5,113.55,\n", partial="true").json()
    content = bank.bank("GET", f"/v1/imports/{answer['id']}/workbook").content
    table = list(load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True))
    assert [row[0] for row in table] == ["结果 verdict", "新增 inserted", "拒绝 refused"]
    assert table[2][5:9] == ("f2", "乙乙", "34.5", "113.55")
    sent = {"file": ("again.xlsx", content, XLSX)}  # the result itself, sent back: what it adds is left out
    again = bank.bank("POST", "/v1/imports", files=sent, params={"partial": "true"}).json()
    assert (again["counts"]["unchanged"], again["counts"]["refused"]) == (1, 1)


def test_the_real_server_has_a_process_for_it_and_leaves_none_behind(fresh_url, fresh_engine):
    with db.session(fresh_engine, ACTOR) as session:
        key = organisations.create_key(session, organisation(session, "ccb"), role=Role.HOST)
    with serving(fresh_url) as address:
        said = {"Authorization": f"Bearer {key}"} | CSV
        asked = Request(f"{address}/v1/imports", (HEADER + "g1,真站,113.5,34.5,\n").encode(), said)
        with urlopen(asked, timeout=60) as answer:
            assert json.load(answer)["counts"]["inserted"] == 1
        assert workers(fresh_url)
    assert workers(fresh_url) == []


def workers(url: str) -> list[str]:
    """Spawned processes that were started beside a server of this database."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            if f"DATABASE_URL={url}".encode() in environment and b"spawn_main" in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_a_process_that_died_is_replaced_and_what_it_was_at_is_told_as_interrupted(bank: Cast):
    with pytest.raises(BrokenProcessPool):
        workshop.submit(os._exit, 1).result(60)
    (row,) = rows(bank.bank, "h1,新工人,113.56,34.5,\n")
    assert row["verdict"] == "inserted"
    job = post(bank.bank, HEADER + "h2,中断,113.57,34.5,\n").json()["id"]
    with db.session(bank.public.app.state.engine) as session:  # type: ignore[attr-defined]  # the application's
        silent = "UPDATE station_import SET state = 'running', report = NULL, heard_at = now() - interval '1 hour'"
        session.execute(text(f"{silent} WHERE id = :id"), {"id": job})
    told = bank.bank("GET", f"/v1/imports/{job}").json()
    assert (told["state"], "interrupted" in told["problem"]["message"]) == ("failed", True)
    assert bank.bank("GET", f"/v1/imports/{job}/workbook").status_code == 409
