"""The shapes of answers about closures and faults at scale."""

from pydantic import BaseModel, Field

from api.schemas import Id, Instant, Link
from geo.vocabulary import Facility, FacilityStatus


class ListedClosure(BaseModel):
    """A closure and the station it is of."""

    id: Id
    station: Id
    code: str
    name: str
    managed_by: str | None
    starts_at: Instant
    ends_at: Instant | None
    reason: str
    replacement_id: Id | None
    batch: Id | None = Field(description="of a region closed at once")
    current: bool


class ClosureList(BaseModel):
    """A page of closures, by their beginning."""

    items: list[ListedClosure]
    links: list[Link]


class RegionClosed(BaseModel):
    """A region that was closed: the name of the whole, and how many stations."""

    batch: Id
    stations: int


class RegionReopened(BaseModel):
    """How many closures were called off."""

    stations: int


class Fault(BaseModel):
    """A facility out of order, since when, and by when it is due to be mended."""

    station: Id
    code: str
    name: str
    managed_by: str | None
    facility: Facility
    status: FacilityStatus
    note: str | None
    since: Instant
    checked_at: Instant
    age_h: float
    due_at: Instant
    overdue: bool


class FaultList(BaseModel):
    """A page of faults, the oldest first."""

    items: list[Fault]
    links: list[Link]
