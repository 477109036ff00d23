"""What looks wrong about the counts of a station or of a region's stations, over the last half year."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import RowMapping, text
from sqlmodel import Session

from geo import anomalies, db, holidays, opening, permits
from geo.access import Operation, Principal
from geo.anomalies import Flag
from geo.audit_places import subject
from geo.findings import Audit, Finding
from geo.hours import SHANGHAI
from geo.vocabulary import VisitMethod

Scope = Mapping[str, Any]

# A station is looked at over half a year: five reports of a month, twice what estimates may last. So many stations at
# once as a region has over two months, so that what was reported of last month is still told.
LONG_DAYS, DAYS = 184, 62
# A day with more reports than two an hour is told by a counter or by single visits, and not by hours.
MOST_REPORTS = 48


@dataclass(frozen=True)
class Oddity:
    """What is odd: in which days, how often, by which method; the number of the latest, and of high ones the median."""

    flag: Flag
    first: date
    last: date
    times: int
    visits: int
    method: VisitMethod | None = None
    usual: float | None = None

    def words(self) -> dict[str, str]:
        """The explanation with its numbers, in Chinese and English."""
        zh, en = TOLD[self.flag]
        by_zh, by_en = (self.method.zh, self.method.en.lower()) if self.method else ("", "")
        numbers = {"first": self.first, "last": self.last, "times": self.times, "visits": self.visits}
        numbers |= {"usual": f"{self.usual or 0:g}", "limit": anomalies.TIMES, "round": anomalies.ROUND}
        return {"zh": zh.format(by=by_zh, **numbers), "en": en.format(by=by_en, **numbers)}


TOLD: Mapping[Flag, tuple[str, str]] = {
    Flag.CLOSED_DAY: (
        "{times} 天按公示全天不开放却报有服务人次，最近一天是 {last}（{visits} 人次）。",
        "Visits were reported of {times} days on which it was closed all day, the last {last} ({visits}).",
    ),
    Flag.EQUAL_PERIODS: (
        "{first} 至 {last} 连续 {times} 期{by}均为 {visits} 人次。",
        "{first} to {last}: {visits} in each of {times} periods in a row ({by}).",
    ),
    Flag.MULTIPLES_OF_TEN: (
        "{first} 至 {last} 的 {times} 期{by}全部是 {round} 的倍数。",
        "{first} to {last}: all {times} numbers are multiples of {round} ({by}).",
    ),
    Flag.ABOVE_MEDIAN: (
        "{times} 期{by}超过中位数 {usual} 的 {limit} 倍，最近一次在 {last}（{visits} 人次）。",
        "{times} numbers are above {limit} times the median of {usual}, the last on {last}: {visits} ({by}).",
    ),
    Flag.OVERLAPPING_PERIODS: (
        "{first} 至 {last} 有 {times} 份{by}与同一方法的其他上报时段重叠，可能重复计数。",
        "{first} to {last}: {times} reports overlap others by the same method ({by}): visits may be counted twice.",
    ),
    Flag.LONG_ESTIMATE: (
        "{first} 至 {last} 只有估算（{times} 期），没有实际计数。",
        "{first} to {last}: nothing but estimates, {times} of them.",
    ),
}


def of_station(session: Session, who: Principal, station_id: str) -> list[Oddity]:
    """What is odd about a station's counts, for who may read its history. Raises `StationNotFound`, `Forbidden`."""
    row = permits.see(session, station_id, who, Operation.READ_HISTORY)
    scope = {"level": None, "region": None, "station": row["id"]}
    return [oddity for _, oddities in _by_station(session, scope, LONG_DAYS) for oddity in oddities]


def visit_anomalies(session: Session, scope: Scope) -> list[Finding]:
    """Stations with counts that look wrong, those with most reasons first."""
    return [_finding(row, oddities) for row, oddities in _by_station(session, scope, DAYS)]


def _by_station(session: Session, scope: Scope, days: int) -> Iterator[tuple[RowMapping, list[Oddity]]]:
    session.execute(text("SET LOCAL statement_timeout = '300s'"))  # of the whole country a minute and more
    now: datetime = session.execute(text("SELECT now()")).scalar_one()
    today = now.astimezone(SHANGHAI).date()
    asked = {**scope, "first": today - timedelta(days), "long_first": today - timedelta(LONG_DAYS), "last": today}
    found = [*_closed(session, asked), *_compared(session, asked)]
    for _, rows in groupby(sorted(found, key=lambda each: str(each[0]["id"])), key=lambda each: each[0]["id"]):
        told = list(rows)
        yield told[0][0], [oddity for _, oddity in told]


def _compared(session: Session, asked: Mapping[str, Any]) -> Iterator[tuple[RowMapping, Oddity]]:
    """What is odd about numbers beside others."""
    rules = {"fewest": anomalies.FEWEST, "recent": anomalies.RECENT, "round": anomalies.ROUND, "small": anomalies.SMALL}
    rules |= {"times": anomalies.TIMES, "estimate_days": anomalies.ESTIMATE_DAYS, "most_reports": MOST_REPORTS}
    for row in session.execute(db.sql("audit_counts"), {**asked, **rules}).mappings():
        numbers = {name: row[name] for name in ("first", "last", "times", "visits", "usual")}
        yield row, Oddity(Flag(row["flag"]), method=VisitMethod(row["method"]), **numbers)


def _closed(session: Session, asked: Mapping[str, Any]) -> Iterator[tuple[RowMapping, Oddity]]:
    """Visits of days on which the station was closed, by the hours and closures that it has now."""
    calendar = holidays.current(session)
    days = [asked["first"] + timedelta(n) for n in range((asked["last"] - asked["first"]).days + 1)]
    shut = [
        (row["opening_hours"], row["hours_calendar"], day)
        for row in session.execute(db.sql("audit_rules"), asked).mappings()
        for day in days
        if opening.open_on({**row, "closures": ()}, day, calendar) is False
    ]
    given = dict(zip(("hours", "calendars", "days"), map(list, zip(*shut, strict=True)), strict=False))
    asked = {"hours": [], "calendars": [], "days": [], **asked, **given}
    for row in session.execute(db.sql("audit_closed"), asked).mappings():
        found = dict(zip(row["days"], row["visits"], strict=True))
        if row["closures"]:
            found = {day: n for day, n in found.items() if opening.open_on(row, day, calendar) is False}
        if found:
            last = max(found)
            yield row, Oddity(Flag.CLOSED_DAY, min(found), last, times=len(found), visits=found[last])


def _finding(row: RowMapping, oddities: Sequence[Oddity]) -> Finding:
    words = [oddity.words() for oddity in oddities]
    explanation = {"zh": "".join(each["zh"] for each in words), "en": " ".join(each["en"] for each in words)}
    terms = [
        {name: getattr(one, name) for name in ("flag", "method", "first", "last", "times", "visits", "usual")}
        for one in oddities
    ]
    score = len({one.flag for one in oddities}) + min(sum(one.times for one in oddities), 999) / 1000
    return Finding(Audit.VISIT_ANOMALIES, subject(row), explanation, score, _facts(oddities), {"anomalies": terms})


def _facts(oddities: Sequence[Oddity]) -> dict[str, str]:
    """What a decision is about: the latest of each kind; of what goes on from day to day, that it does."""
    lasting = {Flag.MULTIPLES_OF_TEN, Flag.LONG_ESTIMATE}
    latest = sorted(oddities, key=lambda one: one.last)
    return {
        one.flag.value: "lasting"
        if one.flag in lasting
        else str(one.visits if one.flag is Flag.EQUAL_PERIODS else one.last)
        for one in latest
    }
