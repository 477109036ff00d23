"""The shapes of the change feed."""

from pydantic import BaseModel, Field

from api.schemas import Id, StationFeature
from geo.datum import Datum


class Change(BaseModel):
    """A station that changed, as it is now."""

    id: Id
    revision: int
    deleted: bool = Field(description="the public sees it no more")
    station: StationFeature | None = Field(description="null where it is deleted")


class ChangeList(BaseModel):
    """A page of the feed, and where to go on."""

    crs: Datum
    items: list[Change]
    cursor: str
