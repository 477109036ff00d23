"""The directory follows the database: nothing is missed, nothing comes back, and it serves on without."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from geo import db, directory_changes, directory_rows, errors, holidays
from geo.directory import Directory
from geo.directory_changes import Changes
from geo.follower import Follower
from geo.search import Ask, Wanted
from geo.vocabulary import StationKind
from tests.conftest import ACTOR
from tests.factories import ZHENGZHOU, organisation, station

PERHAPS = datetime(2030, 10, 5, 2, tzinfo=UTC)  # a holiday in some years


def names(directory: Directory, **asked: Any) -> set[str]:
    (answer,) = directory.nearest([Ask(*ZHENGZHOU, limit=50, **asked)])
    return {each["properties"]["name"] for each in orjson.loads(answer)["features"]}


def until(true: Callable[[], bool], seconds: float = 5.0) -> float:
    """Wait until it is true; how long that took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < seconds
        time.sleep(0.01)
    return time.monotonic() - begun


def test_a_change_is_visible_within_a_second(fresh_engine: Engine):
    follower = Follower(fresh_engine)
    follower.start()
    try:
        assert follower.wait(10)
        assert follower.healthy
        with db.session(fresh_engine, ACTOR) as session:
            station(session, name="新站")
        assert until(lambda: names(follower.directory) == {"新站"}) < 1
        with db.session(fresh_engine, ACTOR) as session:
            session.execute(text("UPDATE station SET publication_status = 'delisted_inactive'"))
        assert until(lambda: names(follower.directory) == set()) < 1
    finally:
        follower.stop()
    assert not follower.healthy


def test_a_change_committed_late_is_not_missed(fresh_engine: Engine):
    follower = Follower(fresh_engine)
    with db.session(fresh_engine, ACTOR) as session:
        keys = [station(session, name=name, lon=ZHENGZHOU[0] + far) for name, far in (("甲", 0), ("乙", 0.01))]
    follower.refresh()
    renamed = text("UPDATE station SET name = :name WHERE id = :id")
    with db.session(fresh_engine, ACTOR) as late:
        late.execute(renamed, {"id": keys[0], "name": "先写后提交"})
        with db.session(fresh_engine, ACTOR) as early:
            early.execute(renamed, {"id": keys[1], "name": "后写先提交"})
        for _ in range(3):
            follower.refresh()
        assert names(follower.directory) == {"甲", "后写先提交"}
    follower.refresh()
    assert names(follower.directory) == {"先写后提交", "后写先提交"}


def test_a_change_under_way_while_it_was_loaded_is_not_missed(fresh_engine: Engine):
    follower = Follower(fresh_engine)
    with db.session(fresh_engine, ACTOR) as late:
        station(late, name="迟")
        follower.refresh()
    follower.refresh()
    assert names(follower.directory) == {"迟"}


def test_a_change_rolled_back_was_none(fresh_engine: Engine):
    follower = Follower(fresh_engine)
    with db.session(fresh_engine, ACTOR) as session:
        station(session, name="原名")
    follower.refresh()
    with fresh_engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text("SELECT set_config('yizhan.actor', 'test', true)"))
        connection.execute(text("UPDATE station SET name = '未定'"))
        follower.refresh()
        transaction.rollback()
    follower.refresh()
    assert names(follower.directory) == {"原名"}


def test_there_is_no_directory_before_the_first():
    follower = Follower(db.make_engine("postgresql://nobody@127.0.0.1:1/none"))
    with pytest.raises(errors.DatabaseUnavailable):
        follower.refresh()
    with pytest.raises(errors.DatabaseUnavailable):
        _ = follower.directory
    assert not follower.healthy
    assert follower.age_s == float("inf")


def test_lost_connections_are_survived_and_made_good(server: str, fresh_url: str, fresh_engine: Engine):
    with db.session(fresh_engine, ACTOR) as session:
        station(session, name="断线之前")
    follower = Follower(fresh_engine, poll_s=0.05)
    follower.start()
    try:
        assert follower.wait(10)
        name = fresh_engine.url.database
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            until(lambda: follower.age_s > 0.5)
            assert names(follower.directory) == {"断线之前"}
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        until(lambda: follower.age_s < 0.3)
        with db.session(fresh_engine, ACTOR) as session:
            station(session, name="恢复之后", lon=ZHENGZHOU[0] + 0.01)
        until(lambda: names(follower.directory) == {"断线之前", "恢复之后"})
    finally:
        follower.stop()


def test_a_restored_database_is_read_anew(server: str, clone: Callable[..., str]):
    url = clone()
    engine, name = db.make_engine(url), url.rsplit("/", 1)[-1].split("?")[0]
    with db.session(engine, ACTOR) as session:
        station(session, name="备份里的")
    engine.dispose()
    backup = clone(name)
    with db.session(engine, ACTOR) as session:
        station(session, name="备份之后的", lon=ZHENGZHOU[0] + 0.01)
    follower = Follower(engine)
    follower.refresh()
    assert names(follower.directory) == {"备份里的", "备份之后的"}
    engine.dispose()
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {backup.rsplit('/', 1)[-1].split('?')[0]}")
    follower.refresh()
    assert names(follower.directory) == {"备份里的"}
    engine.dispose()


