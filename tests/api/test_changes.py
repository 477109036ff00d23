"""The change feed over HTTP: whoever follows it has the published stations."""

import random
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from geo import db
from geo.settings import Settings
from tests.conftest import ACTOR, SECRET
from tests.factories import ZHENGZHOU, station

LON, LAT = ZHENGZHOU
CHANGES = (
    "UPDATE station SET name = md5(CAST(random() AS text)) WHERE id = :id",
    "UPDATE station SET publication_status = 'published' WHERE id = :id",
    "UPDATE station SET publication_status = 'delisted_inactive' WHERE id = :id AND publication_status = 'published'",
    "UPDATE station SET operational_status = 'suspended' WHERE id = :id",
    "INSERT INTO closure (station_id, starts_at, reason) VALUES (:id, now() + interval '1 day', '修')",
)


@pytest.fixture
def api(fresh_engine):
    with TestClient(create_app(Settings(secret=SECRET), fresh_engine), raise_server_exceptions=False) as client:
        yield client


class Copy:
    """A copy of the registry, kept by following the feed."""

    def __init__(self, api: TestClient) -> None:
        self.api, self.cursor = api, ""
        self.known: dict[str, dict[str, Any]] = {}

    def follow(self, limit: int = 100) -> int:
        """Read on until nothing new comes; how many pages that took."""
        idle = 0
        for page in range(1, 400):
            asked = {"limit": limit} | ({"cursor": self.cursor} if self.cursor else {})
            answer = self.api.get("/v1/changes", params=asked)
            assert answer.status_code == 200, answer.text
            body = answer.json()
            news = [
                item
                for item in body["items"]
                if item["revision"] > self.known.get(item["id"], {"revision": 0})["revision"]
            ]
            self.known |= {item["id"]: item for item in news}
            self.cursor = body["cursor"]
            idle = 0 if news else idle + 1
            if not body["items"] or idle > 20:  # what lies ahead of an open transaction comes again and again
                return page
        raise AssertionError("the feed has no end")

    def revision(self, key: str) -> int:
        return int(self.known[key]["revision"]) if key in self.known else 0

    @property
    def published(self) -> dict[str, tuple[int, str]]:
        living = (item for item in self.known.values() if not item["deleted"])
        return {item["id"]: (item["revision"], item["station"]["properties"]["name"]) for item in living}


def listed(api: TestClient) -> dict[str, tuple[int, str]]:
    features = api.get("/v1/stations", params={"limit": 500}).json()["features"]
    return {each["id"]: (each["properties"]["revision"], each["properties"]["name"]) for each in features}


@pytest.mark.parametrize("limit", [3, 500])
def test_a_copy_that_follows_is_the_published_set(api, fresh_engine, limit):
    rng = random.Random(limit)
    with db.session(fresh_engine, ACTOR) as session:
        ids = [station(session, name=f"站 {n}", lon=LON + n / 100, publish=n % 3 > 0) for n in range(20)]
    copy = Copy(api)
    copy.follow(limit)
    assert copy.published == listed(api)
    for _ in range(12):
        with db.session(fresh_engine, ACTOR) as session:
            for _ in range(rng.choice((1, 7))):
                session.execute(text(rng.choice(CHANGES)), {"id": rng.choice(ids)})
        copy.follow(limit)
        assert copy.published == listed(api)


def test_a_change_committed_late_is_given_when_it_is_there(api, fresh_engine):
    with db.session(fresh_engine, ACTOR) as session:
        keys = [station(session, name=name, lon=LON + far) for name, far in (("甲", 0), ("乙", 0.01), ("丙", 0.02))]
    renamed = text("UPDATE station SET name = :name WHERE id = :id")
    copy = Copy(api)
    with db.session(fresh_engine, ACTOR) as late:
        late.execute(renamed, {"id": keys[0], "name": "迟"})
        for key in keys[1:]:
            with db.session(fresh_engine, ACTOR) as early:
                early.execute(renamed, {"id": key, "name": "早"})
        copy.follow(limit=1)  # what is ahead of an open transaction comes too, page by page
        assert sorted(name for _, name in copy.published.values()) == ["早", "早", "甲"]
    copy.follow(limit=1)
    assert copy.published == listed(api)
    assert copy.published[keys[0]][1] == "迟"


def test_what_was_never_public_is_not_told(api, fresh_engine):
    with db.session(fresh_engine, ACTOR) as session:
        station(session, name="草稿", publish=False)
    assert api.get("/v1/changes").json()["items"] == []


def test_positions_are_in_the_datum_asked_for(api, fresh_engine):
    with db.session(fresh_engine, ACTOR) as session:
        station(session)
    answer = api.get("/v1/changes", params={"crs": "gcj02"}).json()
    assert answer["crs"] == "gcj02"
    assert answer["items"][0]["station"]["geometry"]["coordinates"] != [LON, LAT]


def test_a_cursor_from_before_a_restore_is_gone(api, fresh_engine, clone):
    with db.session(fresh_engine, ACTOR) as session:
        station(session)
    cursor = api.get("/v1/changes").json()["cursor"]
    other = db.make_engine(clone())
    with TestClient(create_app(Settings(secret=SECRET), other), raise_server_exceptions=False) as restored:
        answer = restored.get("/v1/changes", params={"cursor": cursor})
        assert answer.status_code == 410
        assert "without a cursor" in answer.json()["detail"]
    other.dispose()


def test_a_cursor_of_somebody_else_is_refused(api):
    assert api.get("/v1/changes", params={"cursor": "bm90IG91cnM"}).status_code == 400
