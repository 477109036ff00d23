"""Audits of upkeep: stations that nobody has looked after, and stations about which too little is known."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping
from sqlmodel import Session

from geo import db
from geo.audit_places import subject
from geo.findings import Audit, Finding
from geo.vocabulary import CheckinOutcome

Scope = Mapping[str, Any]

STALE_DAYS = 180
# Check-ins of somebody at the door by which what is published is right, that it is closed then included.
AS_DESCRIBED = (CheckinOutcome.USED_OK, CheckinOutcome.CONFIRMED_CORRECT, CheckinOutcome.CLOSED_AS_POSTED)
WORDS = {
    "address": ("地址", "address"),
    "opening_hours": ("开放时间", "opening hours"),
    "facilities": ("设施", "facilities"),
    "entry_modes": ("进入方式", "way in"),
    "stated_district": ("填报的所属区县", "stated district"),
    "managed_by": ("管理单位", "managing organisation"),
}


def _stations(session: Session, scope: Scope) -> list[RowMapping]:
    asked = {**scope, "as_described": [outcome.value for outcome in AS_DESCRIBED]}
    return list(session.execute(db.sql("audit_stations"), asked).mappings())


def stale(session: Session, scope: Scope) -> list[Finding]:
    """Stations that nobody has verified, changed or found as described for 180 days, the longest first."""
    return [_stale(row) for row in _stations(session, scope) if row["untouched_days"] > STALE_DAYS]


def _stale(row: RowMapping) -> Finding:
    days = int(row["untouched_days"])
    zh, en = (
        f"{days} 天没有核实或更新，也没有签到确认。",
        f"Nobody has verified, changed or confirmed it for {days} days.",
    )
    if row["verified_at"] is None:
        zh, en = zh + "从未实地核实。", en + " It was never verified."
    terms = {"untouched_days": days, "verified_at": row["verified_at"], "updated_at": row["updated_at"]}
    terms |= {"seen_at": row["seen_at"]}
    return Finding(Audit.STALE, subject(row), {"zh": zh, "en": en}, float(row["untouched_days"]), _since(row), terms)


def _since(row: RowMapping) -> dict[str, Any]:
    verified, seen = (row[name].isoformat() if row[name] else None for name in ("verified_at", "seen_at"))
    return {"revision": row["revision"], "verified_at": verified, "seen_at": seen}


def incomplete(session: Session, scope: Scope) -> list[Finding]:
    """Stations of which something is unknown that riders choose by, those with most unknown first."""
    return [_incomplete(row) for row in _stations(session, scope) if row["missing"]]


def _incomplete(row: RowMapping) -> Finding:
    missing = list(row["missing"])
    zh, en = ("、".join(WORDS[name][0] for name in missing), ", ".join(WORDS[name][1] for name in missing))
    explanation = {"zh": f"缺少：{zh}。", "en": f"Unknown: {en}."}
    return Finding(
        Audit.INCOMPLETE, subject(row), explanation, float(len(missing)), {"missing": missing}, {"missing": missing}
    )
