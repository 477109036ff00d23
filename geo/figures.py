"""Figures: stations counted along the region tree, the year-end sentence, a region's week.

Counted from the rows whenever they are asked for, so they add up at every level.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from geo import auditors, db, errors, visit_figures
from geo.access import Principal
from geo.hours import SHANGHAI
from geo.regions import RegionRecord
from geo.visit_figures import Bucket, Scope, Span


class GroupBy(StrEnum):
    """What stations are counted by."""

    REGION = "region"
    KIND = "kind"
    ORGANISATION_KIND = "organisation_kind"
    FACILITY = "facility"
    STATUS = "status"
    OPEN_24H = "open_24h"


@dataclass(frozen=True)
class Counts:
    """A table of counts: a row each group, with the groups' names as columns; `total` counts every station once."""

    region: RegionRecord
    columns: Sequence[str]
    rows: Sequence[dict[str, Any]]
    total: int


def stations(session: Session, who: Principal, region: str, level: str | None, by: Sequence[GroupBy]) -> Counts:
    """Published stations of a region by any of the groups. Raises `RegionNotFound`, `Forbidden`."""
    record = auditors.region_for(session, who, region, level)
    return count(session, record, by)


def count(session: Session, record: RegionRecord, by: Sequence[GroupBy]) -> Counts:
    """The same of a region that is known."""
    groups = list(dict.fromkeys(by))
    rows = _counted(session, record, groups)
    columns = [
        name for group in groups for name in ((group.value, "name") if group is GroupBy.REGION else (group.value,))
    ]
    total = _counted(session, record, []) if GroupBy.FACILITY in groups else rows
    return Counts(
        record,
        [*columns, "stations"],
        [{name: row[name] for name in (*columns, "stations")} for row in rows],
        sum(row["stations"] for row in total),
    )


def _counted(session: Session, record: RegionRecord, groups: Sequence[GroupBy]) -> list[dict[str, Any]]:
    asked = {"region": record.adcode, "level": record.level, "by": [group.value for group in groups]}
    return [dict(row) for row in session.execute(db.sql("figures_stations"), asked).mappings()]


def national(session: Session, who: Principal, year: int | None = None) -> dict[str, Any]:
    """The year-end sentence and its figures; visits are of the year's days up to yesterday.

    In January a year is left out for the one before. Raises `Forbidden`, and `InvalidQuery` for a year to come.
    """
    if who.role == "host":
        raise errors.Forbidden("This is for auditors.")
    row = dict(session.execute(db.sql("figures_national")).mappings().one()) | _visits_a_day(session, who, year)
    zh = (
        "全国共有户外劳动者服务站点 {stations:,} 个，其中 24 小时开放 {open_24h:,} 个、智能站点 {smart:,} 个、"
        "可换电 {battery_swap:,} 个、配有药品 {medicine:,} 个、法律援助 {legal_aid:,} 个；"
    )
    en = (
        "{stations:,} stations for outdoor workers, of which {open_24h:,} are open round the clock, {smart:,} smart,"
        " {battery_swap:,} swap batteries, {medicine:,} keep medicine and {legal_aid:,} give legal aid;"
    )
    visits = _visits_said(row)
    return row | {"sentence": {"zh": (zh + visits["zh"]).format(**row), "en": (en + visits["en"]).format(**row)}}


def _visits_a_day(session: Session, who: Principal, year: int | None) -> dict[str, Any]:
    """The official total of a year's days divided by them, and how many stations reported at all."""
    yesterday = (datetime.now(UTC).astimezone(SHANGHAI) - timedelta(days=1)).date()
    named = year or (yesterday - timedelta(days=30)).year
    first, last = date(named, 1, 1), min(date(named, 12, 31), yesterday)
    if last < first:
        raise errors.InvalidQuery(problems=[errors.Problem(("query", "year"), "expected a year that has begun", year)])
    # A year of the whole country, asked for once in a while.
    session.execute(text("SET LOCAL statement_timeout = '120s'"))
    cells = visit_figures.of_many(session, who, Scope(), Span(first, last, Bucket.YEAR))
    visits, days = (cells[0].visits if cells else None), (last - first).days + 1
    return {
        "visits_a_day": None if visits is None else round(visits / days, 1),
        "visits": visits,
        "visits_lower_bound": bool(cells) and cells[0].lower_bound,
        "visits_from": first.isoformat(),
        "visits_to": last.isoformat(),
        "reporting_stations": cells[0].stations if cells else 0,
    }


def _visits_said(row: Mapping[str, Any]) -> dict[str, str]:
    if row["visits"] is None:
        zh, en = "没有可公布的服务人次。", " no visits that may be told were reported."
    elif row["visits_lower_bound"]:
        zh, en = "日均服务不少于 {visits_a_day:,} 人次。", " at least {visits_a_day:,} visits a day."
    else:
        zh, en = "日均服务 {visits_a_day:,} 人次。", " {visits_a_day:,} visits a day."
    of_zh = "{visits_from} 至 {visits_to}，{reporting_stations:,} 个站点上报，"
    of_en = " from {visits_from} to {visits_to}, {reporting_stations:,} stations reporting,"
    return {"zh": of_zh + zh, "en": of_en + en}


@dataclass(frozen=True)
class Week:
    """A week of ISO 8601, Monday to Sunday in Asia/Shanghai."""

    name: str
    since: datetime
    until: datetime


def week_of(name: str | None) -> Week:
    """The week of a name such as 2026-W40; the one before this when none is given. Raises `InvalidQuery`."""
    day = (datetime.now(UTC).astimezone(SHANGHAI) - timedelta(days=7)).date()
    try:
        name = name or f"{day.isocalendar().year}-W{day.isocalendar().week:02d}"
        monday = datetime.strptime(f"{name}-1", "%G-W%V-%u").replace(tzinfo=SHANGHAI)
    except ValueError:
        problem = errors.Problem(("query", "week"), "expected a week of ISO 8601, such as 2026-W40", name)
        raise errors.InvalidQuery(problems=[problem]) from None
    return Week(name, monday, monday + timedelta(days=7))


def happened(session: Session, record: RegionRecord, week: Week) -> dict[str, int]:
    """What happened to a region's stations in a week."""
    asked = {"region": record.adcode, "level": record.level, "since": week.since, "until": week.until}
    return dict(session.execute(db.sql("figures_week"), asked).mappings().one())
