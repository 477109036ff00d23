"""What is flagged about counts as they arrive, and what is not; never is anything dropped."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from geo import anomalies, db, ledger, opening, organisations
from geo.anomalies import Flag, Known, Period, Station, odd
from geo.hours import Calendar
from geo.visit_draft import Entry, VisitDraft
from geo.vocabulary import Role
from tests.factories import organisation, station

FIRST = date(2026, 5, 1)
EQUAL, ROUNDED, HIGH = Flag.EQUAL_PERIODS, Flag.MULTIPLES_OF_TEN, Flag.ABOVE_MEDIAN
OVERLAPS, ESTIMATE, CLOSED = Flag.OVERLAPPING_PERIODS, Flag.LONG_ESTIMATE, Flag.CLOSED_DAY
PLAIN = [20, 20, 23, 18, 22, 20, 19]


def said(day: int, count: int, **more: Any) -> VisitDraft:
    """A report of a day, counted from the first of May; `hours` and `until` (another day) give it an end."""
    start = datetime.fromisoformat(f"{FIRST + timedelta(days=day)}T{more.pop('at', '12:00')}:00+08:00")
    hours, until = more.pop("hours", None), more.pop("until", None)
    end = start + timedelta(hours=hours or 24 * (until - day)) if hours or until else None
    told = {"id": uuid4(), "count": count, "started_at": start, "ended_at": end, "method": "staff_tally", **more}
    return VisitDraft.model_validate(told)


def days(*counts: int, first: int = 0, **more: Any) -> list[VisitDraft]:
    return [said(first + n, count, **more) for n, count in enumerate(counts)]


@pytest.fixture
def host(session):
    organisation(session, "ccb")
    key = organisations.create_key(session, "ccb", role=Role.HOST)

    def place(**about: Any) -> tuple[str, UUID]:
        return key, UUID(station(session, organisation="ccb", **about))

    return place


def record(session, key: str, where: UUID, *drafts: VisitDraft) -> list[list[str]]:
    """The flags of what was recorded together."""
    entries = [Entry(key, where, draft) for draft in drafts]
    ledger.record(session, entries)
    assert [entry.error for entry in entries] == [None] * len(entries)
    return [list(entry.row["flags"]) for entry in entries]


def take_back(session, key: str, where: UUID, draft: VisitDraft) -> Entry:
    """Reverse a report."""
    back = Entry(key, where, draft.model_copy(update={"id": uuid4()}), reverses=draft.id, reason="误报")
    ledger.record(session, [back])
    assert back.error is None
    return back


MONTH = {"at": "00:00", "method": "people_counter"}
# What was reported before, the report itself, and what is odd about it.
CASES: dict[str, tuple[list[VisitDraft], VisitDraft, set[Flag]]] = {
    "an ordinary week": (days(*PLAIN), said(7, 24), set()),
    "the first report": ([], said(0, 40), set()),
    "four equal days": (days(20, 17, 17, 17), said(4, 17), set()),
    "five equal days": (days(20, 17, 17, 17, 17), said(5, 17), {EQUAL}),
    "five equal days with a weekend between": (days(17, 17, 17), said(8, 17), set()),
    "five equal days over a weekend": (days(17, 17, 17, 17), said(8, 17), {EQUAL}),
    "five equal days with another before the last": (days(17, 17, 17, 17, 18), said(5, 17), set()),
    "five days on which nobody came": (days(0, 0, 0, 0), said(4, 0), set()),
    "equal by different methods": (days(17, 17, 17, 17), said(4, 17, method="people_counter"), set()),
    "five equal months": (
        [said(31 * n, 617, until=31 * n + 28, **MONTH) for n in range(-4, 0)],
        said(0, 617, until=28, **MONTH),
        {EQUAL},
    ),
    "a day as many as each month": (
        [said(31 * n, 617, until=31 * n + 28, **MONTH) for n in range(-4, 0)],
        said(0, 617, method="people_counter"),
        set(),
    ),
    "four tens": (days(30, 20, 40), said(3, 50), set()),
    "five tens": (days(30, 20, 40, 60), said(4, 50), {ROUNDED}),
    "tens but for one": (days(30, 20, 43, 60, 40, 30), said(6, 50), set()),
    "tens and days on which nobody came": (days(30, 20, 0, 0, 40), said(5, 50), set()),
    "tens since three weeks, other numbers before": (
        days(*(n * 10 + (n < 8) for n in range(2, 24))),
        said(22, 250),
        {ROUNDED},
    ),
    "five times the median": (days(*PLAIN), said(7, 100), set()),
    "above five times the median": (days(*PLAIN), said(7, 101), {HIGH}),
    "above five times a median of four": (days(21, 19, 23, 18), said(4, 400), set()),
    "a group at a quiet station": (days(1, 2, 1, 1, 2), said(5, 9), set()),
    "a crowd at a quiet station": (days(1, 2, 1, 1, 2), said(5, 11), {HIGH}),
    "the first visits of a station that nobody came to": (days(0, 0, 0, 0, 0), said(5, 60), set()),
    "by a second report of the day": (
        [*days(*PLAIN), said(7, 60, at="08:00")],
        said(7, 61, at="18:00"),
        {HIGH},
    ),
    "above what another method that sees everybody counts": (
        days(*PLAIN, method="people_counter"),
        said(7, 300),
        {HIGH},
    ),
    "above what a poster sees": (days(3, 2, 4, 3, 3, method="qr_scan"), said(5, 55), set()),
    "a month with one of its days": ([said(3, 20)], said(0, 600, at="00:00", until=31), {OVERLAPS}),
    "a day of a month": ([said(0, 600, at="00:00", until=31)], said(30, 20), {OVERLAPS}),
    "a day of a month that many days have": (
        [said(0, 601, at="00:00", until=31), *days(*(15 + n for n in range(29)), first=1)],
        said(30, 20),
        {OVERLAPS},
    ),
    "the day after a month": ([said(0, 600, at="00:00", until=31)], said(31, 20), set()),
    "a month with days by another method": (
        [said(3, 20, method="qr_scan")],
        said(0, 600, at="00:00", until=31),
        set(),
    ),
    "the same month twice": (
        [said(0, 600, at="00:00", until=31)],
        said(0, 610, at="00:00", until=31),
        {OVERLAPS},
    ),
    "hours after hours": ([said(0, 9, at="08:00", hours=4)], said(0, 7, hours=4), set()),
    "hours that share one": ([said(0, 9, at="08:00", hours=5)], said(0, 7, hours=4), {OVERLAPS}),
    "hours shared by another method": (
        [said(0, 9, at="08:00", hours=5, method="qr_scan")],
        said(0, 7, hours=4),
        set(),
    ),
    "a day and one of its hours": ([said(0, 9)], said(0, 7, at="00:00", hours=24), {OVERLAPS}),
    "an hour of a day": ([said(0, 7, at="00:00", hours=24)], said(0, 9), {OVERLAPS}),
    "a single visit of a day": ([said(0, 7, at="00:00", hours=24)], said(0, 1), set()),
    "a day and one of its single visits": ([said(0, 1)], said(0, 7, at="00:00", hours=24), {OVERLAPS}),
    "estimates for ninety days": (
        [said(n, 15 + n % 7, method="estimate") for n in range(0, 90, 10)],
        said(90, 17, method="estimate"),
        set(),
    ),
    "estimates for over ninety days": (
        [said(n, 15 + n % 7, method="estimate") for n in range(0, 91, 10)],
        said(91, 17, method="estimate"),
        {ESTIMATE},
    ),
    "estimates for over ninety days beside a poster": (
        [said(0, 15, method="estimate"), said(50, 3, method="qr_scan")],
        said(91, 17, method="estimate"),
        {ESTIMATE},
    ),
    "estimates with a count between": (
        [said(0, 15, method="estimate"), said(50, 19)],
        said(91, 17, method="estimate"),
        set(),
    ),
    "a count after estimates": ([said(0, 15, method="estimate")], said(91, 17), set()),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_odd_about_a_report_beside_those_before_it(session, host, case):
    before, report, flags = CASES[case]
    key, where = host()
    for draft in before:
        record(session, key, where, draft)
    assert record(session, key, where, report) == [sorted(flags, key=list(Flag).index)]
    assert session.scalar(text("SELECT count(*) FROM visit")) == len(before) + 1


WEEKDAYS = {"opening_hours": "Mo-Fr 08:30-17:30", "hours_calendar": "prc_workdays"}
NIGHT = {"opening_hours": "Mo-Fr 22:00-06:00"}


@pytest.mark.parametrize(
    ("about", "day", "count", "flagged"),
    [
        (WEEKDAYS, "2026-05-11", 5, False),  # a Monday
        (WEEKDAYS, "2026-05-16", 5, True),  # a Saturday
        (WEEKDAYS, "2026-05-16", 0, False),
        (WEEKDAYS, "2026-05-01", 5, True),  # Labour Day
        (WEEKDAYS, "2026-05-09", 5, False),  # a Saturday worked in exchange
        (NIGHT, "2026-05-16", 5, False),  # the night from Friday lasts into Saturday
        (NIGHT, "2026-05-17", 5, True),
        ({"opening_hours": None}, "2026-05-16", 5, False),
        ({"opening_hours": "24/7"}, "2026-05-16", 5, False),
        ({"opening_hours": 'Mo-Fr 09:00-17:00; Sa unknown "by appointment"'}, "2026-05-16", 5, False),
    ],
)
def test_visits_of_a_day_on_which_it_was_closed(session, host, about, day, count, flagged):
    key, where = host(**about)
    draft = VisitDraft.model_validate(
        {"id": uuid4(), "count": count, "started_at": f"{day}T12:00:00+08:00", "method": "staff_tally"}
    )
    assert (CLOSED in record(session, key, where, draft)[0]) == flagged


@pytest.mark.parametrize(
    ("closures", "open_then"),
    [
        ([], True),
        ([("2026-05-11T00:00", "2026-05-12T00:00")], False),
        ([("2026-05-01T00:00", None)], False),
        ([("2026-05-11T08:30", "2026-05-11T17:30")], False),
        ([("2026-05-11T09:00", "2026-05-11T17:30")], True),
        ([("2026-05-11T08:00", "2026-05-11T17:00")], True),
        ([("2026-05-11T08:00", "2026-05-11T12:00"), ("2026-05-11T12:00", "2026-05-11T18:00")], False),
        ([("2026-05-11T08:00", "2026-05-11T12:00"), ("2026-05-11T12:01", "2026-05-11T18:00")], True),
    ],
)
def test_a_day_is_closed_where_hours_and_closures_leave_none_of_it(closures, open_then):
    named = [{"starts_at": f"{start}:00+08:00", "ends_at": end and f"{end}:00+08:00"} for start, end in closures]
    row = {"opening_hours": "Mo-Fr 08:30-17:30", "hours_calendar": "literal", "closures": named}
    assert opening.open_on(row, date(2026, 5, 11), Calendar.published()) is open_then
    unknown = opening.open_on(row | {"opening_hours": None}, date(2026, 5, 11), Calendar.published())
    assert unknown is (False if "T00:00" in str(closures) else None)


def test_a_clock_that_is_ahead_is_told_and_explained_in_both_languages(session, host):
    key, where = host()
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    draft = VisitDraft.model_validate({"id": uuid4(), "started_at": at, "method": "access_control"})
    (flags,) = record(session, key, where, draft)
    (told,) = anomalies.explained(flags)
    assert (told["flag"], "时钟" in told["zh"], "clock" in told["en"]) == ("in_the_future", True, True)
    assert set(anomalies.EXPLANATIONS) == set(Flag)


def test_reversed_reports_are_not_there_and_reversals_are_never_odd(session, host):
    key, where = host()
    wrong = said(0, 9, at="08:00", hours=5)
    record(session, key, where, wrong)
    assert take_back(session, key, where, wrong).row["flags"] == []
    assert record(session, key, where, said(0, 7, hours=4)) == [[]]


def test_a_repeat_keeps_the_flags_of_the_first_and_more_of_a_file_is_judged_rightly(session, host):
    key, where = host()
    drafts = days(17, 17, 17, 17, 17)
    assert record(session, key, where, *drafts[:4]) == [[]] * 4
    assert record(session, key, where, *drafts) == [[], [], [], [], [EQUAL]]
    assert record(session, key, where, *drafts) == [[], [], [], [], [EQUAL]]


@pytest.mark.parametrize("many", [3, ledger.MANY + 3])
def test_a_batch_asks_a_bounded_number_of_questions_whatever_its_size(session, host, many, monkeypatch):
    key, where = host()
    places = [where, host(name="又一站", lat=34.9)[1]]
    for place in places:
        record(session, key, place, *days(2, 2, method="estimate"))
    asked: list[str] = []
    answering = db.rows

    def noted(session: Session, name: str, **given: Any) -> Any:
        asked.extend([name] if name.startswith("visit") else [])
        return answering(session, name, **given)

    monkeypatch.setattr(db, "rows", noted)
    drafts = [said(n, 1, at="08:00", hours=8, method="estimate") for n in range(many)]
    ledger.record(session, [Entry(key, places[n % 2], draft) for n, draft in enumerate(drafts)])
    entering = ["visit_enter"] if many < ledger.MANY else []  # copied in
    assert asked == ["visit_facts", "visit_recent", "visit_sharing", *entering]
    asked.clear()
    ledger.record(session, [Entry(key, where, said(0, 1)) for _ in range(many)])  # single visits ask no more
    assert asked == ["visit_facts", *entering]


COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=30)


@given(COUNTS, st.integers(1, 40))
def test_whatever_was_counted_five_equal_days_are_flagged_and_unlike_ones_never(counts, last):
    def flags(*numbers: int) -> list[Flag]:
        periods = [
            Period(FIRST + timedelta(days=n), FIRST + timedelta(days=n), "staff_tally", True)
            for n in range(len(numbers))
        ]
        recorded = dict(zip(periods, numbers, strict=True))
        new = periods[-1]._replace(day=periods[-1].day + timedelta(days=1), last_on=periods[-1].day + timedelta(days=1))
        return odd(Station(Known(recorded), [(new, last)]), new)

    assert EQUAL in flags(*counts, *[last] * 4)
    assert (EQUAL in flags(*counts)) == (len(counts) >= 4 and set(counts[-4:]) == {last})
    recent = [last, *(n for n in counts[::-1][: anomalies.RECENT] if n)]
    assert (ROUNDED in flags(*counts)) == (len(recent) >= 5 and all(n % 10 == 0 for n in recent))
    assert (HIGH in flags(*counts)) <= (last > 5 * min(counts) and last >= anomalies.SMALL)
    assert OVERLAPS not in flags(*counts)


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), min_size=1, max_size=12)


@given(SPANS)
def test_of_periods_of_any_length_exactly_those_that_share_days_overlap(spans):
    def period(start: int, length: int) -> Period:
        day = FIRST + timedelta(days=start)
        return Period(day, day + timedelta(days=length - 1), "staff_tally", True)

    periods = [period(*span) for span in dict.fromkeys(spans)]
    station = Station(Known(), [(one, 1) for one in periods])
    for one in periods:
        others = (other for other in periods if other != one and max(one.length, other.length) > 1)
        meets = any(one.day <= other.last_on and other.day <= one.last_on for other in others)
        assert (OVERLAPS in odd(station, one)) == meets
