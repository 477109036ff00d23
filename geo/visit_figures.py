"""Reading visits: totals of a station or of many, in buckets of days in Asia/Shanghai; zero is not silence."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, text
from sqlmodel import Session

from geo import db, errors, organisations, permits, regions
from geo.access import Operation, Principal
from geo.errors import InvalidQuery, Problem
from geo.vocabulary import StationKind, VisitMethod

# A cell of so few people could be somebody; the public is not told the number.
FEWEST = 5
# A hundred thousand rows are added up in a hash: the planner, which cannot know how few groups there are, would sort
# them first, on disk, for twice the time.
CLOSED = text("""
    SELECT read_before, set_config('work_mem', '64MB', true), set_config('enable_sort', 'off', true)
      FROM visit_closing""")
MOST_BUCKETS = 4_000


class Bucket(StrEnum):
    """How long a bucket is; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class GroupBy(StrEnum):
    """What figures are split by."""

    PROVINCE = "province"
    CITY = "city"
    DISTRICT = "district"
    KIND = "kind"
    ORGANISATION = "organisation"
    METHOD = "method"


@dataclass(frozen=True)
class Span:
    """From which day to which, both included, in which buckets. Raises `InvalidQuery` where that cannot be."""

    first: date
    last: date
    bucket: Bucket

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise InvalidQuery(problems=[Problem(("query", "to"), "expected a day not before `from`")])
        shortest = {Bucket.DAY: 1, Bucket.WEEK: 7, Bucket.MONTH: 28, Bucket.YEAR: 365}[self.bucket]
        if (self.last - self.first).days // shortest > MOST_BUCKETS:
            message = f"expected at most {MOST_BUCKETS:,} buckets; ask for longer ones"
            raise InvalidQuery(problems=[Problem(("query", "bucket"), message)])

    def starts(self) -> list[date]:
        """The first day of each bucket, those that nothing was reported in too."""
        found, day = [], self.start_of(self.first)
        while day <= self.last:
            found.append(day)
            day = self.start_of(day + {"day": 1, "week": 7, "month": 31, "year": 366}[self.bucket] * timedelta(1))
        return found

    def start_of(self, day: date) -> date:
        """The first day of the bucket that a day is in."""
        if self.bucket is Bucket.WEEK:
            return day - timedelta(days=day.weekday())
        if self.bucket is Bucket.DAY:
            return day
        return day.replace(day=1, month=day.month if self.bucket is Bucket.MONTH else 1)

    def whole_months(self, closed: date) -> tuple[date, date]:
        """From which month on, and before which, months are closed and whole in the span; twice the end for none."""
        beyond = self.last + timedelta(days=1)
        if self.bucket in {Bucket.MONTH, Bucket.YEAR}:
            first = self.first if self.first.day == 1 else _month(_month(self.first) + timedelta(days=31))
            if first < (before := min(_month(beyond), closed)):
                return first, before
        return beyond, beyond


def _month(day: date) -> date:
    return day.replace(day=1)


@dataclass(frozen=True)
class Scope:
    """Of what: a station, or the stations of a division, of a kind, of an organisation and those below it."""

    station: str | None = None
    region: str | None = None
    level: str | None = None
    kind: StationKind | None = None
    organisation: str | None = None
    method: VisitMethod | None = None
    group_by: GroupBy | None = None


@dataclass(frozen=True)
class Cell:
    """A bucket of a group: `visits` is None where nothing was reported, or where `suppressed` says too few."""

    start: date
    group: str | None
    visits: int | None
    lower_bound: bool
    by_method: Mapping[str, int | None]
    stations: int
    suppressed: bool = False

    def for_the_public(self) -> "Cell":
        """The same without numbers that are so small that they could be somebody."""
        by_method = {name: _told(number) for name, number in self.by_method.items()}
        few = self.visits is not None and _told(self.visits) is None
        hidden = few or None in by_method.values()
        return replace(self, visits=None if few else self.visits, by_method=by_method, suppressed=hidden)


def _told(number: int | None) -> int | None:
    return None if number is not None and 0 < number < FEWEST else number


