"""What is found about counts on demand: the same as is flagged at entry, over more days, explained with its numbers."""

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from geo import audit_counts, errors, findings
from geo.access import Principal
from geo.anomalies import Flag
from geo.hours import SHANGHAI
from geo.visit_draft import VisitDraft
from tests.factories import organisation, station
from tests.geo.test_anomalies import CASES, CLOSED, OVERLAPS, host, record, take_back

__all__ = ["host"]

HOST = Principal("ccb", "host", "x")
TODAY = datetime.now(SHANGHAI).date()


def moved(draft: VisitDraft, days: int) -> VisitDraft:
    """The same report, on other days."""
    later = timedelta(days=days)
    end = draft.ended_at + later if draft.ended_at else None
    return draft.model_copy(update={"id": uuid4(), "started_at": draft.started_at + later, "ended_at": end})


@pytest.mark.parametrize("case", CASES)
def test_the_same_is_flagged_where_all_arrive_together_and_found_on_demand_with_its_explanation(session, host, case):
    before, report, flags = CASES[case]
    key, where = host()
    last = max((draft.ended_at or draft.started_at).date() for draft in (*before, report))
    drafts = [moved(draft, (TODAY - last).days - 1) for draft in (*before, report)]
    assert set(record(session, key, where, *drafts)[-1]) == flags
    found = audit_counts.of_station(session, HOST, str(where))
    # A single visit inside a report of the day is no report to flag; but visits are counted twice all the same.
    inside = {OVERLAPS} if case == "a single visit of a day" else set()
    assert {one.flag for one in found} == flags | inside
    for one in found:
        told = one.words()
        assert str(one.last) in told["zh"]
        assert str(one.last) in told["en"]
        assert "{" not in told["zh"] + told["en"]


def sunday(weeks_ago: int) -> date:
    return TODAY - timedelta(days=TODAY.isoweekday() % 7 + 7 * weeks_ago)


def at(day: date, count: int, hour: int = 12) -> VisitDraft:
    said = {"id": uuid4(), "count": count, "started_at": f"{day}T{hour:02}:00:00+08:00", "method": "staff_tally"}
    return VisitDraft.model_validate(said)


def test_days_on_which_it_was_closed_are_counted_together(session, host):
    key, where = host(opening_hours="Mo-Sa 08:00-18:00")
    record(session, key, where, at(sunday(1), 7), at(sunday(2), 4), at(sunday(3), 0), at(sunday(1) + timedelta(1), 9))
    (found,) = audit_counts.of_station(session, HOST, str(where))
    assert (found.flag, found.first, found.last, found.times, found.visits) == (CLOSED, sunday(2), sunday(1), 2, 7)


def test_a_closure_counts_where_it_leaves_nothing_of_the_day(session, host):
    key, where = host(opening_hours="24/7")
    day = TODAY - timedelta(days=9)
    closure = text(
        "INSERT INTO closure (station_id, starts_at, ends_at, reason) VALUES (:station, :starts, :ends, '装修')"
    )
    times = {"station": where, "starts": f"{day}T12:00:00+08:00", "ends": f"{day + timedelta(2)}T12:00:00+08:00"}
    session.execute(closure, times)
    record(session, key, where, *(at(day + timedelta(n), 5 + n) for n in range(3)))
    (found,) = audit_counts.of_station(session, HOST, str(where))
    assert (found.flag, found.first, found.times) == (CLOSED, day + timedelta(1), 1)


def test_a_region_has_a_finding_a_station_and_reversed_reports_are_not_there(session, host):
    key, odd = host(name="怪", opening_hours="Mo-Sa 08:00-18:00")
    _, plain = host(name="常", lat=34.8)
    record(session, key, odd, at(sunday(1), 7), *(at(TODAY - timedelta(n), 17) for n in range(10, 20) if n != 14))
    record(session, key, plain, *(at(TODAY - timedelta(n), 13 + n % 7) for n in range(1, 30)))
    wrong = at(TODAY - timedelta(1), 999)
    record(session, key, plain, wrong)
    take_back(session, key, plain, wrong)
    scope = {"level": "city", "region": "410100", "station": None}
    (found,) = audit_counts.visit_anomalies(session, scope)
    assert found.station["id"] == str(odd)
    assert set(found.facts) >= {"closed_day", "equal_periods"}
    assert len(found.terms["anomalies"]) >= 2
    again = audit_counts.visit_anomalies(session, scope | {"station": odd})
    assert findings.ranked(again) == [found]
    assert audit_counts.visit_anomalies(session, scope | {"region": "110100"}) == []


def test_a_stranger_is_not_told(session, host):
    _, where = host()
    organisation(session, "icbc")
    with pytest.raises(errors.Forbidden):
        audit_counts.of_station(session, Principal("icbc", "host", "x"), str(where))
    hidden = station(session, organisation="ccb", publish=False, name="未公开", lat=34.9)
    with pytest.raises(errors.StationNotFound):
        audit_counts.of_station(session, Principal("icbc", "host", "x"), hidden)


def test_every_flag_but_the_clocks_has_words(session):
    assert set(audit_counts.TOLD) == set(Flag) - {Flag.IN_THE_FUTURE}
