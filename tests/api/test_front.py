"""The hot door: the same answers as the documented way, many at once, and on through an outage."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.front import PATH, Front, read
from geo import db
from geo.settings import Settings
from tests.conftest import ACTOR, SECRET
from tests.factories import ZHENGZHOU, station

LON, LAT = ZHENGZHOU
HERE = f"lon={LON}&lat={LAT}"


@pytest.fixture
def front(fresh_url: str) -> Front:
    """The hot door over a database with a few stations, its directory loaded."""
    engine = db.make_engine(fresh_url)
    with db.session(engine, ACTOR) as session:
        for n in range(12):
            facilities = ["microwave"] if n % 2 else ["toilet"]
            station(session, name=f"站{n}", lat=LAT + n / 1000, facilities=facilities, opening_hours="24/7")
    engine.dispose()
    return Front(create_app(Settings(secret=SECRET, database_url=fresh_url)))


@pytest.fixture
def riders(front: Front) -> Iterator[TestClient]:
    with TestClient(front, raise_server_exceptions=False) as client:
        wait_for(lambda: client.get("/readyz").json()["status"] == "ready")
        yield client


def wait_for(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.05)


@pytest.mark.parametrize(
    "query",
    [
        HERE,
        f"{HERE}&limit=3&facility=microwave&open=now",
        f"{HERE}&crs=gcj02&radius_m=300",
        f"{HERE}&facility=laundry",
        f"{HERE}&facility_any=microwave,toilet&limit=500",
        f"{HERE}&open=2026-10-01T10:00:00%2B08:00&managed_by=nobody",
    ],
)
def test_it_answers_what_the_documented_way_answers(riders: TestClient, front: Front, query: str):
    found = riders.get(f"{PATH}?{query}")
    assert found.headers["content-type"] == "application/geo+json"
    assert found.headers["referrer-policy"] == "no-referrer"
    front.app.state.follower, follower = None, front.app.state.follower
    documented = riders.get(f"{PATH}?{query}")
    front.app.state.follower = follower
    ours, theirs = found.json(), documented.json()
    assert ours.pop("as_of")
    assert theirs.pop("as_of")
    for mine, its in zip(ours["features"], theirs["features"], strict=True):
        for name, most in (("distance_m", 0.011), ("bearing_deg", 0.11)):  # a digit of rounding
            assert mine["properties"].pop(name) == pytest.approx(its["properties"].pop(name), abs=most)
    assert ours == theirs


@pytest.mark.parametrize(
    "query", ["lat=34", "lon=34&lat=113", f"{HERE}&lon=1", f"{HERE}&x=1", f"{HERE}&limit=0", f"{HERE}&facility=sauna"]
)
def test_what_is_wrong_is_refused_by_the_documented_way(riders: TestClient, query: str):
    answer = riders.get(f"{PATH}?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"]


def test_a_rider_who_takes_gzip_is_given_it(riders: TestClient):
    plain = riders.get(f"{PATH}?{HERE}", headers={"Accept-Encoding": "identity"})
    small = riders.get(f"{PATH}?{HERE}", headers={"Accept-Encoding": "gzip"})
    assert small.headers["content-encoding"] == "gzip"
    assert small.num_bytes_downloaded < len(plain.content) / 3
    assert small.json()["features"] == plain.json()["features"]


def test_requests_of_one_turn_are_answered_by_one_call_each_with_its_own(riders: TestClient, front: Front, monkeypatch):
    follower = front.app.state.follower
    calls: list[int] = []
    directory = follower.directory

    class Counting:
        def nearest(self, asks):
            calls.append(len(asks))
            return directory.nearest(asks)

    async def ask(limit: int) -> int:
        sent: list[dict[str, Any]] = []
        scope = {
            "type": "http",
            "method": "GET",
            "path": PATH,
            "query_string": f"{HERE}&limit={limit}".encode(),
            "headers": [],
        }

        async def send(message) -> None:
            sent.append(message)

        await front(scope, None, send)  # type: ignore[arg-type]  # nothing is received
        return len(json.loads(sent[1]["body"])["features"])

    async def many() -> list[int]:
        return await asyncio.gather(*(ask(n) for n in range(1, 9)))

    monkeypatch.setattr(follower, "_directory", Counting())
    assert asyncio.run(many()) == list(range(1, 9))
    assert calls == [8]


def test_a_change_reaches_riders_within_a_second(riders: TestClient, front: Front):
    with db.session(front.app.state.engine, ACTOR) as session:
        station(session, name="新站", lat=LAT - 0.0001)
    began = time.monotonic()
    wait_for(lambda: riders.get(f"{PATH}?{HERE}&limit=2").json()["features"][1]["properties"]["name"] == "新站")
    assert time.monotonic() - began < 5  # half a second where nothing else runs


def test_nearest_goes_on_while_the_database_is_away(riders: TestClient, fresh_url: str, server: str):
    name = fresh_url.split("@/")[1].split("?")[0]

    def away(is_away: bool) -> None:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {not is_away}')
            if is_away:
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    away(True)
    try:
        assert riders.get("/readyz").json()["status"] == "degraded"
        assert riders.get("/readyz").status_code == 200
        for _ in range(50):
            answer = riders.get(f"{PATH}?{HERE}")
            assert answer.status_code == 200
            assert len(answer.json()["features"]) == 10
        known = riders.get("/v1/stations", params={"limit": 3}).json()
        assert len(known["features"]) == 3
        assert known["as_of"]
        assert any(link["rel"] == "next" for link in known["links"])
        one = known["features"][0]
        for path in (f"/v1/stations/{one['id']}", f"/v1/stations/by-code/{one['properties']['code']}"):
            answer = riders.get(path)
            assert answer.json()["as_of"]
            assert riders.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        assert riders.get(f"/v1/stations/{one['id']}", headers={"Authorization": "Bearer yz_a_b"}).status_code == 503
        assert riders.get("/v1/stations/00000000-0000-0000-0000-000000000000").status_code == 503  # who knows?
    finally:
        away(False)
    wait_for(lambda: riders.get("/readyz").json()["status"] == "ready")
    wait_for(lambda: "as_of" not in riders.get(f"/v1/stations/{one['id']}").json())


def test_the_parser_leaves_what_is_odd_to_the_documented_way():
    assert read(b"lon=1&lat=2&lat=3") is None
    assert read(b"lon=nan&lat=2") is None
    assert read(b"\xff\xfe") is None
    asked = read(b"lon=113.5&lat=34.5&facility=toilet,microwave&open=now")
    assert asked is not None
    assert [str(name) for name in asked.wanted.facility] == ["toilet", "microwave"]
