"""What looks wrong about counts as they arrive: flagged and explained, never dropped. On demand: `geo.audit_counts`.

A row that counts one visitor at an instant is no report of a period; only its day and its clock are looked at.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Any, NamedTuple

import orjson

from geo import db, opening
from geo.hours import SHANGHAI, Calendar
from geo.visit_draft import Entry, Said
from geo.vocabulary import VisitMethod

# Five equal counts in a row are a habit of the pen: of twenty visits a day, honest counting shows five equal days once
# in thirty-five thousand. Five periods are also the fewest that a habit or a median can be seen in.
FEWEST = 5
# Honest counts end in a nought once in ten; all of five or more do so once in a hundred thousand.
ROUND = 10
# Weather and holidays double or triple a day; five times the middle one is the domain's limit.
TIMES = 5
# Below this a group that came once is above any multiple of a quiet station's median.
SMALL = 10
# A station may begin with estimates; over a quarter it should have found a way to count.
ESTIMATE_DAYS = 90
# A week of who reports daily: every weekday once, and few enough to be read beside every report.
RECENT = 7
# Reports of up to a month are met with the days they cover; longer ones, which are rare, on demand.
LONG_DAYS = 31
# Shifts of a day: with so few reports the hours of a day are compared at entry, with more on demand.
SHIFTS = 3
# Of a station's ledger so many rows are looked at for that.
LOOKED_AT = 2_000
# Rules and days that are remembered, a few hundred bytes each.
MOST_KNOWN = 20_000
DAY = timedelta(hours=24)


class Flag(StrEnum):
    """What is odd about a count."""

    IN_THE_FUTURE = "in_the_future"
    CLOSED_DAY = "closed_day"
    EQUAL_PERIODS = "equal_periods"
    MULTIPLES_OF_TEN = "multiples_of_ten"
    ABOVE_MEDIAN = "above_median"
    OVERLAPPING_PERIODS = "overlapping_periods"
    LONG_ESTIMATE = "long_estimate"


EXPLANATIONS: Mapping[Flag, Mapping[str, str]] = {
    Flag.IN_THE_FUTURE: {
        "zh": "时间在未来：请检查设备时钟。",
        "en": "It lies in the future: check the clock of the device.",
    },
    Flag.CLOSED_DAY: {
        "zh": "按公示的开放时间和关闭安排，该站点当天全天不开放。",
        "en": "By its posted hours and closures the station was closed all that day.",
    },
    Flag.EQUAL_PERIODS: {
        "zh": f"连续 {FEWEST} 期或更多人次完全相同。",
        "en": f"The same number in {FEWEST} periods in a row or more.",
    },
    Flag.MULTIPLES_OF_TEN: {
        "zh": f"近期各期（{FEWEST} 期以上）人次全部是 {ROUND} 的倍数，像是估计而不是计数。",
        "en": f"All recent numbers, {FEWEST} or more, are multiples of {ROUND}: guessed rather than counted.",
    },
    Flag.ABOVE_MEDIAN: {
        "zh": f"超过该站点近期中位数的 {TIMES} 倍。",
        "en": f"Above {TIMES} times the station's recent median.",
    },
    Flag.OVERLAPPING_PERIODS: {
        "zh": "与同一方法的另一份上报时段重叠，可能重复计数。",
        "en": "The period overlaps another report by the same method: visits may be counted twice.",
    },
    Flag.LONG_ESTIMATE: {
        "zh": f"超过 {ESTIMATE_DAYS} 天只有估算，没有实际计数。",
        "en": f"Nothing but estimates for over {ESTIMATE_DAYS} days.",
    },
}


def explained(flags: Iterable[str]) -> list[dict[str, str]]:
    """The flags, each once, with their explanations in Chinese and English."""
    return [{"flag": flag, **EXPLANATIONS[Flag(flag)]} for flag in dict.fromkeys(flags)]


class Period(NamedTuple):
    """A stretch of days that a method reported on: one day, or the whole of a longer report."""

    day: date
    last_on: date
    method: str
    complete: bool

    @property
    def length(self) -> int:
        """Days."""
        return 1 if self.last_on == self.day else (self.last_on - self.day).days + 1

    @property
    def grain(self) -> int:
        """How long it is, roughly: a day, up to a week, up to a month, longer. Only like is compared with like."""
        return 1 if self.last_on == self.day else next((most for most in (7, 31) if self.length <= most), 366)


def period_of(started_at: datetime, ended_at: datetime | None, method: str, *, complete: bool) -> Period:
    """The days in China of a row, as the database adds them up: a night shift belongs to the day it began."""
    day = started_at.astimezone(SHANGHAI).date()
    if ended_at is None or ended_at - started_at <= DAY:
        return Period(day, day, method, complete)
    return Period(day, (ended_at - timedelta(microseconds=1)).astimezone(SHANGHAI).date(), method, complete)


@dataclass(frozen=True)
class Known:
    """What is recorded of a station: visits by period, and how many reports each has.

    Where estimates arrive also the last day of a count that sees everybody, and the first estimate after it.
    """

    visits: dict[Period, int] = field(default_factory=dict)
    reports: dict[Period, int] = field(default_factory=dict)
    counted: Sequence[date] = ()
    guessed: Sequence[date] = ()


class Station:
    """A station's reports, recorded and arriving: what of them is odd, and how one of them looks beside the others."""

    def __init__(self, known: Known, arriving: Sequence[tuple[Period, int]]) -> None:
        fresh: dict[Period, int] = defaultdict(int)
        self.met = set()  # those that share days with another one
        for one, visits in arriving:
            if one.length > 1 and (one in fresh or one in known.visits):
                self.met.add(one)
            fresh[one] += visits
        self.total = {one: known.visits.get(one, 0) + visits for one, visits in fresh.items()}
        # For the others what is recorded of a period stands for it: what arrives may be the same once more.
        self.others = {**fresh, **known.visits}
        periods = sorted(self.others)
        self.met |= _meeting(periods)
        self.series = {grain: [one for one in periods if one.grain == grain] for grain in {one.grain for one in fresh}}
        counted = [one.last_on for one in fresh if one.complete and one.method != VisitMethod.ESTIMATE]
        self.counted = sorted([*counted, *known.counted])
        self.guessed = sorted([*(one.day for one in fresh if one.method == VisitMethod.ESTIMATE), *known.guessed])

    def before(self, period: Period) -> list[Period]:
        """The periods of the same length that began before it, the latest first, as far as they matter."""
        series = self.series[period.grain]
        at = bisect_left(series, period.day, key=lambda one: one.day)
        return series[max(0, at - RECENT * len(VisitMethod)) : at][::-1]

    def estimated_days(self, period: Period) -> int:
        """How many days before its end the estimates began with no count in between that sees everybody."""
        at = bisect_right(self.counted, period.last_on)
        floor = self.counted[at - 1] if at else date.min
        since = bisect_right(self.guessed, floor)
        return (period.last_on - self.guessed[since]).days if since < len(self.guessed) else 0


