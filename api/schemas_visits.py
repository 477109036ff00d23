"""The shapes of visits: as they stand in the ledger, the verdicts of many, and totals in buckets."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas import Id, Instant, ProblemDetail
from geo.anomalies import Flag
from geo.visit_figures import Bucket
from geo.vocabulary import VisitMethod


class Oddity(BaseModel):
    """What is odd about a count, in words."""

    flag: Flag
    zh: str
    en: str


class OddityOut(Oddity):
    """What is odd about a station's counts, in which days."""

    method: VisitMethod | None
    first: date
    last: date
    times: int
    visits: int = Field(description="the number of the latest")
    usual: float | None = Field(description="the median, where a number is far above it")


class OddityList(BaseModel):
    """What is odd about a station's counts."""

    items: list[OddityOut]


class VisitOut(BaseModel):
    """A row of the ledger; what reverses another has its count with a minus."""

    id: Id
    station_id: Id
    count: int
    started_at: Instant
    ended_at: Instant | None
    method: VisitMethod
    complete: bool = Field(description="whether the method sees everybody")
    by_group: dict[str, int] | None
    organisation: str = Field(description="who reported it")
    device: str | None
    reverses: Id | None
    reason: str | None
    flags: list[Flag] = Field(description="what is odd about it: flagged, never dropped")
    explanations: list[Oddity] = Field(description="the flags in words")
    recorded_at: Instant


class VisitVerdict(BaseModel):
    """What became of a row: `recorded`, `known` where the same was there, or `refused` with the errors."""

    row: int
    verdict: Literal["recorded", "known", "refused"]
    id: Id | None
    status: int = Field(description="what it would have been answered with alone")
    flags: list[Flag] = Field(description="what is odd about it: recorded all the same")
    errors: list[ProblemDetail]


class VisitReport(BaseModel):
    """The verdicts of many."""

    counts: dict[str, int]
    rows: list[VisitVerdict]
    explanations: list[Oddity] = Field(description="the flags that occur, in words")


class VisitBucket(BaseModel):
    """A stretch of days in Asia/Shanghai; `visits` is null where nothing was reported, which is not zero."""

    start: str = Field(json_schema_extra={"format": "date"})
    visits: int | None = Field(description="the official total")
    lower_bound: bool = Field(description="no method there sees everybody")
    by_method: dict[str, int | None]
    suppressed: bool = Field(description="numbers of 1 to 4 are not told to the public")


class StationVisits(BaseModel):
    """The visits of a station."""

    bucket: Bucket
    buckets: list[VisitBucket]


class GroupBucket(VisitBucket):
    """The same of a group of stations."""

    group: str | None
    stations: int = Field(description="how many of them reported")


class VisitFigures(BaseModel):
    """Visits of many stations; buckets without a report are left out."""

    bucket: Bucket
    group_by: str | None
    buckets: list[GroupBucket]
