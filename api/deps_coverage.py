"""What the routes of planning and auditing ask for: a region and a reach, points, an audit."""

from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import Request
from pydantic import Field
from sqlmodel import Session

from api import errors as api_errors
from api.deps import Asked, OpenAt, unstorable
from geo import errors, opening
from geo.coverage import Asked as CoverageAsked
from geo.datum import Datum
from geo.regions import Level

CSV, JSON, GEOJSON = "text/csv", "application/json", "application/geo+json"
POINT = {
    "type": "object",
    "required": ["type", "geometry"],
    "properties": {
        "type": {"const": "Feature"},
        "geometry": {
            "type": "object",
            "required": ["type", "coordinates"],
            "properties": {
                "type": {"const": "Point"},
                "coordinates": {"type": "array", "items": {"type": "number"}, "minItems": 2},
            },
        },
        "properties": {
            "type": "object",
            "properties": {"weight": {"type": "number", "minimum": 0}, "name": {"type": "string"}},
        },
    },
}
COLLECTION = {
    "type": "object",
    "required": ["type", "features"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {"type": "array", "items": POINT, "minItems": 1},
    },
}
POINTS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {CSV: {"schema": {"type": "string"}}, GEOJSON: {"schema": COLLECTION}},
    }
}


class RegionQuery(Asked):
    """A region."""

    region: str = Field(pattern=r"^\d{6}$", description="six-digit adcode (GB/T 2260)", examples=["410100"])
    level: Level | None = Field(None, description="needed where a code stands at two levels")


class CoverageQuery(RegionQuery):
    """A region, how far people go, and what counts."""

    radius_m: float = Field(1_000.0, ge=50, le=20_000, allow_inf_nan=False, description="metres")
    detour: float = Field(
        1.0, ge=1, le=3, allow_inf_nan=False, description="how many times longer ways are than straight lines"
    )
    at: OpenAt = Field(None, description="`now`, or an RFC 3339 instant: only what is open then counts")
    demand: Literal["geonames", "uploaded"] | None = Field(
        None, description="where people are: what the organisation uploaded, where it did, unless this says otherwise"
    )

    def asked(self, session: Session) -> CoverageAsked:
        """These parameters as coverage takes them; `now` is this minute."""
        at = opening.moment(session).at if self.at == "now" else self.at
        instant = at.replace(second=0, microsecond=0) if isinstance(at, datetime) else None
        return CoverageAsked(self.region, self.level, self.radius_m, self.detour, instant, self.demand)


class DivisionsQuery(CoverageQuery):
    """The same of each division of a level below."""

    by: Literal["province", "city", "district"] = Field("district", description="level of the divisions")


class ShapesQuery(CoverageQuery):
    """The same, and in which datum the places are answered."""

    crs: Datum = Field(Datum.WGS84, description="datum of the positions answered")


class GapsQuery(ShapesQuery):
    """The same, and how many gaps."""

    limit: Annotated[int, Field(ge=1, le=200)] = Field(50, description="how many, at most 200")


class SitingQuery(ShapesQuery):
    """The same, and how many places of which sort."""

    n: Annotated[int, Field(ge=1, le=200)] = Field(10, description="how many places, at most 200")
    candidates: Literal["cells", "premises"] = Field(
        "cells", description="where people are, or the premises the organisation uploaded"
    )


async def points_body(request: Request) -> bytes:
    """A body of points: 415 for a type that is neither CSV nor GeoJSON."""
    said = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if said not in {CSV, JSON, GEOJSON}:
        raise api_errors.unsupported_media_type(f"{CSV} or {GEOJSON}")
    content = await request.body()
    if said != CSV:
        problems = list(unstorable(_parsed(content), ("body",)))
        if problems:
            raise errors.InvalidInput("The body breaks a rule.", problems=problems)
    return content


def _parsed(content: bytes) -> object:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise errors.UnreadableFile(f"Not JSON: {error}.") from error