def odd(station: Station, period: Period) -> list[Flag]:
    """What is odd about an arriving period of a station beside the others."""
    before = station.before(period)
    own = [one for one in before if (one.method, one.complete) == (period.method, period.complete)]
    alike = [one for one in before if one.complete] if period.complete else own
    total, others = station.total[period], station.others
    found = {
        Flag.EQUAL_PERIODS: _equal([total, *(others[one] for one in own)]),
        Flag.MULTIPLES_OF_TEN: _rounded([total, *(others[one] for one in own[:RECENT])]),
        Flag.ABOVE_MEDIAN: _high(total, [others[one] for one in alike[:RECENT]]),
        Flag.OVERLAPPING_PERIODS: period in station.met,
        Flag.LONG_ESTIMATE: period.method == VisitMethod.ESTIMATE and station.estimated_days(period) > ESTIMATE_DAYS,
    }
    return [flag for flag, holds in found.items() if holds]


def _equal(latest: Sequence[int]) -> bool:
    """Whether the last five are one number; a station that nobody came to may say so as often as it likes."""
    return latest[0] > 0 and len(latest) >= FEWEST and len(set(latest[:FEWEST])) == 1


def _rounded(latest: Sequence[int]) -> bool:
    """Whether all numbers are multiples of ten, five of them at least above nought."""
    told = [visits for visits in latest if visits]
    return latest[0] > 0 and len(told) >= FEWEST and not any(visits % ROUND for visits in told)


