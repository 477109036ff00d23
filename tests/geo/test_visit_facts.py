"""What is remembered of keys and stations: asked once, and never believed beyond the moment it changes."""

import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from geo import db, errors, ledger, organisations, visit_facts
from geo.visit_draft import Entry, VisitDraft
from geo.visit_facts import Facts
from geo.vocabulary import Role
from tests.conftest import ACTOR
from tests.factories import organisation, station


def draft() -> VisitDraft:
    return VisitDraft.model_validate({"id": str(uuid4()), "started_at": datetime.now(UTC), "method": "people_counter"})


class Desk:
    """A bank with a branch below it, a station of each, a key of the bank; and what is remembered of them."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.facts, self.asked = engine, Facts(), list[str]()
        with db.session(engine, ACTOR) as session:
            organisation(session, "icbc")
            organisation(session, "ccb")
            organisation(session, "ccb-410100", parent="ccb")
            self.key = organisations.create_key(session, "ccb", role=Role.HOST)
            self.own, self.below = (
                UUID(station(session, name=code, lat=lat, organisation=code, publish=True))
                for code, lat in (("ccb", 34.7), ("ccb-410100", 34.8))
            )
            session.execute(text("UPDATE api_key SET last_used_on = current_date"))

    def record(self, *where: UUID, facts: Facts | None = None, meanwhile: str = "", as_often: int = 1) -> list[Any]:
        """Report a visit at each; what became of it: its flags, or the sort of its error.

        `meanwhile` is done between what decides is read and what it decides about is entered, `as_often` as it is.
        """
        return self.enter([(self.key, one) for one in where], facts, meanwhile, as_often)

    def enter(
        self, pairs: Sequence[tuple[str, UUID]], facts: Facts | None = None, meanwhile: str = "", as_often: int = 1
    ) -> list[Any]:
        """The same by several keys."""
        entries = [Entry(key, one, draft()) for key, one in pairs]
        with db.session(self.engine) as session, contextlib.suppress(StopIteration):
            ask = next(steps := ledger.recording(entries, self.facts if facts is None else facts))
            while True:
                self.asked += [ask.name] if ask.name.startswith("visit") else []
                if meanwhile and ask.name == "visit_enter" and as_often:
                    self.change(meanwhile)
                    as_often -= 1
                ask = steps.send(db.rows(session, ask.name, **ask.given))
        return [type(entry.error) if entry.error else list(entry.flags) for entry in entries]

    def change(self, statement: str) -> None:
        """As somebody else, at once."""
        with self.engine.begin() as other:
            other.execute(text("SELECT set_config('yizhan.actor', 'other', true)"))
            changed = other.execute(text(statement), {"own": self.own, "below": self.below})
            assert changed.rowcount == 1

    def count(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM visit")) or 0)


@pytest.fixture
def desk(fresh_engine: Engine) -> Desk:
    return Desk(fresh_engine)


def test_what_is_known_is_not_asked_again(desk: Desk):
    for _ in range(3):
        assert desk.record(desk.own, desk.below) == [[], []]
    assert desk.asked == ["visit_facts", "visit_enter", "visit_enter", "visit_enter"]
    assert desk.record(desk.own, uuid4()) == [[], errors.StationNotFound]
    assert desk.asked[4:] == ["visit_facts", "visit_enter"]


CHANGES: Sequence[tuple[str, str, list[Any]]] = (
    ("the key is revoked", "UPDATE api_key SET revoked_at = now()", [errors.Unauthenticated] * 2),
    ("the key has expired", "UPDATE api_key SET expires_at = now() - interval '1 s'", [errors.Unauthenticated] * 2),
    ("the key may only look", "UPDATE api_key SET role = 'auditor'", [errors.Forbidden] * 2),
    ("the key is another's", "UPDATE api_key SET organisation = 'icbc'", [errors.Forbidden] * 2),
    ("a station is another's", "UPDATE station SET managed_by = 'icbc' WHERE id = :own", [errors.Forbidden, []]),
    ("a branch goes", "UPDATE organisation SET parent = 'icbc' WHERE code = 'ccb-410100'", [[], errors.Forbidden]),
    ("it is closed", "UPDATE station SET opening_hours = 'off' WHERE id = :below", [[], ["closed_day"]]),
    ("it was used today", "UPDATE api_key SET last_used_on = current_date", [[], []]),
)


@pytest.mark.parametrize(("statement", "expected"), [change[1:] for change in CHANGES], ids=[one[0] for one in CHANGES])
@pytest.mark.parametrize("meanwhile", [False, True], ids=["before", "meanwhile"])
def test_whatever_decides_is_seen_from_its_change_on(desk: Desk, statement: str, expected: list[Any], meanwhile: bool):
    assert desk.record(desk.own, desk.below) == [[], []]
    if meanwhile:
        found = desk.record(desk.own, desk.below, meanwhile=statement)
    else:
        desk.change(statement)
        found = desk.record(desk.own, desk.below)
    assert found == expected
    assert found == desk.record(desk.own, desk.below, facts=Facts())
    assert desk.count() == 2 + 2 * sum(not isinstance(one, type) for one in expected)


OTHER_BANK: Sequence[tuple[str, str]] = (
    ("UPDATE station SET managed_by = 'icbc' WHERE id = :below", "below"),
    ("UPDATE organisation SET parent = 'icbc' WHERE code = 'ccb-410100'", "beside"),
)


@pytest.mark.parametrize(("statement", "theirs"), OTHER_BANK, ids=["a station", "a branch"])
def test_what_is_known_in_two_versions_is_believed_in_neither(desk: Desk, statement: str, theirs: str):
    """One of a group is remembered as it was, another one has just been read."""
    with db.session(desk.engine, ACTOR) as session:
        beside = UUID(station(session, name="旁", lat=34.85, organisation="ccb-410100", publish=True))
        other = organisations.create_key(session, "icbc", role=Role.HOST)
    assert desk.record(desk.below) == [[]]
    desk.change(statement)
    both = [(desk.key, desk.below), (other, {"below": desk.below, "beside": beside}[theirs])]
    assert desk.enter(both) == [errors.Forbidden, []]
    assert desk.count() == 2


def test_an_organisation_may_be_called_null(desk: Desk):
    with db.session(desk.engine, ACTOR) as session:
        organisation(session, "null", parent="ccb")
        nowhere = UUID(station(session, name="空", lat=34.9, organisation="null", publish=True))
    for _ in range(2):
        assert desk.record(desk.own, nowhere) == [[], []]


def test_a_clock_that_stood_still_refuses_nobody(desk: Desk):
    """As that of a machine that was asleep."""
    assert desk.record(desk.own) == [[]]
    desk.facts._by_ours += 3 * 3600
    assert desk.record(desk.own) == [[]]
    assert desk.asked.count("visit_facts") == 2


def test_what_is_too_early_is_refused_and_asked_for_once_more_at_most(desk: Desk):
    assert desk.record(desk.own) == [[]]
    late = VisitDraft.model_validate(draft().model_dump() | {"started_at": datetime.now(UTC) + timedelta(hours=3)})
    entry = Entry(desk.key, desk.own, late)
    with db.session(desk.engine) as session:
        db.answer(session, ledger.recording([entry], desk.facts))
    assert isinstance(entry.error, errors.InvalidInput)
    assert desk.count() == 1


@pytest.mark.parametrize("many", [1, ledger.MANY])
def test_when_it_was_recorded_is_told_as_it_is_stored(desk: Desk, many: int):
    entries = [Entry(desk.key, desk.own, draft()) for _ in range(many)]
    with db.session(desk.engine) as session:
        session.execute(text("SELECT pg_sleep(0.05)"))  # the transaction began before anything was asked
        ledger.record(session, entries)
        stored = session.execute(text("SELECT DISTINCT recorded_at FROM visit")).scalar_one()
    assert {entry.row["recorded_at"] for entry in entries} == {stored}


def test_a_key_that_expires_by_itself_records_nothing_from_then_on(desk: Desk):
    desk.change("UPDATE api_key SET expires_at = now() + interval '1500 milliseconds'")
    assert desk.record(desk.own) == [[]]
    time.sleep(1.6)
    assert desk.record(desk.own) == [errors.Unauthenticated]
    assert desk.count() == 1


def test_what_never_stays_the_same_is_tried_some_times_and_then_put_off(desk: Desk):
    again = "UPDATE station SET name = name || '一' WHERE id = :own"
    with pytest.raises(errors.Unavailable):
        desk.record(desk.own, meanwhile=again, as_often=99)
    assert desk.asked.count("visit_enter") == ledger.TRIES
    assert desk.count() == 0
    assert desk.record(desk.own) == [[]]


def test_the_first_use_of_a_day_is_kept_and_does_not_stand_in_the_way_of_the_next(desk: Desk):
    desk.change("UPDATE api_key SET last_used_on = current_date - 1")
    for _ in range(2):
        assert desk.record(desk.own) == [[]]
    assert desk.asked == ["visit_facts", "visit_key_use", "visit_facts", "visit_enter", "visit_enter"]
    assert desk.count() == 2


def test_nothing_is_asked_after_what_is_new_was_written(desk: Desk):
    """Or what fails then would be told to those whose visits are there."""
    desk.change("UPDATE api_key SET last_used_on = current_date - 1")
    assert desk.record(desk.own, desk.below) == [[], []]
    assert desk.asked[-1] == "visit_enter"


def test_only_so_many_are_remembered(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(visit_facts, "MOST_KNOWN", 1)
    for _ in range(2):
        assert desk.record(desk.own) == desk.record(desk.below) == [[]]
    assert desk.asked.count("visit_facts") == 4
    assert len(desk.facts._known) == 1


def test_no_key_is_kept(desk: Desk):
    desk.record(desk.own, desk.below)
    secret = desk.key.split("_", 2)[2]
    assert secret not in repr(vars(desk.facts))
    assert len(desk.facts._known) == 2


def test_a_refusal_is_asked_for_every_time(desk: Desk):
    desk.change("UPDATE station SET managed_by = 'icbc' WHERE id = :own")
    assert desk.record(desk.own) == [errors.Forbidden]
    desk.change("UPDATE station SET managed_by = 'ccb' WHERE id = :own")
    assert desk.record(desk.own) == [[]]


def test_the_clock_is_the_database_s(desk: Desk):
    desk.record(desk.own)
    with desk.engine.connect() as connection:
        theirs = connection.scalar(text("SELECT clock_timestamp()"))
    assert theirs is not None
    assert theirs <= desk.facts.now()
    assert (desk.facts.now() - theirs).total_seconds() < 5
    assert desk.facts.now().tzinfo is UTC
