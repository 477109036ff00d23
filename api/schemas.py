"""The shapes of answers, for the documentation and for tests; the answers themselves are built in `geo`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from geo.datum import Datum
from geo.vocabulary import (
    EntryMode,
    Facility,
    FacilityStatus,
    HoursCalendar,
    OperationalStatus,
    OrganisationKind,
    PublicationStatus,
    Serves,
    StationKind,
    Tier,
)

Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]  # RFC 3339 with offset
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class ProblemDetail(BaseModel):
    """One broken rule."""

    loc: list[str | int] = Field(examples=[["query", "lat"]])
    message: str


class Problem(BaseModel):
    """An RFC 9457 problem."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str = Field(description="the path, never the query")
    errors: list[ProblemDetail] = []


class Point(BaseModel):
    """A GeoJSON point: longitude, latitude, in the datum `crs` of the answer."""

    type: Literal["Point"]
    coordinates: tuple[float, float]


class FacilityReport(BaseModel):
    """A facility and whether it works."""

    facility: Facility
    status: FacilityStatus
    note: str | None = None
    checked_at: Instant


class Navigation(BaseModel):
    """Links that open a map app at the station."""

    amap: str
    baidu: str
    tencent: str


class ClosureOut(BaseModel):
    """A closure."""

    id: Id
    starts_at: Instant
    ends_at: Instant | None = None
    reason: str
    replacement_id: Id | None = None


class StationProperties(BaseModel):
    """What is known of a station."""

    code: str = Field(examples=["YZ0000000176"])
    name: str
    kind: StationKind
    brand: str | None
    tier: Tier | None
    managed_by: str | None
    host_ref: str | None
    external_ids: dict[str, str]
    address: str | None
    stated_district: str | None
    adcode: str | None = Field(description="finest division it lies in, GB/T 2260")
    district: str | None
    city: str | None
    province: str | None
    near_boundary: bool = Field(description="within 500 m of a border, where the district is uncertain")
    opening_hours: str | None
    hours_calendar: HoursCalendar
    staffed_hours: str | None
    hours_note: str | None
    entry_modes: list[EntryMode]
    registration_required: bool | None
    serves: list[Serves]
    facilities: list[FacilityReport]
    capacity: int | None
    floor_area_m2: float | None
    level: str | None
    entrance_note: str | None
    phone: str | None
    host: str | None
    sponsor: str | None
    supervising_union: str | None
    operational_status: OperationalStatus = Field(description="effective: closures count")
    open: bool | None = Field(description="null where the hours are unknown")
    opens_at: Instant | None
    closes_at: Instant | None
    closures: list[ClosureOut] = Field(description="under way and to come")
    publication_status: PublicationStatus
    synthetic: bool = Field(description="part of a demonstration network, not a real place")
    revision: int
    verified_at: Instant | None
    created_at: Instant
    updated_at: Instant
    navigation: Navigation


class NearProperties(BaseModel):
    """What a rider chooses a station by, from where the rider stands; `/v1/stations/{id}` tells the rest."""

    code: str = Field(examples=["YZ0000000176"])
    name: str
    kind: StationKind
    brand: str | None
    address: str | None
    facilities: list[FacilityReport]
    entry_modes: list[EntryMode]
    registration_required: bool | None
    opening_hours: str | None
    hours_calendar: HoursCalendar
    hours_note: str | None
    operational_status: OperationalStatus = Field(description="effective: closures count")
    open: bool | None = Field(description="null where the hours are unknown")
    opens_at: Instant | None
    closes_at: Instant | None
    synthetic: bool = Field(description="part of a demonstration network, not a real place")
    distance_m: float = Field(description="straight line on the WGS-84 ellipsoid")
    bearing_deg: float | None = Field(description="from north, clockwise; null on the spot itself")
    navigation: Navigation


class StationFeature(BaseModel):
    """A GeoJSON Feature."""

    type: Literal["Feature"]
    id: Id
    geometry: Point
    properties: StationProperties
    crs: Datum | None = None
    pending: list[str] | None = Field(None, description="what waits for review; only with a key")
    as_of: Instant | None = Field(None, description="while the database is away: the instant this was true")


class NearFeature(BaseModel):
    """A GeoJSON Feature with its distance."""

    type: Literal["Feature"]
    id: Id
    geometry: Point
    properties: NearProperties


class PendingFeature(StationFeature):
    """A station after a change, and the fields that wait for review."""

    pending: list[str] = Field(description="name, kind, host or position; managed_by where it is to change hands")


