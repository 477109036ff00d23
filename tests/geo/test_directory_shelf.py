"""A directory that was kept on disk: believed when it is what the database holds, of use when that is away."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from geo import db, directory_shelf, errors
from geo.directory import Directory
from geo.directory_shelf import Shelf
from geo.follower import Follower
from geo.search import Ask
from tests.conftest import ACTOR
from tests.factories import ZHENGZHOU, station

SECRET = b"sixteen letters."
WHEN = datetime(2026, 6, 1, 4, tzinfo=UTC)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setattr(directory_shelf, "WORTHWHILE", 1)
    return Shelf(tmp_path / "data" / "directory", SECRET)


@pytest.fixture
def left(shelf: Shelf, fresh_engine: Engine) -> Shelf:
    """A shelf with the directory of a server that has ended: five stations, one of them closed, one gone."""
    with db.session(fresh_engine, ACTOR) as session:
        keys = [station(session, name=f"站 {number}", opening_hours="06:00-22:00") for number in range(5)]
    end_of_a_server(shelf, fresh_engine)
    with db.session(fresh_engine, ACTOR) as session:
        change(session, "publication_status = 'delisted_inactive'", keys[0])
        session.execute(
            text("INSERT INTO closure (station_id, starts_at, reason) VALUES (:key, '2026-05-01', 'renovation')"),
            {"key": keys[1]},
        )
    end_of_a_server(shelf, fresh_engine)
    return shelf


def end_of_a_server(shelf: Shelf, engine: Engine) -> None:
    follower = Follower(engine, shelf=shelf, poll_s=0.01)
    follower.start()
    assert follower.wait(10)
    follower.stop()


def change(session: Session, what: str, key: str) -> None:
    session.execute(text(f"UPDATE station SET {what} WHERE id = :key"), {"key": key})


def answer(directory: Directory) -> bytes:
    (said,) = directory.nearest([Ask(*ZHENGZHOU, limit=50, at=WHEN)])
    return said


def loaded(engine: Engine) -> Directory:
    with db.session(engine) as session:
        return Directory.load(session)


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often all stations were read from the database."""
    times: list[int] = []
    load = Directory.load

    def counted(session: Session) -> Directory:
        times.append(1)
        return load(session)

    monkeypatch.setattr(Directory, "load", counted)
    return lambda: len(times)


def test_the_next_server_takes_what_was_kept_and_what_changed_since(left: Shelf, fresh_engine: Engine, unread):
    with db.session(fresh_engine, ACTOR) as session:
        change(session, "name = '改名'", session.scalar(text("SELECT id FROM station WHERE name = '站 2'")))
        station(session, name="新站")
    follower = Follower(fresh_engine, shelf=left)
    follower.refresh()
    assert unread() == 0
    expected = loaded(fresh_engine)
    assert follower.directory.count == expected.count == 5
    assert answer(follower.directory) == answer(expected)
    for each in orjson.loads(answer(expected))["features"]:
        assert follower.directory.find(each["id"]) == expected.find(each["id"])


@pytest.mark.parametrize(
    "behind_its_back",
    [
        "DELETE FROM station_change WHERE station_id = (SELECT id FROM station WHERE name = '改名')",
        "UPDATE region SET name = '改区' WHERE level = 'district' AND adcode = '410105'",
    ],
)
def test_what_the_feed_does_not_tell_is_seen_and_read_anew(
    left: Shelf, fresh_engine: Engine, unread, caplog: pytest.LogCaptureFixture, behind_its_back: str
):
    with db.session(fresh_engine, ACTOR, as_owner=True) as session:
        change(session, "name = '改名'", session.scalar(text("SELECT id FROM station WHERE name = '站 2'")))
        session.execute(text(behind_its_back))
    follower = Follower(fresh_engine, shelf=left)
    follower.refresh()
    assert unread() == 1
    assert "read anew" in caplog.text
    assert answer(follower.directory) == answer(loaded(fresh_engine))


@pytest.mark.parametrize("harm", ["a byte", "cut short", "another secret", "another version", "empty"])
def test_a_file_that_is_not_ours_is_not_opened(
    left: Shelf, fresh_engine: Engine, unread, monkeypatch: pytest.MonkeyPatch, harm: str
):
    assert left.take() is not None
    whole = left.path.read_bytes()
    if harm == "a byte":
        left.path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    elif harm == "cut short":
        left.path.write_bytes(whole[:-100])
    elif harm == "empty":
        left.path.write_bytes(b"")
    elif harm == "another version":
        monkeypatch.setattr(directory_shelf, "_version", lambda: b"next")
    shelf = Shelf(left.path, b"another secret.." if harm == "another secret" else SECRET)
    assert shelf.take() is None
    follower = Follower(fresh_engine, shelf=shelf)
    follower.refresh()
    assert unread() == 1
    assert follower.directory.count == 4


def test_a_server_that_starts_without_its_database_answers_from_what_was_kept(left: Shelf, fresh_engine: Engine):
    expected = left.take()
    assert expected is not None
    away = db.make_engine("postgresql://nobody@127.0.0.1:1/none")
    follower = Follower(away, shelf=left)
    with pytest.raises(errors.DatabaseUnavailable):
        follower.refresh()
    assert answer(follower.directory) == answer(expected.directory) == answer(loaded(fresh_engine))
    assert not follower.healthy
    assert follower.age_s == float("inf")
    # It is back, and something happened meanwhile.
    with db.session(fresh_engine, ACTOR) as session:
        station(session, name="新站")
    follower._engine = fresh_engine
    follower.refresh()
    assert answer(follower.directory) == answer(loaded(fresh_engine))
    assert follower.age_s < 10


def test_another_database_is_read_anew(left: Shelf, clone: Callable[[], str], unread):
    other = db.make_engine(clone())
    with db.session(other, ACTOR) as session:
        station(session, name="别处")
    follower = Follower(other, shelf=left)
    follower.refresh()
    assert unread() == 1
    assert follower.directory.count == 1
    other.dispose()


def test_nobody_else_may_read_it_and_nothing_else_is_left(left: Shelf):
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in left.path.parent.iterdir()} == {
        "directory": "0o600",
        "directory.lock": "0o600",
    }


def test_few_stations_are_not_kept_and_what_cannot_be_is_told(
    shelf: Shelf, fresh_engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    end_of_a_server(shelf, fresh_engine)
    assert not shelf.path.exists()
    with db.session(fresh_engine, ACTOR) as session:
        station(session)
    shelf.path.parent.write_text("a file where the directory should be")
    with caplog.at_level(logging.WARNING):
        end_of_a_server(shelf, fresh_engine)
    assert "cannot be kept" in caplog.text
