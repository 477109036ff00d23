"""Open or not: hours, calendar and closures together."""

from datetime import datetime, timedelta

import pytest

from geo import opening
from geo.hours import SHANGHAI, Calendar
from geo.opening import Moment

CALENDAR = Calendar.published()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def card(hours: str | None = "09:00-17:00", *, status: str = "open", closures=(), calendar: str = "literal"):
    spans = [{"starts_at": at(a).isoformat()} | ({"ends_at": at(b).isoformat()} if b else {}) for a, b in closures]
    return {"operational_status": status, "opening_hours": hours, "hours_calendar": calendar, "closures": spans}


def state(row, when: str) -> opening.Opening:
    return opening.of(row, Moment(at(when), CALENDAR))


MONDAY = "2026-06-01"


def test_within_the_hours():
    found = state(card(), f"{MONDAY}T10:00")
    assert (found.operational_status, found.open, found.closes_at) == ("open", True, at(f"{MONDAY}T17:00"))


def test_outside_the_hours():
    found = state(card(), f"{MONDAY}T18:00")
    assert (found.operational_status, found.open, found.opens_at) == ("open", False, at("2026-06-02T09:00"))


def test_unknown_hours_are_unknown_but_a_closure_is_not():
    assert state(card(None), f"{MONDAY}T10:00").open is None
    closed = state(card(None, closures=[(f"{MONDAY}T09:00", f"{MONDAY}T11:00")]), f"{MONDAY}T10:00")
    assert (closed.open, closed.opens_at) == (False, None)


@pytest.mark.parametrize("status", ["planned", "temporarily_closed", "suspended", "relocated", "permanently_closed"])
def test_a_station_not_in_use_is_closed_whatever_its_hours(status):
    found = state(card("24/7", status=status), f"{MONDAY}T10:00")
    assert (found.operational_status, found.open, found.opens_at) == (status, False, None)


@pytest.mark.parametrize(
    ("when", "is_open", "opens", "closes"),
    [
        ("T11:59", True, None, "T12:00"),
        ("T12:00", False, "T14:00", None),
        ("T13:59", False, "T14:00", None),
        ("T14:00", True, None, "T17:00"),
    ],
)
def test_a_closure_holds_from_its_start_up_to_its_end(when, is_open, opens, closes):
    row = card(closures=[(f"{MONDAY}T12:00", f"{MONDAY}T14:00")])
    found = state(row, MONDAY + when)
    assert found.open is is_open
    assert found.operational_status == ("open" if is_open else "temporarily_closed")
    assert found.opens_at == (at(MONDAY + opens) if opens else None)
    assert found.closes_at == (at(MONDAY + closes) if closes else None)


def test_it_opens_when_hours_and_closures_both_let_it():
    row = card(closures=[(f"{MONDAY}T12:00", "2026-06-02T20:00"), ("2026-06-03T08:00", "2026-06-03T10:00")])
    assert state(row, f"{MONDAY}T13:00").opens_at == at("2026-06-03T10:00")


def test_an_open_end_never_opens():
    assert state(card(closures=[(f"{MONDAY}T12:00", None)]), f"{MONDAY}T13:00").opens_at is None


def test_a_24_hour_station_closes_when_its_closure_begins():
    row = card("24/7", closures=[("2026-06-05T00:00", "2026-06-12T00:00")])
    assert state(row, f"{MONDAY}T13:00").closes_at == at("2026-06-05T00:00")
    assert state(card("24/7"), f"{MONDAY}T13:00").closes_at is None


def test_closures_that_follow_one_another_without_end_stop_somewhere():
    start = at(f"{MONDAY}T00:00")
    days = [((start + timedelta(hours=n)).isoformat(), (start + timedelta(hours=n + 1)).isoformat()) for n in range(99)]
    row = card("24/7") | {"closures": [{"starts_at": a, "ends_at": b} for a, b in days]}
    assert state(row, f"{MONDAY}T00:30").opens_at is None


def test_hours_that_cannot_be_read_are_unknown():
    assert state(card("whenever"), f"{MONDAY}T10:00").open is None
