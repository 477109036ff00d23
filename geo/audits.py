"""The audits: which findings there are in a region, and deciding about one."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from sqlmodel import Session

from geo import (
    audit_counts,
    audit_places,
    audit_upkeep,
    audit_visitors,
    auditors,
    errors,
    findings,
    permits,
    succession,
)
from geo.access import Operation, Principal
from geo.errors import Problem
from geo.findings import Audit, Decision, Finding
from geo.succession import How, SuccessionDraft

Scope = Mapping[str, Any]

FINDERS: Mapping[Audit, Callable[[Session, Scope], list[Finding]]] = {
    Audit.IDLE: audit_visitors.idle,
    Audit.HOURS: audit_visitors.hours,
    Audit.DUPLICATES: audit_places.duplicates,
    Audit.MISLOCATED: audit_places.mislocated,
    Audit.STALE: audit_upkeep.stale,
    Audit.INCOMPLETE: audit_upkeep.incomplete,
    Audit.VISIT_ANOMALIES: audit_counts.visit_anomalies,
}


def found(session: Session, who: Principal, audit: Audit, *, region: str, level: str | None) -> list[Finding]:
    """The findings of an audit in a region, the gravest first; after them what was accepted and is mended.

    Raises `RegionNotFound`, `Forbidden`.
    """
    record = auditors.region_for(session, who, region, level)
    return _find(session, audit, {"level": record.level, "region": record.adcode, "station": None})


def _find(session: Session, audit: Audit, scope: Scope) -> list[Finding]:
    ranked = findings.ranked(FINDERS[audit](session, scope))
    return findings.with_states(session, audit, ranked, scope)


def _merge(session: Session, who: Principal, finding: Finding, decision: Decision) -> None:
    """Let the station kept take the place of the other: its visits, ids and history stay where they are."""
    pair = [UUID(str(each["id"])) for each in (finding.station, finding.other) if each]
    if finding.audit is not Audit.DUPLICATES or decision.keep not in pair:
        expected = " or ".join(map(str, pair)) if finding.audit is Audit.DUPLICATES else "a finding of duplicates"
        problem = Problem(("body", "keep"), f"expected {expected}", str(decision.keep))
        raise errors.InvalidInput("The body breaks a rule.", problems=[problem])
    (merged,) = (each for each in pair if each != decision.keep)
    draft = SuccessionDraft(successor_id=decision.keep, how=How.MERGED, reason=decision.reason)
    succession.succeed(session, who, str(merged), draft, revision=None)


def decide(session: Session, who: Principal, audit: Audit, finding_id: str, decision: Decision) -> Finding:
    """Decide about a finding, which is then in that state; of duplicates the one not kept is merged into the other.

    Raises `FindingNotFound`, `InvalidInput`; `Forbidden` as in a review; `IllegalMove` where there is nothing to merge.
    """
    try:
        station, _ = findings.ids(finding_id)
    except ValueError:
        raise errors.FindingNotFound from None
    permits.see(session, str(station), who, Operation.REVIEW)
    scope = {"level": None, "region": None, "station": station}
    finding = next((each for each in _find(session, audit, scope) if each.id == finding_id), None)
    if finding is None:
        raise errors.FindingNotFound
    findings.decide(session, who, finding, decision)
    if decision.keep is not None:
        _merge(session, who, finding, decision)
    return next(each for each in _find(session, audit, scope) if each.id == finding_id)
