"""Audits of what visitors tell: stations that nobody uses, and stations that are locked when they say they are open.

Idle is about use and verification on the spot alone: a station whose record was edited yesterday may be idle, and is
then not stale (`geo.audit_upkeep`).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping
from sqlmodel import Session

from geo import db
from geo.audit_places import subject
from geo.findings import Audit, Finding

Scope = Mapping[str, Any]

IDLE_DAYS, UNVERIFIED_DAYS = 60, 180
CHECK_DAYS, FEWEST_CHECKS, HONOURED = 365, 3, 0.8


def _stations(session: Session, scope: Scope) -> list[RowMapping]:
    return list(session.execute(db.sql("audit_visits"), {**scope, "days": CHECK_DAYS}).mappings())


def idle(session: Session, scope: Scope) -> list[Finding]:
    """Open, no visit and no good check-in for 60 days, not verified for 180; the longest unverified first."""
    return [_idle(row) for row in _stations(session, scope) if _is_idle(row)]


def _is_idle(row: RowMapping) -> bool:
    used = [days for days in (row["visit_days"], row["good_days"]) if days is not None]
    return row["verified_days"] > UNVERIFIED_DAYS and min(used, default=IDLE_DAYS + 1) > IDLE_DAYS


def _idle(row: RowMapping) -> Finding:
    visit, days = row["last_visit_on"], row["verified_days"]
    zh = f"最近一次服务记录：{visit or '无'}；{IDLE_DAYS} 天内没有服务记录和正面签到；"
    en = f"Last visit: {visit or 'none'}. No visit and no good check-in for {IDLE_DAYS} days, and"
    if row["verified_at"] is None:
        zh, en = (
            zh + f"登记 {days} 天以来从未实地核实。",
            en + f" never verified on the spot since it was entered {days} days ago.",
        )
    else:
        zh, en = zh + f"上次实地核实在 {days} 天前。", en + f" last verified on the spot {days} days ago."
    terms = {
        "last_visit_on": visit,
        "last_good_check_in_at": row["last_good_at"],
        "verified_days": row["verified_days"],
    }
    facts = {"last_visit_on": str(visit), "last_good_check_in_at": str(row["last_good_at"])}
    facts |= {"verified_at": str(row["verified_at"])}
    return Finding(Audit.IDLE, subject(row), {"zh": zh, "en": en}, float(row["verified_days"]), facts, terms)


def hours(session: Session, scope: Scope) -> list[Finding]:
    """Stations found locked inside their posted hours, of at least three checks in a year; the worst first."""
    rows = (row for row in _stations(session, scope) if row["checks"] >= FEWEST_CHECKS)
    return [_locked(row) for row in rows if row["found_open"] / row["checks"] < HONOURED]


def _locked(row: RowMapping) -> Finding:
    share = row["found_open"] / row["checks"]
    zh = f"公示开放时间内 {row['checks']} 次检查，{row['found_open']} 次开着（{share:.0%}）。"
    en = f"Of {row['checks']} checks inside posted hours {row['found_open']} found it open ({share:.0%})."
    counts = {"checks": row["checks"], "found_open": row["found_open"]}
    return Finding(
        Audit.HOURS, subject(row), {"zh": zh, "en": en}, 1 - share, counts, counts | {"honoured": round(share, 3)}
    )
