"""The weekly report of a region: its stations, its coverage, what happened and what the audits find."""

from typing import Any

from sqlmodel import Session

from geo import auditors, audits, coverage, figures
from geo.access import Principal
from geo.figures import GroupBy
from geo.findings import Audit, State


def report(session: Session, who: Principal, region: str, level: str | None, week: str | None) -> dict[str, Any]:
    """The report. The figures of stations, coverage and findings are of now; what happened is of the week."""
    record = auditors.region_for(session, who, region, level)
    span = figures.week_of(week)
    counts = {group.value: figures.count(session, record, [group]).rows for group in GroupBy}
    covered = coverage.measured(session, who, coverage.Asked(record.adcode, record.level))
    open_findings = {
        audit.value: len(audits.found(session, who, audit, region=region, level=record.level, state=State.OPEN))
        for audit in Audit
    }
    shown = ("stations", "area_share", "demand_share", "demand_median_distance_m", "stations_per_10000", "close_pairs")
    return {
        "region": record.adcode,
        "level": record.level,
        "name": record.name,
        "week": span.name,
        "since": span.since.isoformat(),
        "until": span.until.isoformat(),
        "stations": figures.count(session, record, []).total,
        "by": counts,
        "happened": figures.happened(session, record, span),
        "coverage": {"radius_m": covered["radius_m"]} | {name: covered[name] for name in shown[1:]},
        "open_findings": open_findings,
    }