def _high(total: int, before: Sequence[int]) -> bool:
    """Whether it is above five times the median, of five periods at least and where that is not nought."""
    return total >= SMALL and len(before) >= FEWEST and 0 < TIMES * median(before) < total


def _meeting(periods: Sequence[Period]) -> set[Period]:
    """Those, of sorted ones, that share days with another of their method, one of the two being longer than a day."""
    found: set[Period] = set()
    latest: dict[str, Period] = {}
    for one in periods if any(one.last_on > one.day for one in periods) else ():
        running = latest.get(one.method)
        if running is not None and one.day <= running.last_on and max(one.length, running.length) > 1:
            found |= {one, running}
        if running is None or one.last_on > running.last_on:
            latest[one.method] = one
    return found


Fact = Mapping[str, Any]
Key = tuple[str, str]  # of a visit: its station and its id
Rows = Mapping[str, Sequence[tuple[Entry, Period]]]


def flagging(arriving: Sequence[Entry], calendar: Calendar) -> db.Steps[None]:
    """Put into `flags` of each arriving entry what is odd about it.

    Two questions to the database at most, whatever the size of the batch; none where only single visits arrive.
    """
    closed = _closed(calendar)
    reporting = set()
    for entry in arriving:
        entry.flags = _at_sight(entry, closed)
        if _is_report(entry.said) and entry.reverses is None:
            reporting.add(entry.station_id)
    if reporting:
        rows: dict[str, list[tuple[Entry, Period]]] = {station_id: [] for station_id in sorted(reporting)}
        for entry in arriving:
            if entry.station_id in reporting and entry.reverses is None:
                said = entry.said
                period = period_of(said.started_at, said.ended_at, said.method, complete=said.complete)
                rows[entry.station_id].append((entry, period))
        yield from _comparing(rows)


def _is_report(said: Said) -> bool:
    return said.count != 1 or said.ended_at is not None


