"""One station: what a host may say of it (`StationDraft`), reading it, and its GeoJSON Feature.

Registering, comparing and merging drafts is `geo.registration`; finding stations is `geo.search`.
"""

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from sqlalchemy import RowMapping
from sqlmodel import Session

from geo import datum, db, errors, hours, navigation, opening
from geo.datum import Datum, Latitude, Longitude
from geo.hours import SHANGHAI
from geo.opening import Card, Moment
from geo.vocabulary import (
    EntryMode,
    Facility,
    FacilityStatus,
    HoursCalendar,
    OperationalStatus,
    Serves,
    StationKind,
    Tier,
)


def trimmed(longest: int) -> StringConstraints:
    """A text of 1 to `longest` characters, stored as written but trimmed."""
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest)


Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9+()（）\-转*#,;/ ]{3,40}$")]
VALIDATED = lru_cache(4_096)(hours.validate)  # many stations keep the same hours
ExternalId = Literal["host_branch_no", "union_code", "amap_poi", "baidu_uid", "tencent_poi", "osm"]


def _axis_error(problem: errors.Problem) -> InitErrorDetails:
    """One wrong axis, named: a validator of the whole model could only say that something is wrong."""
    kind = PydanticCustomError("position", "{message}", {"message": problem.message})
    return InitErrorDetails(type=kind, loc=(str(problem.loc[-1]),), input=problem.value)


class FacilityDraft(BaseModel):
    """A facility of a station; `status` left out means working, or whatever is already known of it."""

    model_config = ConfigDict(extra="forbid")

    facility: Facility
    status: FacilityStatus | None = None
    note: Annotated[str, trimmed(500)] | None = None


class FacilityState(BaseModel):
    """What is said of one facility."""

    model_config = ConfigDict(extra="forbid")

    status: FacilityStatus
    note: Annotated[str, trimmed(500)] | None = None


