"""The shapes of check-ins and alerts."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas import Id, Instant, Link
from geo.checkins import Band
from geo.vocabulary import CheckinOutcome, Facility


class ClaimedVisit(BaseModel):
    """The visit that a scanned poster claims."""

    method: Literal["qr_scan"]
    proof: Literal["claim"] = Field(description="a poster can be photographed: no proof of presence")
    counted: bool = Field(description="false: this visitor was counted here today already")


class CheckInOut(BaseModel):
    """What was kept of a check-in."""

    id: Id
    station_id: Id
    at: Instant
    outcome: CheckinOutcome
    facility: Facility | None
    distance_band: Band | None = Field(description="what is left of the position")
    visit: ClaimedVisit | None = Field(description="null without a poster's token, or a visitor, or a use")


class AlertOut(BaseModel):
    """Two independent visitors found the same within a day."""

    id: Id
    kind: Literal["locked_in_posted_hours", "not_found"]
    raised_at: Instant
    check_ins: int
    station_id: Id
    code: str
    name: str
    adcode: str | None
    managed_by: str | None


class AlertList(BaseModel):
    """A page of the open alerts."""

    items: list[AlertOut]
    links: list[Link]
