"""Closures and faults at scale, and what happened, over HTTP."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from api.schemas import HistoryList
from api.schemas_outages import ClosureList, FaultList
from geo import db
from tests.cast import BODY, LAT, Cast
from tests.conftest import ACTOR

NOW = datetime.now(UTC)
TYPHOON = {"region": "410100", "starts_at": (NOW - timedelta(hours=1)).isoformat(), "reason": "台风"}


def names(answer) -> list[str]:
    return sorted(item["name"] for item in answer.json()["items"])


@pytest.fixture
def three(cast: Cast) -> list[str]:
    """Two stations of the bank and one of another, all in the city."""
    paths = [cast.published(name=name, lat=LAT + n / 100) for n, name in enumerate("甲乙")]
    path = cast.rival("POST", "/v1/stations", json=BODY | {"name": "丙", "lat": LAT + 0.05}).headers["location"]
    cast.rival("POST", f"{path}/submit")
    cast.union("POST", f"{path}/review", json={"decision": "publish"})
    return [*paths, path]


def test_a_region_is_closed_at_once_and_opened_at_once(cast: Cast, three):
    assert len(cast.nearest()) == 3
    made = cast.union("POST", "/v1/closures", json=TYPHOON)
    assert (made.status_code, made.json()["stations"]) == (201, 3)
    assert cast.nearest() == []
    listed = cast.union("GET", "/v1/closures", params={"state": "current"})
    ClosureList.model_validate(listed.json())
    assert names(listed) == ["丙", "乙", "甲"]
    assert cast.union("GET", "/v1/closures", params={"state": "coming"}).json()["items"] == []
    assert names(cast.bank("GET", "/v1/closures")) == ["乙", "甲"]
    assert cast.elsewhere("GET", "/v1/closures").json()["items"] == []
    assert cast.elsewhere("DELETE", made.headers["location"]).status_code == 404
    assert cast.bank("DELETE", made.headers["location"]).json() == {"stations": 2}  # its own, and no more
    assert len(cast.nearest()) == 2
    assert cast.union("DELETE", made.headers["location"]).json() == {"stations": 1}
    assert cast.union("DELETE", made.headers["location"]).status_code == 404


def test_a_closure_to_come_is_listed_in_order_and_called_off(cast: Cast, three):
    later = TYPHOON | {"starts_at": (NOW + timedelta(days=3)).isoformat(), "managed_by": "icbc"}
    made = cast.union("POST", "/v1/closures", json=later)
    assert made.json()["stations"] == 1
    sooner = {"starts_at": (NOW + timedelta(days=1)).isoformat(), "reason": "装修"}
    cast.bank("POST", f"{three[0]}/closures", json=sooner)
    first = cast.admin("GET", "/v1/closures", params={"limit": 1}).json()
    (second,) = cast.admin("GET", first["links"][1]["href"]).json()["items"]
    assert (first["items"][0]["reason"], second["reason"]) == ("装修", "台风")
    assert cast.union("DELETE", made.headers["location"]).json() == {"stations": 1}
    assert [item["reason"] for item in cast.admin("GET", "/v1/closures").json()["items"]] == ["装修"]


def test_each_closes_only_what_it_reaches(cast: Cast, three):
    assert cast.elsewhere("POST", "/v1/closures", json=TYPHOON).json()["stations"] == 0
    assert cast.bank("POST", "/v1/closures", json=TYPHOON | {"region": "100000"}).json()["stations"] == 2
    assert cast.admin("POST", "/v1/closures", json=TYPHOON | {"kind": ["union_station"]}).json()["stations"] == 0
    assert cast.admin("POST", "/v1/closures", json=TYPHOON | {"region": "999999"}).status_code == 404
    wrong = TYPHOON | {"replacement_id": three[0].rsplit("/", 1)[1]}
    assert cast.admin("POST", "/v1/closures", json=wrong).status_code == 422


def test_faults_are_listed_by_age_and_a_second_report_makes_none_younger(cast: Cast, three, house):
    for n, path in enumerate(three[:2]):
        cast.bank("PUT", f"{path}/facilities/microwave", json={"status": "faulty"})
        with db.session(house, ACTOR, as_owner=True) as session:
            aged = "UPDATE station_facility SET since = now() - make_interval(hours => :h) WHERE station_id = :id"
            session.execute(text("ALTER TABLE station_facility DISABLE TRIGGER station_facility_since"))
            session.execute(text(aged), {"h": (10, 100)[n], "id": path.rsplit("/", 1)[1]})
            session.execute(text("ALTER TABLE station_facility ENABLE TRIGGER station_facility_since"))
    cast.bank("PUT", f"{three[1]}/facilities/microwave", json={"status": "faulty", "note": "等配件"})
    answer = cast.bank("GET", "/v1/faults")
    FaultList.model_validate(answer.json())
    told = [(item["name"], round(item["age_h"]), item["overdue"]) for item in answer.json()["items"]]
    assert told == [("乙", 100, True), ("甲", 10, False)]
    assert answer.json()["items"][0]["note"] == "等配件"
    assert names(cast.union("GET", "/v1/faults", params={"overdue": "true"})) == ["乙"]
    assert names(cast.union("GET", "/v1/faults", params={"overdue": "true", "sla_h": 5})) == ["乙", "甲"]
    assert names(cast.union("GET", "/v1/faults", params={"facility": "toilet"})) == []
    assert cast.rival("GET", "/v1/faults").json()["items"] == []
    first = cast.bank("GET", "/v1/faults", params={"limit": 1}).json()
    assert names(cast.bank("GET", first["links"][1]["href"])) == ["甲"]
    cast.bank("PUT", f"{three[1]}/facilities/microwave", json={"status": "working"})
    assert names(cast.bank("GET", "/v1/faults")) == ["甲"]


def test_the_history_of_a_station_is_filtered_and_comes_as_csv(cast: Cast):
    path = cast.published()
    cast.bank("PATCH", path, json={"address": "=HYPERLINK(1)"}, etag="*")
    cast.bank("PATCH", path, json={"capacity": 9}, etag="*")
    assert [list(e["after"]) for e in entries(cast, path, field="capacity")] == [["capacity"]]
    union = next(e for e in entries(cast, path) if e["organisation"] == "union")
    assert entries(cast, path, actor=union["actor"]) == [union]
    assert entries(cast, path, until=(NOW - timedelta(days=1)).isoformat()) == []
    assert len(entries(cast, path, since=(NOW - timedelta(days=1)).isoformat())) == len(entries(cast, path))
    answer = cast.bank("GET", f"{path}/history", params={"format": "csv", "limit": 2})
    assert answer.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(line["field"], line["after"]) for line in lines] == [("capacity", "9"), ("address", "'=HYPERLINK(1)")]
    following = answer.headers["link"].removeprefix("<").split(">")[0]
    assert "publication_status" in cast.bank("GET", following).text


def entries(cast: Cast, path: str, **asked: str):
    answer = cast.bank("GET", f"{path}/history", params=asked).json()
    HistoryList.model_validate(answer)
    return answer["items"]


def test_the_history_of_an_organisation_is_its_own_line_s(cast: Cast):
    mine, theirs = cast.published(name="甲"), "/v1/organisations/ccb-js/stations/1"
    assert cast.branch("PUT", theirs, json=BODY | {"name": "乙", "lat": LAT + 0.02}).status_code == 201
    whole = cast.bank("GET", "/v1/organisations/ccb/history").json()["items"]
    assert {entry["organisation"] for entry in whole} == {"ccb", "ccb-js", "union"}
    below = cast.branch("GET", "/v1/organisations/ccb-js/history").json()["items"]
    assert {entry["organisation"] for entry in below} == {"ccb-js"}
    deeds = cast.union("GET", "/v1/organisations/union/history").json()["items"]
    assert [entry["after"] for entry in deeds] == [{"publication_status": "published"}]
    for caller in (cast.branch, cast.rival, cast.union):
        assert caller("GET", "/v1/organisations/ccb/history").status_code == 403
    assert cast.admin("GET", "/v1/organisations/nobody/history").status_code == 404
    assert cast.bank("GET", f"{mine}/history").json()["items"]