class StationDraft(BaseModel):
    """What a host says of a station: one flat object for HTTP, spreadsheet and command line alike.

    What is left out stays as it is (or takes its default); `null` clears an optional field.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, trimmed(200)]
    lon: Longitude = Field(description="degrees, in the datum `crs`")
    lat: Latitude = Field(description="degrees, in the datum `crs`")
    crs: Datum = Datum.WGS84
    kind: StationKind | None = Field(None, description="by the managing organisation when left out")
    host_ref: Annotated[str, trimmed(100)] | None = Field(None, description="the host's own number of the site")
    external_ids: dict[ExternalId, Annotated[str, trimmed(100)]] = Field(default_factory=dict)
    brand: Annotated[str, trimmed(100)] | None = None
    tier: Tier | None = None
    address: Annotated[str, trimmed(300)] | None = None
    stated_district: Annotated[str, trimmed(100)] | None = None
    opening_hours: str | None = Field(None, description="OSM opening_hours")
    hours_calendar: HoursCalendar = HoursCalendar.LITERAL
    staffed_hours: str | None = Field(None, description="OSM opening_hours; unattended otherwise")
    hours_note: Annotated[str, trimmed(500)] | None = None
    entry_modes: list[EntryMode] = Field(default_factory=list)
    registration_required: bool | None = None
    serves: list[Serves] = Field(default_factory=list)
    facilities: list[FacilityDraft] = Field(default_factory=list)
    capacity: int | None = Field(None, ge=0, le=10_000, description="people")
    floor_area_m2: float | None = Field(None, ge=0, le=100_000, allow_inf_nan=False)
    level: Annotated[str, trimmed(20)] | None = Field(None, description="floor, as OSM level: 0 is the ground floor")
    entrance_note: Annotated[str, trimmed(300)] | None = None
    phone: Phone | None = Field(None, description="the premises' public number")
    operational_status: OperationalStatus = OperationalStatus.OPEN
    host: Annotated[str, trimmed(64)] | None = Field(None, description="code of the organisation it stands in")
    sponsor: Annotated[str, trimmed(64)] | None = Field(None, description="code of the organisation that pays")
    supervising_union: Annotated[str, trimmed(64)] | None = Field(None, description="code of the trade union")

    @field_validator("facilities", mode="before", json_schema_input_type=list[Facility | FacilityDraft])
    @classmethod
    def _name_facilities(cls, value: object) -> object:
        if isinstance(value, list):
            return [{"facility": item} if isinstance(item, str) else item for item in value]
        return value

    @field_validator("facilities")
    @classmethod
    def _one_of_each(cls, value: list[FacilityDraft]) -> list[FacilityDraft]:
        names = [item.facility for item in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"each facility once; given more than once: {', '.join(twice)}")
        return value

    @field_validator("opening_hours", "staffed_hours")
    @classmethod
    def _readable_hours(cls, value: str | None) -> str | None:
        try:
            return VALIDATED(value) if value is not None else None
        except errors.InvalidInput as error:
            raise ValueError("; ".join(problem.message for problem in error.problems)) from error

    @model_validator(mode="after")
    def _inside_the_envelope(self) -> Self:
        try:
            datum.check_position(self.lon, self.lat)
        except errors.InvalidInput as error:
            wrong = [_axis_error(problem) for problem in error.problems]
            raise ValidationError.from_exception_data("StationDraft", wrong) from error
        return self

    def position(self) -> tuple[float, float]:
        """Where it is: WGS-84 longitude and latitude, degrees."""
        return datum.convert(self.lon, self.lat, self.crs, Datum.WGS84)


def get(session: Session, station_id: str, *, hidden: bool = False) -> RowMapping:
    """The published station with this id; `hidden` ones too when asked. Raises `StationNotFound`."""
    return _one(session, {"id": key_of(station_id), "code": None, "hidden": hidden})


def key_of(station_id: str) -> UUID:
    """The id that is written so. Raises `StationNotFound` where this is no id."""
    try:
        return UUID(station_id)
    except ValueError:
        raise errors.StationNotFound from None


def get_by_code(session: Session, code: str, *, hidden: bool = False) -> RowMapping:
    """The published station with this code, in any case. Raises `StationNotFound`."""
    return _one(session, {"id": None, "code": code.strip().upper(), "hidden": hidden})


def _one(session: Session, which: dict[str, Any]) -> RowMapping:
    row = session.execute(db.sql("station_one"), which).mappings().one_or_none()
    if row is None:
        raise errors.StationNotFound
    return row


PROPERTIES = (
    *("code", "name", "kind", "brand", "tier", "managed_by", "host_ref", "external_ids", "address"),
    *("stated_district", "adcode", "district", "city", "province", "near_boundary", "opening_hours"),
    *("hours_calendar", "staffed_hours", "hours_note", "entry_modes", "registration_required", "serves"),
    *("facilities", "capacity", "floor_area_m2", "level", "entrance_note", "phone", "host", "sponsor"),
    *("supervising_union", "operational_status", "publication_status", "synthetic", "revision"),
)
INSTANTS = ("verified_at", "created_at", "updated_at")

# What a rider needs to choose by: the station's own, and what many stations have in common. Beside these nearest
# tells the facilities, the state at the instant, distance and bearing, and the links. The rest is one read away.
NEAR_OWN = ("code", "name", "address", "hours_note")
NEAR_SHARED = (
    *("kind", "brand", "entry_modes", "registration_required", "opening_hours", "hours_calendar", "synthetic"),
)
NEAR_STATE = ("operational_status", "open", "opens_at", "closes_at")


def feature(row: Card, crs: Datum, when: Moment) -> dict[str, Any]:
    """The GeoJSON Feature (RFC 7946) of a row of `station_card`: position in `crs`, 7 decimals; state at `when`."""
    lon, lat = row["lon"], row["lat"]
    shown = (lon, lat) if crs is Datum.WGS84 else datum.convert(lon, lat, Datum.WGS84, crs)
    properties: dict[str, Any] = {name: row[name] for name in PROPERTIES}
    properties.update((name, instant(row[name])) for name in INSTANTS)
    state = opening.of(row, when)
    properties["operational_status"], properties["open"] = state.operational_status, state.open
    properties["opens_at"], properties["closes_at"] = instant(state.opens_at), instant(state.closes_at)
    properties["closures"] = [c for c in row["closures"] if not _is_over(c, when)]
    properties["navigation"] = navigation.links(lon, lat, row["name"])
    return {
        "type": "Feature",
        "id": str(row["id"]),
        "geometry": {"type": "Point", "coordinates": [round(shown[0], 7), round(shown[1], 7)]},
        "properties": properties,
    }


def _is_over(closure: dict[str, str], when: Moment) -> bool:
    return "ends_at" in closure and datetime.fromisoformat(closure["ends_at"]) <= when.at


def instant(value: datetime | None) -> str | None:
    """RFC 3339 in Asia/Shanghai, to the second."""
    return value.astimezone(SHANGHAI).isoformat(timespec="seconds") if value else None


def near_feature(row: RowMapping, crs: Datum, when: Moment) -> dict[str, Any]:
    """What nearest shows of a station: less than `feature`, with how far it is and in which direction.

    `distance_m` is to the centimetre, `bearing_deg` from where the rider stands.
    """
    whole = feature(row, crs, when)
    names = (*NEAR_OWN, "facilities", *NEAR_SHARED, *NEAR_STATE, "navigation")
    properties = {name: whole["properties"][name] for name in names}
    bearing = row["bearing_deg"]
    properties["distance_m"] = round(row["distance_m"], 2)
    properties["bearing_deg"] = None if bearing is None else round(bearing, 1) % 360
    return whole | {"properties": properties}
