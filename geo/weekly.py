"""The weekly report of a region: its stations and visits, its coverage, what happened and what the audits find."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from geo import auditors, audits, coverage, figures, findings, regions, stations, visit_figures
from geo.access import Principal
from geo.figures import Week
from geo.findings import Audit, State
from geo.regions import RegionRecord
from geo.visit_figures import Bucket, Cell, GroupBy, Scope, Span

BELOW = {"country": GroupBy.PROVINCE, "province": GroupBy.CITY}

COVERED = (
    *("radius_m", "stations", "area_share", "demand_share", "demand_median_distance_m", "stations_per_10000"),
    "close_pairs",
)


def report(session: Session, who: Principal, region: str, level: str | None, week: str | None) -> dict[str, Any]:
    """The report. Stations, coverage and findings are as of now; visits and what happened are of the week."""
    record = auditors.region_for(session, who, region, level)
    span = figures.week_of(week)
    counts = {group.value: figures.count(session, record, [group]).rows for group in figures.GroupBy}
    covered = coverage.measured(session, who, coverage.Asked(record.adcode, record.level))
    counts["region"] = _with_empty(session, record, counts["region"])
    open_findings = {
        audit.value: findings.tally(audits.found(session, who, audit, region=region, level=record.level))[State.OPEN]
        for audit in Audit
    }
    return {
        "region": record.adcode,
        "level": record.level,
        "name": record.name,
        "week": span.name,
        "since": span.since.isoformat(),
        "until": span.until.isoformat(),
        "as_of": stations.instant(session.scalars(text("SELECT now()")).one()),
        "stations": sum(row["stations"] for row in counts["kind"]),
        "by": counts,
        "visits": visits(session, who, record, span, counts),
        "happened": figures.happened(session, record, span),
        "coverage": {name: covered[name] for name in COVERED},
        "open_findings": open_findings,
    }


Counts = Mapping[str, Sequence[Mapping[str, Any]]]


def _with_empty(session: Session, record: RegionRecord, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The counts of the divisions right below, with 0 where there is no station; last those of no division."""
    level = "district" if record.level == "city" else None  # 110000 as a city, which is province and city
    below = regions.browse(session, parent=record.adcode, level=level) if record.level != "district" else []
    listed = {place.adcode: {"region": place.adcode, "name": place.name, "stations": 0} for place in below}
    return sorted((listed | {row["region"]: row for row in rows}).values(), key=lambda row: row["region"] or "~")


def visits(session: Session, who: Principal, record: RegionRecord, week: Week, counts: Counts) -> dict[str, Any]:
    """The visits of a week: official totals, of the week, its days, divisions and kinds; None where nobody reported."""
    first = week.since.date()
    days = Span(first, first + timedelta(days=6), Bucket.DAY)

    def cells(bucket: Bucket, group_by: GroupBy | None = None) -> dict[Any, Cell]:
        scope = Scope(region=record.adcode, level=record.level, group_by=group_by)
        found = visit_figures.of_many(session, who, scope, replace(days, bucket=bucket))
        return {cell.group if group_by else cell.start: cell for cell in found}

    whole, by_day = cells(Bucket.WEEK).get(first), cells(Bucket.DAY)
    below = cells(Bucket.WEEK, BELOW.get(record.level, GroupBy.DISTRICT))
    if record.level == "province":  # some districts answer to no city
        below = cells(Bucket.WEEK, GroupBy.DISTRICT) | below
    kinds, reporting = cells(Bucket.WEEK, GroupBy.KIND), whole.stations if whole else 0
    return {
        "total": _told(whole),
        "lower_bound": whole is not None and whole.lower_bound,
        "reporting": reporting,
        "silent": sum(row["stations"] for row in counts["kind"]) - reporting,
        "by_method": dict(whole.by_method) if whole else {},
        "by_day": [_day(day, by_day.get(day)) for day in days.starts()],
        "by": {
            "region": [_part(row, ("region", "name"), below) for row in counts["region"]],
            "kind": [_part(row, ("kind",), kinds) for row in counts["kind"]],
        },
    }


def _told(cell: Cell | None) -> int | None:
    return cell.visits if cell else None


def _day(day: date, cell: Cell | None) -> dict[str, Any]:
    return {"day": day.isoformat(), "visits": _told(cell), "stations": cell.stations if cell else 0}


def _part(row: Mapping[str, Any], names: Sequence[str], cells: Mapping[Any, Cell]) -> dict[str, Any]:
    return {**{name: row[name] for name in names}, "visits": _told(cells.get(row[names[0]]))}