class _Closed:
    """Whether stations were closed all of a day; the many of one rule are asked once."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.known: dict[tuple[str | None, str, date], bool] = {}

    def on(self, fact: Fact, day: date) -> bool:
        if fact["closures"]:
            return opening.open_on(fact, day, self.calendar) is False
        key = fact["opening_hours"], fact["hours_calendar"], day
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = opening.open_on({**fact, "closures": ()}, day, self.calendar) is False
        return found


class _Shelf:
    """What was closed as the calendar stands: groups of visits ask the same again and again."""

    closed: _Closed | None = None


def _closed(calendar: Calendar) -> _Closed:
    closed = _Shelf.closed
    if closed is None or closed.calendar is not calendar or len(closed.known) > MOST_KNOWN:
        closed = _Shelf.closed = _Closed(calendar)
    return closed


# By whether it lies in the future, and whether it was closed.
ODD_AT_SIGHT: Mapping[tuple[bool, bool], Sequence[str]] = {
    (False, False): (),
    (True, False): (Flag.IN_THE_FUTURE.value,),
    (False, True): (Flag.CLOSED_DAY.value,),
    (True, True): (Flag.IN_THE_FUTURE.value, Flag.CLOSED_DAY.value),
}


def _at_sight(entry: Entry, closed: _Closed) -> Sequence[str]:
    """What an entry tells by itself."""
    said, fact = entry.said, entry.fact
    started_at, ended_at = said.started_at, said.ended_at
    early = (ended_at or started_at) > entry.at
    within_a_day = ended_at is None or ended_at - started_at <= DAY
    shut = said.count > 0 and within_a_day and closed.on(fact, started_at.astimezone(SHANGHAI).date())
    return ODD_AT_SIGHT[early, shut]


def _comparing(rows: Rows) -> db.Steps[None]:
    """Flag what is odd about reports beside others of their station, recorded or arriving."""
    recent = yield _recent(rows)
    known = {str(row["station_id"]): _known(row) for row in recent}
    together, asked = _at_once(rows, known)
    if asked:
        sharing = yield _sharing(asked)
        together |= {(str(row["station_id"]), str(row["id"])) for row in sharing}
    for station_id, about in known.items():
        found = rows[station_id]
        station = Station(about, [(period, entry.said.count) for entry, period in found])
        reports = [(entry, period) for entry, period in found if _is_report(entry.said)]
        flags = {period: odd(station, period) for _, period in reports}
        for entry, period in reports:
            at_once = [Flag.OVERLAPPING_PERIODS] if (station_id, entry.said.id) in together else []
            entry.flags = [*entry.flags, *(one.value for one in dict.fromkeys([*flags[period], *at_once]))]


def _recent(rows: Rows) -> db.Ask:
    """What is recorded of the stations that report, in one statement; those that cannot be odd are left out."""
    asked = {
        "stations": list(rows),
        "firsts": [min(period.day for _, period in found) for found in rows.values()],
        "lasts": [max(period.last_on for _, period in found) for found in rows.values()],
        "estimated": [any(one.method == VisitMethod.ESTIMATE for _, one in found) for found in rows.values()],
        # Of who reports one day, as most do, the database tells only where it could be odd.
        "counts": [
            found[0][0].said.count if len(found) == found[0][1].length == 1 else None for found in rows.values()
        ],
        **{"recent": RECENT, "long_days": LONG_DAYS, "fewest": FEWEST, "round": ROUND, "times": TIMES},
    }
    return db.Ask("visit_recent", asked)


def _known(row: Fact) -> Known:
    counted, guessed = ([day] if day else () for day in (row["counted_on"], row["estimated_since"]))
    known = Known({}, {}, counted, guessed)
    for one in orjson.loads(row["periods"] or "[]"):
        day, last_on = (date.fromisoformat(one[name]) for name in ("day", "last_on"))
        period = Period(day, last_on, one["method"], one["complete"])
        known.visits[period], known.reports[period] = one["visits"], one["reports"]
    return known


def _at_once(rows: Rows, known: Mapping[str, Known]) -> tuple[set[Key], list[Entry]]:
    """Reports within a day whose hours another row of their method shares; and those of which the ledger knows that."""
    within = [(entry, period) for station_id in known for entry, period in rows[station_id] if period.length == 1]
    found = _among([entry for entry, _ in within])
    asked: list[Entry] = []
    for entry, period in within:
        reports = sum(
            known[entry.station_id].reports.get(period._replace(complete=whole), 0) for whole in (True, False)
        )
        said = entry.said
        if not reports or not _is_report(said):
            continue
        if said.ended_at is not None and said.ended_at - said.started_at == DAY:
            found.add((entry.station_id, said.id))  # the whole day
        elif reports <= SHIFTS:
            asked.append(entry)
    return found, asked


def _sharing(entries: Sequence[Entry]) -> db.Ask:
    """Which of these hours a recorded row of their station and method shares."""
    names = ("id", "method", "started_at", "ended_at")
    asked = {f"{name}s": [getattr(entry.said, name) for entry in entries] for name in names}
    asked |= {"station_ids": [entry.station_id for entry in entries]}
    return db.Ask("visit_sharing", asked | {"looked_at": LOOKED_AT})


def _among(entries: Sequence[Entry]) -> set[Key]:
    """Those that begin before one of their station and method, begun earlier, has ended; and that one."""
    found: set[Key] = set()
    latest: dict[tuple[str, str], tuple[datetime, str]] = {}  # the end, and whose it is
    for entry in sorted(entries, key=lambda entry: (entry.said.started_at, entry.said.ended_at is None)):
        said, key = entry.said, (entry.station_id, entry.said.method)
        running = latest.get(key)
        if running is not None and said.started_at < running[0]:
            found |= {(entry.station_id, said.id), (entry.station_id, running[1])}
        if said.ended_at is not None and (running is None or said.ended_at > running[0]):
            latest[key] = said.ended_at, said.id
    return found