class OrganisationOut(BaseModel):
    """An organisation."""

    code: str
    name: str
    kind: OrganisationKind
    parent: str | None
    region: str | None
    uscc: str | None


class KeyOut(BaseModel):
    """A new key; `key` is shown this once."""

    key: str
    prefix: str


class Link(BaseModel):
    """A link (RFC 8288)."""

    rel: str
    type: str
    href: str


class NearestCollection(BaseModel):
    """Stations, nearest first."""

    type: Literal["FeatureCollection"]
    crs: Datum
    searched_radius_m: float = Field(description="how far the search looked")
    as_of: Instant = Field(description="the instant this was true")
    features: list[NearFeature]


class StationCollection(BaseModel):
    """A page of stations, in the order of their ids."""

    type: Literal["FeatureCollection"]
    crs: Datum
    as_of: Instant = Field(description="the instant this was true")
    links: list[Link]
    features: list[StationFeature]


class Difference(BaseModel):
    """A field as it is and as it would be."""

    before: Any
    after: Any
    moved_m: float | None = Field(None, description="of a position")


class Assignment(BaseModel):
    """Whose turn it is to review: an organisation's, or one key's of it."""

    organisation: str
    reviewer: str | None = Field(description="a key's prefix")
    at: Instant


class Waiting(BaseModel):
    """Something that waits for review."""

    what: Literal["submission", "proposal", "claim"]
    since: Instant
    changes: dict[str, Difference] = Field(description="of a submission: since it was returned")
    assigned: Assignment | None = None
    station: StationFeature


class ReviewList(BaseModel):
    """A page of the review queue."""

    items: list[Waiting]
    links: list[Link]


class HistoryEntry(BaseModel):
    """A change of a station: who, for which organisation, why, and each field before and after."""

    id: int
    revision: int
    at: Instant
    actor: str = Field(description="a key's prefix, or `operator`")
    organisation: str | None
    reason: str | None
    before: dict[str, Any] | None
    after: dict[str, Any]


class HistoryList(BaseModel):
    """A page of a station's history, newest first."""

    items: list[HistoryEntry]
    links: list[Link]


class Word(BaseModel):
    """A value of an enumeration with its labels and its OSM tag."""

    value: str
    en: str
    zh: str
    osm: str | None


class RegionName(BaseModel):
    """A division by its code and name."""

    level: str
    adcode: str
    name: str


class RegionOut(RegionName):
    """A division: where it belongs, how large it is, and its outline when asked."""

    crs: Datum | None = Field(None, description="of bbox and outline; in a list it is said once for all")
    parents: list[RegionName] = Field(description="from the country down")
    area_km2: float
    bbox: tuple[float, float, float, float]
    children: int
    geometry: dict[str, Any] | None = None


class RegionList(BaseModel):
    """A page of divisions, from the country down, then by code."""

    crs: Datum
    items: list[RegionOut]
    links: list[Link]


class RegionLocated(BaseModel):
    """The divisions a point lies in."""

    crs: Datum
    province: RegionName | None
    city: RegionName | None
    district: RegionName | None
    near_boundary: bool


class CellProperties(BaseModel):
    """A cell."""

    stations: int


class Cell(BaseModel):
    """The stations of a cell, where they stand on average."""

    type: Literal["Feature"]
    geometry: Point
    properties: CellProperties


class CellCollection(BaseModel):
    """Stations counted by cells that hold any."""

    type: Literal["FeatureCollection"]
    crs: Datum
    as_of: Instant
    stations: int = Field(description="in all cells together")
    features: list[Cell]


class OutlineCollection(BaseModel):
    """Outlines for maps, in WGS-84."""

    type: Literal["FeatureCollection"]
    crs: Datum
    features: list[dict[str, Any]]


class Readiness(BaseModel):
    """Whether nearest can be answered."""

    status: Literal["ready", "degraded", "starting"]
    reasons: list[str] = []
    warnings: list[str] = []


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of the errors an operation may answer."""
    meaning = {
        400: "a bad, unknown or repeated query parameter, or a value in the path that is none of those allowed",
        401: "a live key is needed",
        403: "the key may see it but not do that",
        404: "there is no such thing, or it is not yours to see",
        409: "it conflicts with what is there",
        410: "it is gone for good",
        412: "the station has changed since that revision",
        413: "the body is too large",
        415: "the body is of a type that is not understood",
        422: "the body breaks a rule",
        428: "If-Match is needed",
        429: "too many requests",
        503: "not now; nothing was written, try again",
    }
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": meaning[status], "content": content} for status in statuses}
