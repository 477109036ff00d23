"""Findings of the audits: what was found about a station, why, and what became of it.

A finding is derived whenever it is asked for; only decisions are kept. Accepted and no longer found is mended; a
rejection holds for as long as the facts it was made on.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlmodel import Session

from geo import db
from geo.access import Principal
from geo.stations import trimmed
from geo.tables_audits import FindingDecision


class Audit(StrEnum):
    """What is looked for."""

    IDLE = "idle"
    DUPLICATES = "duplicates"
    MISLOCATED = "mislocated"
    STALE = "stale"
    HOURS = "hours"
    INCOMPLETE = "incomplete"
    VISIT_ANOMALIES = "visit-anomalies"


class State(StrEnum):
    """What became of a finding; one that is explained is no error and waits for nobody."""

    OPEN = "open"
    EXPLAINED = "explained"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    MENDED = "mended"


class Decision(BaseModel):
    """What an auditor decides about a finding; a rejection says why. Whether it is mended the registry sees itself.

    Of a pair of duplicates one may be kept: the other is merged into it, which mends the finding.
    """

    model_config = ConfigDict(extra="forbid")

    state: Literal[State.OPEN, State.ACCEPTED, State.REJECTED]
    reason: Annotated[str, trimmed(500)] | None = None
    keep: UUID | None = Field(
        None, description="with `accepted`, of a pair: the station that stays; the other is merged"
    )

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.state is State.REJECTED and self.reason is None:
            raise ValueError("reason: expected with a rejection")
        if self.keep is not None and self.state is not State.ACCEPTED:
            raise ValueError("keep: expected with accepted only")
        return self


@dataclass(frozen=True)
class Finding:
    """Something found about a station, or about two; `score` ranks it among those of its audit.

    `facts` are what a decision is about and change only when somebody changes them; `terms` are the numbers behind it.
    """

    audit: Audit
    station: Mapping[str, Any]  # id, code, name, managed_by, adcode, lon, lat
    explanation: Mapping[str, str]  # zh and en
    score: float
    facts: Mapping[str, Any]
    terms: Mapping[str, Any] = field(default_factory=dict)
    other: Mapping[str, Any] | None = None
    state: State = State.OPEN
    reason: str | None = None
    decided_by: str | None = None
    decided_at: Any = None

    @property
    def id(self) -> str:
        """The station's id, and of a pair the other's after a dot."""
        return f"{self.station['id']}.{self.other['id']}" if self.other else str(self.station["id"])


def ids(finding: str) -> tuple[UUID, UUID | None]:
    """The stations a finding's id names. Raises `ValueError` for what is none."""
    first, dot, second = finding.partition(".")
    return UUID(first), UUID(second) if dot else None


def with_states(session: Session, audit: Audit, found: Sequence[Finding], scope: Mapping[str, Any]) -> list[Finding]:
    """The findings with what was decided about them: the open first, those that were accepted and are mended last."""
    rows = session.execute(db.sql("finding_decisions"), {**scope, "audit": audit}).mappings()
    decided: dict[str, Mapping[str, Any]] = {_key(row["station_id"], row["other_id"]): dict(row) for row in rows}
    current = [_decided(finding, decided.pop(finding.id, None)) for finding in found]
    gone = [
        Finding(
            audit,
            row["station"],
            row["explanation"],
            score=0.0,
            facts=row["facts"],
            other=row["other"],
            state=State.MENDED,
            **_who(row),
        )
        for row in decided.values()
        if row["state"] in {State.ACCEPTED}
    ]
    current.sort(key=lambda finding: _TURN.index(finding.state))  # and each state's in the order they were in
    return current + sorted(gone, key=lambda finding: finding.id)


_TURN = (State.OPEN, State.ACCEPTED, State.REJECTED, State.EXPLAINED)


def _key(station: object, other: object) -> str:
    return f"{station}.{other}" if other else str(station)


def _decided(finding: Finding, row: Mapping[str, Any] | None) -> Finding:
    if row is None or row["state"] == State.OPEN:
        return finding
    if row["state"] == State.REJECTED and row["facts"] != finding.facts:
        return finding
    return replace(finding, state=State(row["state"]), **_who(row))


def _who(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("reason", "decided_by", "decided_at")}


def decide(session: Session, who: Principal, finding: Finding, decision: Decision) -> None:
    """Keep a decision; the last one holds."""
    other = UUID(str(finding.other["id"])) if finding.other else None
    row = FindingDecision(
        audit=finding.audit.value,
        station_id=UUID(str(finding.station["id"])),
        other_id=other,
        state=decision.state.value,
        reason=decision.reason,
        facts=dict(finding.facts),
        explanation=dict(finding.explanation),
        decided_by=who.prefix,
        organisation=who.organisation,
    )
    session.add(row)
    session.flush()


def tally(found: Iterable[Finding]) -> dict[str, int]:
    """How many findings are in each state, those in which none is too."""
    counted = Counter(finding.state for finding in found)
    return {state.value: counted[state] for state in State}


def ranked(found: Iterable[Finding]) -> list[Finding]:
    """The gravest first, then by id."""
    return sorted(found, key=lambda finding: (-finding.score, finding.id))
