"""The ledger on the ground: append-only, its totals kept by the database from what was really inserted."""

from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from geo import visit_figures
from geo.vocabulary import VisitMethod
from tests.factories import station

ENTER = text(
    "INSERT INTO visit (station_id, id, count, started_at, ended_at, method, complete, reverses, recorded_by)"
    " VALUES (:station, :id, :count, :start, :end, 'staff_tally', true, :reverses, 'test') ON CONFLICT DO NOTHING"
)


def enter(session, where, count=3, start="2026-05-01T10:00:00+08:00", end=None, *, key=None, reverses=None):
    key = key or uuid4()
    said = {"station": where, "id": key, "count": count, "start": start, "end": end, "reverses": reverses}
    session.execute(ENTER, said)
    return key


def totals(session):
    rows = session.execute(text("SELECT day, last_on, visits, reports FROM visit_day ORDER BY day, last_on"))
    return [(str(row[0]), str(row[1]), *row[2:]) for row in rows]


@pytest.mark.parametrize("table", ["visit", "visit_day", "visit_month", "check_in"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET station_id = station_id", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_application_can_neither_change_nor_remove_what_was_entered(session, table, verb):
    with pytest.raises(DBAPIError, match="permission denied"):
        session.execute(text(verb.format(table)))


def test_the_application_cannot_forge_a_total(session):
    with pytest.raises(DBAPIError, match="permission denied"):
        session.execute(text("INSERT INTO visit_day SELECT gen_random_uuid(), now(), now(), 'x', true, 1, 1"))


def test_totals_are_those_of_the_rows_really_inserted(session):
    where = station(session)
    key = enter(session, where, 3)
    enter(session, where, 3, key=key)
    enter(session, where, 4)
    enter(session, where, -3, reverses=key)
    assert totals(session) == [("2026-05-01", "2026-05-01", 4, 1)]


def test_a_night_shift_belongs_to_the_day_it_began_and_a_month_keeps_its_own_grain(session):
    where = station(session)
    enter(session, where, 5, "2026-05-01T22:00:00+08:00", "2026-05-02T06:00:00+08:00")
    enter(session, where, 7, "2026-05-01T00:00:00+08:00", "2026-06-01T00:00:00+08:00")
    enter(session, where, 1, "2026-05-01T16:00:00Z")  # midnight in China: the second of May
    assert totals(session) == [
        ("2026-05-01", "2026-05-01", 5, 1),
        ("2026-05-01", "2026-05-31", 7, 1),
        ("2026-05-02", "2026-05-02", 1, 1),
    ]


def test_a_row_is_reversed_once(session):
    where = station(session)
    key = enter(session, where, 3)
    enter(session, where, -3, reverses=key)
    enter(session, where, -3, reverses=key)
    assert totals(session) == [("2026-05-01", "2026-05-01", 0, 0)]


def test_the_database_trusts_methods_as_the_vocabulary_does(session):
    worth = text("SELECT visit_worth_v1(:method, :complete, 7)")
    whole = [session.scalar(worth, {"method": method, "complete": True}) for method in VisitMethod]
    assert whole == sorted(whole, reverse=True)
    assert min(whole) > 1_000_000 * 366
    assert {session.scalar(worth, {"method": method, "complete": False}) for method in VisitMethod} == {7}


def test_a_month_that_is_not_what_its_days_come_to_is_found(owner_session):
    where = station(owner_session)
    enter(owner_session, where, 3)
    assert visit_figures.drift(owner_session) == []
    owner_session.execute(text("UPDATE visit_month SET visits = visits + 1 WHERE method = 'official'"))
    (wrong,) = visit_figures.drift(owner_session)
    assert (wrong["method"], wrong["visits"], wrong["from_days"]) == ("official", 4, 3)
    owner_session.execute(text("DELETE FROM visit_month"))
    assert {row["method"] for row in visit_figures.drift(owner_session)} == {"official", "staff_tally"}


@pytest.mark.parametrize(("count", "reverses"), [(-1, None), (1_000_001, None), (1, uuid4())])
def test_a_count_that_cannot_be_is_refused(session, count, reverses):
    where = station(session)
    with pytest.raises(DBAPIError, match="visit_count_check"):
        enter(session, where, count, reverses=reverses)
