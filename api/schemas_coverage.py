"""The shapes of the answers of planning."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas import Instant, Point
from geo.datum import Datum

Share = float | None


class About(BaseModel):
    """What the figures mean."""

    radius_m: float
    detour: float
    at: Instant | None = Field(description="null: whatever the hour")
    demand_source: Literal["geonames", "uploaded"]
    distance: str = Field(description="straight lines, times the detour")


class Within(BaseModel):
    """The shares within a distance."""

    distance_m: float
    area_share: float
    demand_share: Share


class Covered(BaseModel):
    """The coverage of a division."""

    region: str
    level: str
    name: str
    stations: int = Field(description="that stand in it; those across the border reach into it too")
    area_km2: float
    cell_m: float = Field(description="width of the cells that distances were measured from")
    area_share: float
    demand_share: Share = Field(description="null where there is no demand")
    median_distance_m: float | None = Field(description="of the area; null where there is no station at all")
    p90_distance_m: float | None
    demand_median_distance_m: float | None
    demand_p90_distance_m: float | None
    within: list[Within]
    demand: float = Field(description="people, or whatever the uploaded weights mean")
    stations_per_km2: float
    stations_per_10000: float | None = Field(description="for 10,000 of demand")
    close_pairs: int = Field(description="pairs of stations less than 200 m apart")


class CoverageOut(Covered, About):
    """The coverage of a region."""


class CoverageByDivision(About):
    """The coverage of each division."""

    region: str
    level: str
    by: str
    items: list[Covered]


class GapProperties(BaseModel):
    """A gap."""

    rank: int
    demand: float
    area_km2: float
    adcode: str | None = Field(description="of the finest division of the farthest place; null in none")
    division: str | None = Field(description="its name")
    farthest_lon: float
    farthest_lat: float
    farthest_m: float | None = Field(description="from there to the nearest station; null where there is none at all")


class Gap(BaseModel):
    """A gap as a polygon."""

    type: Literal["Feature"]
    id: int
    geometry: dict[str, Any]
    properties: GapProperties


class GapCollection(About):
    """Gaps, most demand first."""

    type: Literal["FeatureCollection"]
    crs: Datum
    region: str
    level: str
    cell_m: float
    gaps: int = Field(description="how many there are altogether")
    uncovered_km2: float
    inhabited_uncovered_km2: float
    uncovered_demand: float
    features: list[Gap]


class SiteProperties(BaseModel):
    """What a place would add."""

    rank: int
    adcode: str | None = Field(description="of the finest division it lies in; null in none")
    division: str | None = Field(description="its name")
    name: str | None = Field(description="of the premises; null of a cell")
    gain_share: float = Field(description="share of the region's demand that it adds")
    share: float = Field(description="share covered with it and those before")
    gain_demand: float


class Site(BaseModel):
    """A suggested place."""

    type: Literal["Feature"]
    id: int
    geometry: Point
    properties: SiteProperties


class SiteCollection(About):
    """Suggested places, best first."""

    type: Literal["FeatureCollection"]
    crs: Datum
    region: str
    level: str
    candidates: Literal["cells", "premises"]
    candidate_count: int
    share_before: float
    share_after: float
    optimum_at_most: float = Field(description="no choice of as many places reaches a larger share")
    at_least_of_optimum: float = Field(description="of what an optimal choice adds, this one adds at least so much")
    features: list[Site]


class PointsOut(BaseModel):
    """Points that were uploaded."""

    purpose: Literal["demand", "premises"]
    points: int
    weight: float
    loaded_at: Instant | None
    bbox: list[float] | None = Field(min_length=4, max_length=4)
