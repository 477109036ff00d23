"""Closures and faults at scale: which there are within one's reach, and a whole region closed for a typhoon or a feast.

One station's own closures are `geo.closures`, its facilities `geo.facilities`.
"""

from dataclasses import asdict, dataclass
from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import Field
from sqlalchemy import RowMapping
from sqlmodel import Session

from geo import db, errors, regions
from geo.access import Principal
from geo.closures import ClosureDraft
from geo.errors import Problem
from geo.stations import trimmed
from geo.vocabulary import StationKind

SLA_H = 72.0


class RegionClosureDraft(ClosureDraft):
    """Which stations of a division close, from when, until when, and why."""

    region: Annotated[str, Field(pattern=r"^\d{6}$", description="adcode; 100000 is the whole country")]
    level: regions.Level | None = None
    kind: list[StationKind] = Field(default_factory=list, description="any of these; all when left out")
    managed_by: Annotated[str, trimmed(64)] | None = None


@dataclass(frozen=True)
class Part:
    """Which closures or faults are asked for."""

    region: str | None = None
    managed_by: str | None = None


def reach(who: Principal) -> dict[str, str | None]:
    """What bounds the key: its organisation, role and region."""
    return {"organisation": who.organisation, "role": who.role, "reach": who.region}


def closures(
    session: Session,
    who: Principal,
    part: Part,
    *,
    limit: int,
    state: str | None = None,
    batch: UUID | None = None,
    after: tuple[str, str] | None = None,
) -> list[RowMapping]:
    """Closures under way or to come within the key's reach, by their beginning; `state` is current or coming."""
    since, key = after or (None, None)
    asked = {**reach(who), **asdict(part), "state": state, "batch": batch, "since": since, "after": key, "limit": limit}
    return list(session.execute(db.sql("closure_list"), asked).mappings())


def close_region(session: Session, who: Principal, draft: RegionClosureDraft) -> tuple[UUID, int]:
    """Close what is in use in a division, within the key's reach: the name of the whole, and how many.

    Raises `RegionNotFound`, `InvalidInput` where a replacement is named.
    """
    if draft.replacement_id is not None:
        expected = Problem(("body", "replacement_id"), "expected only of a single station")
        raise errors.InvalidInput("The body breaks a rule.", problems=[expected])
    level, batch = regions.filter_level(session, draft.region, draft.level), uuid4()
    said: dict[str, Any] = draft.model_dump(include={"region", "starts_at", "ends_at", "reason", "managed_by"})
    said |= {"level": level, "batch": batch, "kinds": [kind.value for kind in draft.kind] or None}
    db.because(session, draft.reason)
    return batch, len(session.execute(db.sql("closure_region"), {**reach(who), **said}).all())


def reopen_region(session: Session, who: Principal, batch: str) -> int:
    """Call off what was closed together, as far as the key reaches; how many. Raises `ClosureNotFound`."""
    try:
        asked = {**reach(who), "batch": UUID(batch)}
    except ValueError:
        raise errors.ClosureNotFound from None
    ended = len(session.execute(db.sql("closure_reopen"), asked).all())
    if not ended:
        raise errors.ClosureNotFound("There is no such closure of a region, or it is over.")
    return ended


def faults(
    session: Session,
    who: Principal,
    part: Part,
    *,
    limit: int,
    facility: str | None = None,
    sla_h: float = SLA_H,
    overdue: bool = False,
    after: tuple[str, ...] | None = None,
) -> list[RowMapping]:
    """Facilities out of order within the key's reach, the oldest first; due `sla_h` hours after the fault began."""
    since, key, name = after or (None, None, None)
    asked = {**reach(who), **asdict(part), "facility": facility, "sla_h": sla_h, "overdue": overdue, "limit": limit}
    asked |= {"since": since, "after": key, "after_facility": name}
    return list(session.execute(db.sql("fault_list"), asked).mappings())
