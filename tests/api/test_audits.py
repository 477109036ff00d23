"""Audits, findings and figures over HTTP."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from api.schemas_audits import FindingList
from api.schemas_visits import OddityList
from geo import db, figures, regions
from geo.audit_places import likeness
from geo.datum import Datum, convert
from geo.figures import GroupBy
from geo.findings import State
from geo.hours import SHANGHAI
from tests.cast import LAT
from tests.conftest import ACTOR, rolled_back
from tests.factories import draft, register

# Where each stands and what it states, GCJ-02 as such lists are published: in the form of a city's own list.
LIST = [
    ("甲", "金水区", 113.6850, 34.7800),
    ("乙(其实在新郑)", "金水区", 113.7400, 34.4000),
    ("丙", "高新区", 113.5650, 34.8190),
    ("丁", "高新区", 113.5700, 34.8080),
    ("戊", "高新区", 113.5560, 34.8020),
    ("己", "高新区", 113.5490, 34.8090),
    ("庚(离高新区很远)", "高新区", 113.7560, 34.7336),
    ("辛", "经开区", 113.7570, 34.7214),
]


@pytest.fixture
def city(cast):
    for number, (name, stated, lon, lat) in enumerate(LIST):
        place = {"lon": lon, "lat": lat, "crs": "gcj02", "stated_district": stated}
        cast.published(name=name, host_ref=str(number), **place)
    return cast


def findings(cast, audit: str, **asked: str) -> list[dict[str, Any]]:
    answer = cast.union("GET", f"/v1/audits/{audit}", params={"region": "410100", **asked})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def test_what_stands_elsewhere_comes_first_and_functional_zones_are_explained(city):
    found = findings(city, "mislocated")
    assert [each["station"]["name"] for each in found[:2]] == ["乙(其实在新郑)", "庚(离高新区很远)"]
    assert found[0]["terms"]["outside_m"] > 25_000
    assert "新郑市" in found[0]["explanation"]["zh"]
    assert found[1]["facts"]["what"] == "far_from_its_zone"
    assert 13_000 < found[1]["terms"]["from_siblings_m"] < 25_000
    rest = found[2:]
    assert {each["station"]["name"] for each in rest} == {"丙", "丁", "戊", "己", "辛"}
    assert {(each["facts"]["what"], each["score"]) for each in rest} == {("functional_zone", 0.0)}
    assert {each["state"] for each in rest} == {"explained"}  # no error, and nothing that is open
    assert all(each["explanation"]["en"].endswith("That is no error.") for each in rest)
    asked = {"region": "410100", "state": "accepted,open"}
    told = FindingList.model_validate(city.union("GET", "/v1/audits/mislocated", params=asked).json())
    assert (told.total, told.states[State.OPEN], told.states[State.EXPLAINED]) == (2, 2, 5)


def test_a_datum_given_wrongly_is_recognised_by_where_it_would_lead(cast):
    # As WGS-84 this is just outside Erqi; as GCJ-02, half a kilometre to the west, inside.
    with db.session(cast.public.app.state.engine) as session:
        outline = text(
            "SELECT ST_X(p) AS lon, ST_Y(p) AS lat FROM (SELECT (ST_DumpPoints(ST_Boundary(geom))).geom AS p"
            " FROM region WHERE level = 'district' AND adcode = '410105') v"
        )
        for lon, lat in session.execute(outline):
            place = regions.locate(session, lon + 0.002, lat).district
            read = regions.locate(session, *convert(lon + 0.002, lat, Datum.GCJ02, Datum.WGS84)).district
            if place and read and place.adcode != "410105" == read.adcode and place.adcode.startswith("4101"):
                break
    cast.published(lon=lon + 0.002, lat=lat, stated_district="金水区")
    (found,) = findings(cast, "mislocated")
    assert found["terms"]["datum_signature"] == "gcj02"
    assert "GCJ-02" in found["explanation"]["en"]


def test_pairs_alike_and_near_are_found_the_likeliest_first(cast):
    place = {"lon": 113.70, "lat": 34.76}
    cast.published(name="劳动者港湾(建行花园路支行)", host_ref="1", **place)
    cast.published(name="劳动者港湾(建行花园路支行营业部)", host_ref="2", lon=113.7003, lat=34.76)
    cast.published(name="工会驿站(省博物馆)", host_ref="3", lon=113.7001, lat=34.76)
    cast.published(name="劳动者港湾(建行花园路支行营业部)", host_ref="4", lon=113.72, lat=34.76)
    (found,) = findings(cast, "duplicates")
    assert {found["station"]["name"], found["other"]["name"]} == {
        "劳动者港湾(建行花园路支行)",
        "劳动者港湾(建行花园路支行营业部)",
    }
    assert found["terms"]["same_manager"] is True
    assert 25 < found["terms"]["distance_m"] < 30


@given(st.text(min_size=1), st.text(min_size=1))
def test_likeness_is_the_same_both_ways_and_whole_for_the_same_name(one, other):
    assert likeness(one, other) == likeness(other, one)
    assert likeness(one, one) == 1.0
    assert 0 <= likeness(one, other) <= 1


def test_what_riders_choose_by_and_is_unknown_is_told(cast):
    path = cast.published(name="少", opening_hours=None, facilities=[], address="花园路", stated_district="金水区")
    (found,) = findings(cast, "incomplete")
    assert found["terms"]["missing"] == ["opening_hours", "facilities"]
    assert path.endswith(found["station"]["id"])


def test_what_nobody_looked_after_is_stale_until_somebody_does(play, fresh_engine):
    path = play.published()
    assert findings(play, "stale") == []
    with db.session(fresh_engine, ACTOR, as_owner=True) as session:
        session.execute(text("ALTER TABLE station DISABLE TRIGGER station_stamp"))
        session.execute(text("UPDATE station SET updated_at = now() - interval '200 days'"))
        session.execute(text("ALTER TABLE station ENABLE TRIGGER station_stamp"))
    (found,) = findings(play, "stale")
    assert found["terms"]["untouched_days"] == 200
    seen = text(
        "INSERT INTO check_in (station_id, outcome, distance_band, at)"
        " VALUES (:station, :outcome, :band, now() - make_interval(days => :ago))"
    )

    def check_in(outcome: str, band: str | None, ago: int) -> list[dict[str, Any]]:
        with db.session(fresh_engine, ACTOR, as_owner=True) as session:
            session.execute(seen, {"station": path[-36:], "outcome": outcome, "band": band, "ago": ago})
        return findings(play, "stale")

    assert check_in("wrong_location", None, 1)
    assert check_in("used_ok", "farther", 1)
    (seen_once,) = check_in("closed_as_posted", None, 190)
    assert seen_once["terms"]["untouched_days"] == 190
    assert check_in("confirmed_correct", "at_the_door", 1) == []
    with db.session(fresh_engine, ACTOR, as_owner=True) as session:
        session.execute(text("UPDATE check_in SET at = now() - interval '181 days'"))
    assert findings(play, "stale")
    etag = play.etag(path)
    assert play.bank("PATCH", path, etag=etag, json={"capacity": 7}).status_code == 200
    assert findings(play, "stale") == []


def test_what_nobody_uses_is_idle_and_what_is_locked_in_its_hours_is_told(play, fresh_engine):
    used, unused, locked = (
        play.published(name=name, host_ref=name, lon=113.7 + n / 100)[-36:] for n, name in enumerate("用闲锁")
    )
    with db.session(fresh_engine, ACTOR, as_owner=True) as session:
        session.execute(text("ALTER TABLE station DISABLE TRIGGER station_stamp"))
        session.execute(text("UPDATE station SET created_at = now() - interval '200 days'"))
        session.execute(text("ALTER TABLE station ENABLE TRIGGER station_stamp"))
        visit = text(
            "INSERT INTO visit (station_id, id, count, started_at, method, complete, recorded_by)"
            " VALUES (:station, gen_random_uuid(), 5, now() - CAST(:ago AS interval), 'staff_tally', true, 'test')"
        )
        session.execute(visit, [{"station": used, "ago": "3 days"}, {"station": unused, "ago": "90 days"}])
        check = text("INSERT INTO check_in (station_id, outcome, in_posted_hours) VALUES (:station, :outcome, true)")
        told = ["used_ok", "locked_in_posted_hours", "locked_in_posted_hours"]
        session.execute(check, [{"station": locked, "outcome": outcome} for outcome in told])
        session.execute(check, [{"station": used, "outcome": "locked_in_posted_hours"}] * 2)
    (idle,) = findings(play, "idle")
    assert idle["id"] == unused
    assert idle["terms"]["verified_days"] == 200
    assert "登记 200 天以来从未实地核实" in idle["explanation"]["zh"]
    assert findings(play, "stale") == []  # its record was changed a moment ago, which is no verification
    (hours,) = findings(play, "hours")
    assert (hours["id"], hours["terms"]["honoured"]) == (locked, 0.333)


def test_a_finding_is_accepted_mended_and_its_rejection_holds_while_the_facts_do(city):
    wrong, far = findings(city, "mislocated")[:2]
    decide = "/v1/audits/mislocated/findings/{}".format
    answer = city.union("POST", decide(wrong["id"]), json={"state": "accepted"})
    assert answer.json()["state"] == "accepted"
    assert city.union("POST", decide(far["id"]), json={"state": "rejected"}).status_code == 422
    why = {"state": "rejected", "reason": "实地核实无误"}
    assert city.union("POST", decide(far["id"]), json=why).json()["reason"] == "实地核实无误"
    assert [each["id"] for each in findings(city, "mislocated", state="rejected")] == [far["id"]]

    station = f"/v1/stations/{wrong['station']['id']}"
    etag = city.etag(station)
    assert city.bank("PATCH", station, etag=etag, json={"stated_district": "新郑市"}).status_code == 200
    (mended,) = findings(city, "mislocated", state="mended")
    assert mended["id"] == wrong["id"]
    assert wrong["id"] not in {each["id"] for each in findings(city, "mislocated", state="open")}

    station = f"/v1/stations/{far['station']['id']}"
    etag = city.etag(station)
    city.bank("PATCH", station, etag=etag, json={"stated_district": "惠济区"})
    assert far["id"] in {each["id"] for each in findings(city, "mislocated", state="open")}


def test_a_duplicate_is_merged_through_its_finding_and_nothing_is_lost(cast):
    one = cast.published(name="劳动者港湾(花园路支行)", host_ref="1")
    two = cast.published(name="劳动者港湾(花园路支行营业部)", host_ref="2", lat=LAT + 0.0002)
    for path in (one, two):
        cast.report(path, date(2026, 5, 4), 20)
    (pair,) = findings(cast, "duplicates")
    decide = f"/v1/audits/duplicates/findings/{pair['id']}"
    merge = {"state": "accepted", "keep": one[-36:], "reason": "同一网点"}
    for caller, body, status in [
        (cast.bank, merge, 403),
        (cast.elsewhere, merge, 403),
        (cast.bank_auditor, merge, 403),
        (cast.union, merge | {"state": "rejected"}, 422),
        (cast.union, merge | {"keep": str(uuid4())}, 422),
    ]:
        assert caller("POST", decide, json=body).status_code == status, body
    assert findings(cast, "duplicates")[0]["state"] == "open"  # what was refused decided nothing
    done = cast.union("POST", decide, json=merge)
    assert (done.status_code, done.json()["state"], done.json()["reason"]) == (200, "mended", "同一网点")
    assert findings(cast, "duplicates", state="open") == []

    led = cast.public.get(two, follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (308, one)
    asked = {"from": "2026-05-04", "to": "2026-05-04"}
    for path in (one, two):
        assert cast.union("GET", f"{path}/visits", params=asked).json()["buckets"][0]["visits"] == 20
    of_region = cast.union("GET", "/v1/stats/visits", params=asked | {"region": "410100", "bucket": "day"}).json()
    assert [each["visits"] for each in of_region["buckets"]] == [40], of_region
    last = cast.union("GET", f"{two}/history").json()["items"]
    assert "同一网点" in [entry["reason"] for entry in last]
    assert cast.union("POST", decide, json=merge).status_code == 409


def test_only_a_pair_of_duplicates_is_merged(city):
    finding = findings(city, "mislocated")[0]
    path = f"/v1/audits/mislocated/findings/{finding['id']}"
    answer = city.union("POST", path, json={"state": "accepted", "keep": finding["id"]})
    assert answer.status_code == 422
    assert "duplicates" in answer.json()["errors"][0]["message"]


def test_only_an_auditor_of_the_region_decides_and_never_about_its_own(city):
    finding = findings(city, "mislocated")[0]
    path = f"/v1/audits/mislocated/findings/{finding['id']}"
    accept = {"state": "accepted"}
    assert city.bank("POST", path, json=accept).status_code == 403
    assert city.bank_auditor("POST", path, json=accept).status_code == 403
    assert city.elsewhere("POST", path, json=accept).status_code == 403
    assert city.admin("POST", path, json=accept).status_code == 200
    for who, status in ((city.bank, 403), (city.elsewhere, 403), (city.admin, 200)):
        assert who("GET", "/v1/audits/mislocated", params={"region": "410100"}).status_code == status
    other = f"/v1/audits/duplicates/findings/{finding['id']}"
    assert city.union("POST", other, json=accept).status_code == 404


def test_pages_of_findings_hold_each_once(city):
    query: dict[str, str] = {"region": "410100", "limit": "3"}
    seen: list[str] = []
    url = "/v1/audits/mislocated"
    while url:
        body = city.union("GET", url, params=query or None).json()
        seen += [each["id"] for each in body["items"]]
        following = [link["href"] for link in body["links"] if link["rel"] == "next"]
        url, query = (following[0].removeprefix("http://testserver"), {}) if following else ("", {})
    assert seen == [each["id"] for each in findings(city, "mislocated")]
    assert len(set(seen)) == 7


def test_what_is_decided_makes_way_for_what_is_open(city):
    first, second, third, *zones = [each["id"] for each in findings(city, "mislocated")]
    decide = "/v1/audits/mislocated/findings/{}".format
    for key, said in ((first, {"state": "rejected", "reason": "核实无误"}), (third, {"state": "accepted"})):
        assert city.union("POST", decide(key), json=said).status_code == 200
    listed = [(each["id"], each["state"]) for each in findings(city, "mislocated")]
    decided = [(second, "open"), (third, "accepted"), (first, "rejected")]
    assert listed == [*decided, *((key, "explained") for key in zones)]


def test_coverage_is_for_auditors_of_the_region_and_siting_also_for_a_bank_with_its_premises(cast):
    asked = {"region": "410105", "level": "district"}
    for who, status in ((cast.union, 200), (cast.admin, 200), (cast.elsewhere, 403), (cast.bank, 403)):
        assert who("GET", "/v1/coverage", params=asked).status_code == status
    assert cast.public.get("/v1/coverage", params=asked).status_code == 401
    premises = {"region": "410100", "candidates": "premises", "n": "2"}
    assert cast.bank("GET", "/v1/coverage/siting", params=premises).status_code == 404
    body = "经度,纬度,名称\n113.70,34.78,花园路支行\n113.60,34.75,中原支行\n120.1,30.2,杭州支行\n"
    csv_type = {"content-type": "text/csv"}
    put = cast.public.put(
        "/v1/coverage/points/premises", content=body.encode("gb18030"), headers=cast.bank.headers | csv_type
    )
    assert put.json()["points"] == 3
    chosen = cast.bank("GET", "/v1/coverage/siting", params=premises).json()
    assert {each["properties"]["name"] for each in chosen["features"]} == {"花园路支行", "中原支行"}
    turned = cast.bank("GET", "/v1/coverage/siting", params=premises | {"crs": "gcj02"}).json()
    assert turned["crs"] == "gcj02"
    for one, other in zip(chosen["features"], turned["features"], strict=True):
        lon, lat = one["geometry"]["coordinates"]
        expected = convert(lon, lat, Datum.WGS84, Datum.GCJ02)
        assert other["geometry"]["coordinates"] == pytest.approx(expected, abs=1e-6)
    assert cast.bank("DELETE", "/v1/coverage/points/premises").status_code == 204
    assert cast.bank("GET", "/v1/coverage/points/premises").json()["points"] == 0


def test_bad_points_are_refused_row_by_row_and_those_before_stay(cast):
    def put(content: str, kind: str) -> Any:
        headers = cast.union.headers | {"content-type": kind}
        return cast.public.put("/v1/coverage/points/demand", content=content.encode(), headers=headers)

    point = (
        '{"type": "Feature", "geometry": {"type": "Point", "coordinates": [113.6, 34.7]}, "properties": {"weight": 3}}'
    )
    good = put(f'{{"type": "FeatureCollection", "features": [{point}]}}', "application/geo+json")
    assert (good.json()["points"], good.json()["weight"]) == (1, 3)
    bad = put("lon,lat,weight\n113.6,34.7,1\n34.7,113.6,1\n113.6,34.7,-1\n", "text/csv")
    assert [each["loc"][1:] for each in bad.json()["errors"]] == [[3, "lon"], [4, "weight"]]
    assert put("a,b\n1,2\n", "text/csv").status_code == 422
    assert put("x", "text/plain").status_code == 415
    assert cast.union("GET", "/v1/coverage/points/demand").json()["weight"] == 3


def test_at_counts_only_what_is_open_then(cast):
    cast.published(opening_hours="Mo-Fr 09:00-17:00")
    asked = {"region": "410105", "level": "district"}
    day, night = "2026-09-14T10:00:00+08:00", "2026-09-14T20:00:00+08:00"
    open_then = cast.union("GET", "/v1/coverage", params=asked | {"at": day}).json()
    shut = cast.union("GET", "/v1/coverage", params=asked | {"at": night}).json()
    assert (open_then["stations"], shut["stations"], shut["area_share"]) == (1, 0, 0)
    assert open_then["area_share"] > 0


LONS, LATS = st.floats(75, 133, width=32), st.floats(20, 50, width=32)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(LONS, LATS), min_size=1, max_size=25, unique=True))
def test_the_region_tree_adds_up_at_every_level_whatever_is_counted(shared_engine, places):
    with rolled_back(shared_engine, as_owner=False) as session:
        rows = register(session, *(draft(lon=lon, lat=lat, name=f"站 {n}") for n, (lon, lat) in enumerate(places)))
        country = regions.get(session, "100000")
        assert figures.count(session, country, []).total == sum(row.verdict == "inserted" for row in rows)
        waiting = [country]
        while waiting:
            record = waiting.pop()
            counts = figures.count(session, record, [GroupBy.REGION])
            assert counts.total == figures.count(session, record, []).total
            for group in (GroupBy.KIND, GroupBy.STATUS, GroupBy.OPEN_24H, GroupBy.ORGANISATION_KIND):
                assert figures.count(session, record, [group]).total == counts.total
            for row in counts.rows if record.level != "district" else ():
                if row["region"]:  # what lies in no division below counts all the same
                    below = regions.get(session, row["region"], level=level_below(record.level, row["region"]))
                    assert figures.count(session, below, []).total == row["stations"]
                    waiting.append(below)


def level_below(level: str, adcode: str) -> str:
    """Of a province's children those with 00 at the end are cities, and its own code is, as in the municipalities."""
    return {"country": "province", "city": "district"}.get(level) or ("city" if adcode.endswith("00") else "district")


