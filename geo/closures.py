"""Closures: a schedule a host sets; the station closes and opens by itself, to the minute."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator
from sqlalchemy import func
from sqlmodel import Session, col, select

from geo import errors
from geo.instant import Instant
from geo.stations import trimmed
from geo.tables import Closure, Station


class ClosureDraft(BaseModel):
    """From when, until when (open end when left out), why, and where to go meanwhile."""

    model_config = ConfigDict(extra="forbid")

    starts_at: Instant
    ends_at: Instant | None = None
    reason: Annotated[str, trimmed(500)]
    replacement_id: UUID | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("ends_at: expected an instant after starts_at")
        return self


def plan(session: Session, station: Station, draft: ClosureDraft) -> Closure:
    """Close the station over that time. Raises `StationNotFound`, or `InvalidInput` where it would replace itself."""
    if draft.replacement_id == station.id:
        expected = errors.Problem(("body", "replacement_id"), "expected another station", draft.replacement_id)
        raise errors.InvalidInput(problems=[expected])
    if draft.replacement_id is not None and session.get(Station, draft.replacement_id) is None:
        raise errors.StationNotFound("There is no such station to go to meanwhile.")
    closure = Closure(station_id=station.id, **draft.model_dump())
    session.add(closure)
    session.flush()
    return closure


def cancel(session: Session, station: Station, closure_id: str) -> None:
    """Open again: a closure under way ends now, one to come does not happen. Raises `ClosureNotFound`."""
    try:
        key = UUID(closure_id)
    except ValueError:
        raise errors.ClosureNotFound from None
    mine = select(Closure).where(col(Closure.id) == key, col(Closure.station_id) == station.id)
    closure = session.exec(mine.where(col(Closure.cancelled_at).is_(None))).one_or_none()
    now: datetime = session.exec(select(func.now())).one()
    if closure is None or (closure.ends_at is not None and closure.ends_at <= now):
        raise errors.ClosureNotFound
    if closure.starts_at < now:
        closure.ends_at = now
    else:
        closure.cancelled_at = now
    session.flush()