def of_station(session: Session, who: Principal | None, station_id: str, span: Span) -> list[Cell]:
    """Every bucket of the span for one station. Raises `StationNotFound`; the public is not told small numbers."""
    row = permits.see(session, station_id, who)
    cells = {cell.start: cell for cell in _cells(session, Scope(station=str(row["id"])), span, published=False)}
    whole = [
        cells.get(start, Cell(start, None, None, lower_bound=False, by_method={}, stations=0))
        for start in span.starts()
    ]
    return whole if _is_told_all(session, who, station_id) else [cell.for_the_public() for cell in whole]


def _is_told_all(session: Session, who: Principal | None, station_id: str) -> bool:
    try:
        permits.see(session, station_id, who, Operation.READ_HISTORY)
    except errors.Forbidden:
        return False
    return True


def of_many(session: Session, who: Principal | None, scope: Scope, span: Span) -> list[Cell]:
    """The buckets in which stations reported that are or were published, by group.

    Raises `RegionNotFound`, `OrganisationNotFound`. One that was merged or given up takes no past visits with it.
    Numbers so small that they could be somebody are told to an admin, and to an auditor of that division.
    """
    if scope.organisation:
        organisations.get(session, scope.organisation)
    cells = _cells(session, scope, span, published=True)
    told = who is not None and (who.role == "admin" or (who.role == "auditor" and _covers(session, who, scope)))
    return cells if told else [cell.for_the_public() for cell in cells]


def _covers(session: Session, who: Principal, scope: Scope) -> bool:
    if scope.region is None:
        return who.covers()
    line = regions.get(session, scope.region, level=scope.level)
    return who.covers(line.adcode, *(parent.adcode for parent in line.parents))


def _cells(session: Session, scope: Scope, span: Span, *, published: bool) -> list[Cell]:
    asked: dict[str, Any] = dict.fromkeys(("province", "city", "district"))
    if scope.region is not None and (level := _level(session, scope)) != "country":
        asked[level] = scope.region
    whole_from, whole_to = span.whole_months(session.scalars(CLOSED).one())
    asked |= {
        "station": scope.station,
        "kind": scope.kind,
        "organisation": scope.organisation,
        "method": scope.method,
        "group_by": scope.group_by,
        "published": published,
        "bucket": span.bucket.value,
        "first": span.first,
        "last": span.last,
        "whole_from": whole_from,
        "whole_to": whole_to,
    }
    rows = session.execute(db.sql("visit_figures"), asked).mappings()
    if scope.group_by is GroupBy.METHOD:
        return [cell for row in rows for cell in _by_method(row)]
    return [_cell(row, row["part"] if scope.group_by else None) for row in rows]


def _cell(row: RowMapping, group: str | None) -> Cell:
    return Cell(row["start"], group, row["visits"], row["lower_bound"], row["by_method"], row["stations"])


def _by_method(row: RowMapping) -> list[Cell]:
    """A cell for each method of a bucket: what that method counted, official or not."""
    return [
        Cell(row["start"], name, number, row["lower_bound"], {name: number}, row["stations"])
        for name, number in sorted(row["by_method"].items())
    ]


def _level(session: Session, scope: Scope) -> str:
    return regions.filter_level(session, scope.region or "", scope.level)


def close_months(session: Session) -> bool:
    """Add up the months that are over, so that figures need not; whether a second transaction is to do the rest."""
    session.execute(text("SET LOCAL statement_timeout = 0"))  # a month of every station
    return bool(session.scalar(text("SELECT visit_close_v1()")))


def drift(session: Session) -> list[RowMapping]:
    """The totals that are not what the ledger adds up to: none, or something is badly wrong."""
    session.execute(text("SET LOCAL statement_timeout = 0"))  # it reads the ledger whole
    session.execute(text("SET LOCAL work_mem = '256MB'"))
    days = session.execute(db.sql("visit_drift")).mappings().all()
    trust = {"methods": [method.value for method in VisitMethod]}
    return [*days, *session.execute(db.sql("visit_drift_month"), trust).mappings()]
