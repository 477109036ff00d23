"""What becomes of a station that is no more: relocated or merged into another it has a successor, else it is gone."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import RowMapping
from sqlmodel import Session, col, select, update

from geo import db, errors, permits, reviews
from geo.access import Operation, Principal
from geo.stations import trimmed
from geo.tables import Station

REMOVED = {"relocated", "permanently_closed"}
DELISTED = {"delisted_duplicate", "delisted_inactive"}


class How(StrEnum):
    """Why another station stands for this one: it moved there, or both were the same."""

    RELOCATED = "relocated"
    MERGED = "merged"


class SuccessionDraft(BaseModel):
    """Which station takes the place, how, and why."""

    model_config = ConfigDict(extra="forbid")

    successor_id: UUID
    how: How
    reason: Annotated[str, trimmed(500)] | None = None


def refuse_removed(row: RowMapping, *, delisted: bool) -> None:
    """Raise `Succeeded` or `Gone` for a station that was public and is no more.

    One taken off the list may come back, so who may see it goes on seeing it: it counts only when `delisted`.
    """
    was_public = row["publication_status"] in DELISTED | {"published"}
    removed = row["operational_status"] in REMOVED
    if not was_public or not (removed or row["publication_status"] in DELISTED):
        return
    if row["successor_id"] is not None:
        raise errors.Succeeded(str(row["successor_id"]))
    if removed or delisted:
        raise errors.StationRemoved


def succeed(
    session: Session, who: Principal, station_id: str, draft: SuccessionDraft, *, revision: int | None
) -> Station:
    """Let another station take the place: whoever asks for the old one is led there.

    A host must manage both, a reviewer may for both of its region. The number the host knows it by goes over where
    the successor has none, so that the next list finds the new one. Raises `StationNotFound`, `Forbidden`,
    `IllegalMove`.
    """
    operation = Operation.EDIT if who.role == "host" else Operation.REVIEW
    station = permits.hold(session, station_id, who, operation, revision=revision)
    permits.see(session, str(draft.successor_id), who, operation)
    locked = select(Station).where(col(Station.id) == draft.successor_id).with_for_update()
    successor = session.exec(locked.execution_options(populate_existing=True)).one()
    _refuse_nonsense(station, successor)
    db.because(session, draft.reason)
    reviews.drop_proposal(session, station)
    number = station.host_ref if successor.host_ref is None and station.managed_by == successor.managed_by else None
    session.execute(update(Station).where(col(Station.id) == station.id).values(**_ending(draft, number)))
    if number is not None:
        session.execute(update(Station).where(col(Station.id) == successor.id).values(host_ref=number))
    return station


def _ending(draft: SuccessionDraft, number: str | None) -> dict[str, Any]:
    """What the old station becomes; the number that goes over leaves it first."""
    values: dict[str, Any] = {"successor_id": draft.successor_id, **({"host_ref": None} if number else {})}
    if draft.how is How.RELOCATED:
        return values | {"operational_status": "relocated"}
    return values | {"publication_status": "delisted_duplicate"}


def _refuse_nonsense(station: Station, successor: Station) -> None:
    if station.id == successor.id:
        raise errors.IllegalMove("A station does not take its own place.")
    if station.operational_status in REMOVED or station.publication_status == "delisted_duplicate":
        raise errors.IllegalMove("This station was removed already.")
    if successor.operational_status in REMOVED or successor.publication_status in DELISTED:
        raise errors.IllegalMove("The successor was removed itself.")
    if station.publication_status == "published" and successor.publication_status != "published":
        raise errors.IllegalMove(f"The public would be led to a station it cannot see: publish {successor.code} first.")