def test_a_new_holiday_notice_is_taken_in(fresh_engine: Engine):
    follower = Follower(fresh_engine)
    with db.session(fresh_engine, ACTOR) as session:
        station(session, name="节日不开", opening_hours="24/7; PH off")
    holidays.forget()
    follower.refresh()
    asked = {"wanted": Wanted(open=True), "at": PERHAPS}
    assert names(follower.directory, **asked) == set()  # nobody knows yet
    with db.session(fresh_engine, ACTOR) as session:
        days = "".join(f"2030-{day},休\n" for day in ("01-01", "05-01", "10-01", "10-02", "10-03"))
        holidays.load_file(session, f"day,kind\n{days}".encode(), source="test")
    holidays.forget()
    follower.refresh()
    assert names(follower.directory, **asked) == {"节日不开"}
    holidays.forget()


CHANGES = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(
            (
                "UPDATE station SET name = md5(random()\\:\\:text) WHERE name LIKE '%' AND host_ref = :ref",
                "UPDATE station SET publication_status = 'published' WHERE host_ref = :ref",
                "UPDATE station SET publication_status = 'delisted_inactive' WHERE host_ref = :ref",
                "UPDATE station SET operational_status = 'suspended' WHERE host_ref = :ref",
                "UPDATE station SET location = CAST(ST_MakePoint(113.66 + random() / 10, 34.76) AS geography)"
                " WHERE host_ref = :ref",
            )
        ),
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def replayed(clone: Callable[[], str]):
    engine = db.make_engine(clone())
    with db.session(engine, ACTOR) as session:
        for number in range(6):
            station(session, name=f"站 {number}", host_ref=str(number), lon=ZHENGZHOU[0] + number / 1_000)
    yield engine
    engine.dispose()


@given(changes=CHANGES, order=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_feed_replayed_in_any_order_gives_the_published_set(replayed: Engine, changes: Any, order: Any):
    with db.session(replayed) as session:
        begun = Directory.load(session)
    seen: list[directory_rows.Row] = []
    for ref, statement in changes:
        with db.session(replayed, ACTOR) as session:
            session.execute(text(statement), {"ref": str(ref)})
        with db.session(replayed) as session:
            ids = [str(key) for key in session.scalars(text("SELECT id FROM station"))]
            seen += directory_rows.read(session, ids)
    order.shuffle(seen)
    parts = [seen[start : start + 5] for start in range(0, len(seen), 5)]
    replay = begun
    for part in [*parts, *parts[:2]]:  # at least once, so some of it twice
        replay = replay.apply(Changes.of(part, replay.stock.lexicon), replay.as_of)
    with db.session(replayed) as session:
        loaded = Directory.load(session)
    ask = Ask(*ZHENGZHOU, limit=50, at=datetime(2026, 6, 1, tzinfo=UTC))
    assert replay.count == loaded.count
    assert replay.nearest([ask]) == loaded.nearest([ask])


def die(*_: object) -> None:
    os._exit(1)


@pytest.mark.parametrize("killed", [False, True])
def test_many_changes_are_packed_elsewhere_and_taken_in_as_if_here(
    monkeypatch: pytest.MonkeyPatch, fresh_engine: Engine, killed: bool
):
    monkeypatch.setattr(directory_changes, "FEW", 4)
    follower = Follower(fresh_engine)
    follower.refresh()
    with db.session(fresh_engine, ACTOR) as session:
        organisation(session, "ccb-new")
        for number in range(12):
            kind, lon = list(StationKind)[number % 4], ZHENGZHOU[0] + number / 1_000
            station(session, name=f"站 {number}", host_ref=str(number), kind=kind, lon=lon)
        session.execute(
            text("UPDATE station SET managed_by = 'ccb-new', opening_hours = '06:00-22:00' WHERE host_ref > '5'")
        )
    monkeypatch.setattr(directory_changes, "AT_ONCE", 5)
    if killed:
        monkeypatch.setattr(directory_changes._Packer, "begin", die)
    follower.refresh()
    with db.session(fresh_engine, ACTOR) as session:
        session.execute(text("UPDATE station SET publication_status = 'delisted_inactive' WHERE host_ref < '4'"))
        session.execute(text("UPDATE station SET brand = '港湾' WHERE host_ref >= '4'"))
    follower.refresh()
    with db.session(fresh_engine) as session:
        loaded = Directory.load(session)
    wanted = (Wanted(), Wanted(managed_by=("ccb-new",)), Wanted(kind=(next(iter(StationKind)),)), Wanted(open=True))
    asks = [Ask(*ZHENGZHOU, limit=50, wanted=each, at=PERHAPS) for each in wanted]
    assert follower.directory.count == loaded.count == 6
    assert follower.directory.nearest(asks) == loaded.nearest(asks)
