"""Whose turn it is to review: an organisation's, by assignment, or one reviewer's, who has taken it on.

Deciding is `geo.reviews`; here is only who is at it, so that two do not look at the same station at once.
"""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func
from sqlmodel import Session, col, delete, select

from geo import access, errors, organisations, permits, reviews
from geo.access import Operation, Principal
from geo.stations import trimmed
from geo.tables import Station
from geo.tables_custody import ReviewAssignment

HELD = timedelta(days=1)  # a reviewer who takes something on and forgets it holds nobody up for longer


class AssignmentDraft(BaseModel):
    """The organisation whose turn it is; the caller itself takes it on when left out."""

    model_config = ConfigDict(extra="forbid")

    organisation: Annotated[str, trimmed(64)] | None = None


def assign(session: Session, who: Principal, station_id: str, draft: AssignmentDraft) -> ReviewAssignment:
    """Give what waits at a station to an organisation of one's own line, or take it on oneself.

    Raises `StationNotFound`, `Forbidden`, `IllegalMove` where nothing waits, `ClaimedByAnother`.
    """
    station = _hold(session, who, station_id)
    refuse_taken(session, who, station)
    organisation = organisations.get(session, draft.organisation or who.organisation).code
    below = organisations.relation(session, who.organisation, organisation) in access.MANAGED
    if not below and who.role != "admin":
        raise errors.Forbidden("Work is assigned within one's own line, downwards.")
    session.execute(delete(ReviewAssignment).where(col(ReviewAssignment.station_id) == station.id))
    made = ReviewAssignment(
        station_id=station.id,
        organisation=organisation,
        reviewer=None if draft.organisation else who.prefix,
        assigned_by=who.prefix,
    )
    session.add(made)
    session.flush()
    session.refresh(made)
    return made


def release(session: Session, who: Principal, station_id: str) -> None:
    """Let others take it on. Raises `StationNotFound`, `Forbidden`, `ClaimedByAnother`."""
    station = permits.hold(session, station_id, who, Operation.REVIEW)
    refuse_taken(session, who, station)
    clear(session, station)


def _hold(session: Session, who: Principal, station_id: str) -> Station:
    station = permits.hold(session, station_id, who, Operation.REVIEW)
    if not reviews.waits(session, station):
        raise errors.IllegalMove("Nothing of this station waits for review.")
    return station


def refuse_taken(session: Session, who: Principal, station: Station) -> None:
    """Raise `ClaimedByAnother` where it is another's turn; an admin and who stands above it may always."""
    held = session.get(ReviewAssignment, station.id, populate_existing=True)
    if held is None or who.role == "admin" or held.reviewer == who.prefix:
        return
    relation = organisations.relation(session, who.organisation, held.organisation)
    now: datetime = session.exec(select(func.now())).one()
    if relation is access.Relation.DESCENDANT or (held.reviewer and held.at and held.at < now - HELD):
        return
    if held.reviewer is not None or relation is not access.Relation.OWN:
        raise errors.ClaimedByAnother


def clear(session: Session, station: Station) -> None:
    """It is nobody's turn any more."""
    session.execute(delete(ReviewAssignment).where(col(ReviewAssignment.station_id) == station.id))
