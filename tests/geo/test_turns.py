"""A file goes in beside the others, and nothing is entered twice."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from geo import db, errors, registration, transfer, turns
from geo.transfer import Options, Report
from tests.conftest import ACTOR
from tests.factories import organisation, station

HEADER = "名称,经度,纬度,网点号\n"
PLACE = {"name": "甲", "lon": 113.6, "lat": 34.7}
FILE = (HEADER + "甲,113.6,34.7,1\n乙,113.7,34.8,2\n").encode()


@pytest.fixture(autouse=True)
def _a_row_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "CHUNK", 1)


@pytest.fixture
def engine(fresh_engine: Engine) -> Engine:
    with db.session(fresh_engine, ACTOR) as session:
        organisation(session, "icbc")
        organisation(session, "ccb")
    return fresh_engine


def bring_in(engine: Engine, progress: Callable[[int], None]) -> Report:
    with db.session(engine, ACTOR) as session:
        return transfer.import_stations(session, FILE, Options(organisation="ccb"), progress)


def enter(engine: Engine, **said: Any) -> None:
    with db.session(engine, ACTOR) as session:
        session.execute(text("SET LOCAL lock_timeout = '5s'"))  # what a server waits for
        station(session, **said)


def names(engine: Engine) -> list[str]:
    with db.session(engine) as session:
        return list(session.scalars(text("SELECT managed_by || ' ' || name FROM station ORDER BY 1")))


def verdicts(report: Report) -> list[str]:
    return [row["verdict"] for row in report.rows]


def test_others_register_while_a_file_goes_in(engine: Engine):
    said: list[int] = []

    def meanwhile(done: int) -> None:
        said.append(done)
        enter(engine, organisation="icbc", name=f"丙{done}", lat=34.0 + done)

    report = bring_in(engine, meanwhile)
    assert verdicts(report) == ["inserted", "inserted"]
    assert said == [1, 2]  # done once: nobody was in the way
    assert names(engine) == ["ccb 乙", "ccb 甲", "icbc 丙1", "icbc 丙2"]


@pytest.mark.parametrize("at", [1, 2])
def test_what_another_organisation_entered_meanwhile_is_a_duplicate_in_the_file(engine: Engine, at: int):
    said: list[int] = []

    def meanwhile(done: int) -> None:
        said.append(done)
        if said == [1, 2][:at]:
            enter(engine, organisation="icbc", **PLACE)

    report = bring_in(engine, meanwhile)
    assert verdicts(report) == ["duplicate", "inserted"]
    assert report.rows[0]["duplicate_of"]["why"] == "same_name_within_50_m"
    assert said == [1, 2, 1, 2]  # it had entered the same, and began anew
    assert names(engine) == ["ccb 乙", "icbc 甲"]


def test_a_number_entered_before_its_row_is_read_is_that_station(engine: Engine):
    def meanwhile(done: int) -> None:
        if done == 1:
            enter(engine, organisation="ccb", host_ref="2", name="乙", lon=113.7, lat=34.8, publish=False)

    assert verdicts(bring_in(engine, meanwhile)) == ["inserted", "unchanged"]


def test_a_number_entered_at_the_very_moment_is_that_station(engine: Engine):
    with ThreadPoolExecutor(1) as beside:
        with db.session(engine, ACTOR) as session:
            station(session, organisation="ccb", host_ref="2", name="乙", lon=113.7, lat=34.8, publish=False)
            importing = beside.submit(bring_in, engine, lambda _: None)
            wait_for_a_lock(engine)  # its row is in the way of ours, which we cannot see yet
        report = importing.result()
    assert verdicts(report) == ["inserted", "unchanged"]
    assert names(engine) == ["ccb 乙", "ccb 甲"]


def wait_for_a_lock(engine: Engine) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
    for _ in range(3_000):
        with db.session(engine, as_owner=True) as session:
            if session.scalar(waiting):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_two_files_at_once_enter_each_station_once(engine: Engine):
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: bring_in(engine, lambda _: None), range(3)))
    assert sorted(map(verdicts, reports)) == [["inserted"] * 2, ["unchanged"] * 2, ["unchanged"] * 2]


def test_who_has_the_turn_and_waits_for_a_row_of_the_file_gives_up_and_the_file_goes_in(engine: Engine):
    """Neither is the victim of a deadlock: the file never stands in line."""
    enter(engine, organisation="ccb", host_ref="1", name="甲", lon=113.6, lat=34.7)
    changes: list[Future[None]] = []

    def change() -> None:
        with db.session(engine, ACTOR) as session:
            turns.take(session)
            session.execute(text("SET LOCAL lock_timeout = '1500ms'"))  # longer than it takes to see a deadlock
            session.execute(text("UPDATE station SET capacity = 5 WHERE host_ref = '1'"))

    with ThreadPoolExecutor(1) as beside:

        def meanwhile(done: int) -> None:
            if done == 2:
                changes.append(beside.submit(change))
                wait_for_a_lock(engine)

        report = bring_in(engine, meanwhile)
    assert verdicts(report) == ["unchanged", "inserted"]
    assert isinstance(changes[0].exception(), errors.DatabaseUnavailable)


def test_a_file_that_never_gets_its_turn_says_that_it_may_come_again(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "PATIENCE_S", 0.1)
    with db.session(engine, ACTOR) as session:
        turns.take(session)
        with pytest.raises(errors.DatabaseUnavailable):
            bring_in(engine, lambda _: None)
    assert names(engine) == []