def test_counts_that_look_wrong_are_findings_and_told_of_one_station(cast):
    path = cast.published(opening_hours="24/7")
    today = datetime.now(SHANGHAI).date()
    for ago, count in enumerate([61, 11, 12, 13, 11, 12, 10], start=1):
        day = f"{today - timedelta(days=ago)}T12:00:00+08:00"
        said = {"id": str(uuid4()), "count": count, "started_at": day, "method": "staff_tally"}
        assert cast.bank("POST", f"{path}/visits", json=said).status_code == 201
    (found,) = findings(cast, "visit-anomalies")
    assert path.endswith(found["id"])
    assert list(found["facts"]) == ["above_median"]
    assert "5 times the median of 12" in found["explanation"]["en"]
    assert "超过中位数 12 的 5 倍" in found["explanation"]["zh"]
    mine = cast.bank("GET", f"{path}/visits/anomalies")
    OddityList.model_validate(mine.json())
    assert [(one["flag"], one["visits"]) for one in mine.json()["items"]] == [("above_median", 61)]
    assert cast.rival("GET", f"{path}/visits/anomalies").status_code == 403
    decide = f"/v1/audits/visit-anomalies/findings/{found['id']}"
    why = {"state": "rejected", "reason": "当天有大型活动"}
    assert cast.union("POST", decide, json=why).json()["state"] == "rejected"
    assert findings(cast, "visit-anomalies", state="open") == []
