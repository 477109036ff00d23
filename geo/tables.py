"""The rows: one SQLModel class per table of `migrations/`, and nothing else.

A table class accepts invalid values silently, so it is never an input model; constraints and triggers live in
the migrations, and a test holds the two descriptions equal.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from geoalchemy2 import Geography, Geometry, WKBElement
from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

metadata = SQLModel.metadata
metadata.naming_convention = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_name)s_key",
    "ix": "%(table_name)s_%(column_0_name)s_idx",
}

NOW = {"server_default": text("now()")}
FAULT = "status IN ('faulty', 'out_of_stock', 'expired')"
USABLE = text("publication_status = 'published' AND operational_status IN ('open', 'limited')")


class Instant(TypeDecorator[datetime]):
    """A `timestamptz`."""

    impl = DateTime(timezone=True)
    cache_ok = True


class TextArray(TypeDecorator[list[str]]):
    """A `text[]`."""

    impl = ARRAY(Text)
    cache_ok = True


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The name of the type in DDL."""
        return "xid8"


class Row(SQLModel):
    """What every table shares: PostGIS values are kept as GeoAlchemy2 elements."""

    model_config = {"arbitrary_types_allowed": True}


class Organisation(Row, table=True):
    """A bank, a union, a post office …: whoever manages, hosts, sponsors or supervises stations."""

    __table_args__ = (Index("organisation_parent_idx", "parent"),)

    code: str = Field(sa_type=Text, primary_key=True)
    name: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    parent: str | None = Field(default=None, sa_type=Text, foreign_key="organisation.code")
    region: str | None = Field(default=None, sa_type=Text)
    uscc: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)


class ApiKey(Row, table=True):
    """A key of an organisation; the secret itself is shown once and stored as SHA-256."""

    __tablename__ = "api_key"
    __table_args__ = (Index("api_key_organisation_idx", "organisation"),)

    prefix: str = Field(sa_type=Text, primary_key=True)
    secret_hash: bytes
    organisation: str = Field(sa_type=Text, foreign_key="organisation.code")
    role: str = Field(sa_type=Text)
    region: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    last_used_on: date | None = None


class Region(Row, table=True):
    """An administrative division (GB/T 2260), keyed by level and code: 46 codes stand at two levels or three."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["parent_level", "parent_adcode"], ["region.level", "region.adcode"], name="region_parent_fkey"
        ),
        Index("region_adcode_idx", "adcode"),
        Index("region_parent_idx", "parent_level", "parent_adcode"),
    )

    level: str = Field(sa_type=Text, primary_key=True)
    adcode: str = Field(sa_type=Text, primary_key=True)
    name: str = Field(sa_type=Text)
    parent_level: str | None = Field(default=None, sa_type=Text)
    parent_adcode: str | None = Field(default=None, sa_type=Text)
    area_km2: float = Field(sa_type=DOUBLE_PRECISION)
    geom: WKBElement = Field(sa_type=Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))


class RegionPart(Row, table=True):
    """A small piece of the finest division of a spot, with the codes of all its levels."""

    __tablename__ = "region_part"
    __table_args__ = (Index("region_part_geom_idx", "geom", postgresql_using="gist"),)

    id: int | None = Field(default=None, primary_key=True, sa_column_args=(Identity(always=True),))
    province: str = Field(sa_type=Text)
    city: str | None = Field(default=None, sa_type=Text)
    district: str | None = Field(default=None, sa_type=Text)
    geom: WKBElement = Field(sa_type=Geometry("POLYGON", srid=4326, spatial_index=False))


class RegionBorder(Row, table=True):
    """A short piece of the border of the finest divisions: between two of them, or along the coast."""

    __tablename__ = "region_border"
    __table_args__ = (Index("region_border_line_idx", "line", postgresql_using="gist"),)

    id: int | None = Field(default=None, primary_key=True, sa_column_args=(Identity(always=True),))
    line: WKBElement = Field(sa_type=Geography("LINESTRING", srid=4326, spatial_index=False))


class RegionLine(Row, table=True):
    """A boundary line that bounds no polygon: drawn on maps, never looked up."""

    __tablename__ = "region_line"

    id: int | None = Field(default=None, primary_key=True, sa_column_args=(Identity(always=True),))
    level: str = Field(sa_type=Text)
    geom: WKBElement = Field(sa_type=Geometry("MULTILINESTRING", srid=4326, spatial_index=False))


class OpeningRule(Row, table=True):
    """A distinct opening rule; stations refer to it, so that it is evaluated once for all of them."""

    __tablename__ = "opening_rule"
    __table_args__ = (UniqueConstraint("opening_hours", "hours_calendar", name="opening_rule_opening_hours_key"),)

    id: int | None = Field(default=None, primary_key=True, sa_column_args=(Identity(always=True),))
    opening_hours: str = Field(sa_type=Text)
    hours_calendar: str = Field(sa_type=Text)


class Station(Row, table=True):
    """A station: what was submitted, where it is in WGS-84, what follows from it, and its two states."""

    __table_args__ = (
        Index(
            "station_host_ref_key",
            "managed_by",
            "host_ref",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("host_ref IS NOT NULL"),
        ),
        Index("station_usable_location_idx", "location", postgresql_using="gist", postgresql_where=USABLE),
        Index(
            "station_usable_facets_idx",
            *("working_facilities", "entry_modes", "serves", "kind", "managed_by", "registration_required"),
            postgresql_using="gin",
            postgresql_where=USABLE,
        ),
        Index("station_location_idx", text("(location::geometry)"), postgresql_using="gist"),
        Index("station_name_idx", "name"),
        Index("station_region_idx", "province", "city", "district", "id"),
        Index("station_managed_by_idx", "managed_by", "id"),
        Index("station_updated_at_idx", "updated_at"),
        Index(
            "station_publication_idx", "publication_status", postgresql_where=text("publication_status = 'submitted'")
        ),
        Index(
            "station_external_ids_idx",
            "external_ids",
            postgresql_using="gin",
            postgresql_ops={"external_ids": "jsonb_path_ops"},
            postgresql_where=text("external_ids <> '{}'"),
        ),
        Index("station_successor_id_idx", "successor_id", postgresql_where=text("successor_id IS NOT NULL")),
    )

    id: UUID = Field(
        default_factory=uuid4,
        primary_key=True,
        sa_column_kwargs={"server_default": text("gen_random_uuid()")},
    )
    number: int | None = Field(
        default=None, sa_type=BigInteger, unique=True, nullable=False, sa_column_args=(Identity(always=True),)
    )
    code: str | None = Field(default=None, sa_type=Text, unique=True, nullable=False)
    managed_by: str | None = Field(default=None, sa_type=Text, foreign_key="organisation.code")
    host_ref: str | None = Field(default=None, sa_type=Text)
    external_ids: dict[str, str] = Field(
        default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": text("'{}'")}
    )
    name: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    brand: str | None = Field(default=None, sa_type=Text)
    tier: str | None = Field(default=None, sa_type=Text)
    address: str | None = Field(default=None, sa_type=Text)
    stated_district: str | None = Field(default=None, sa_type=Text)
    location: WKBElement = Field(sa_type=Geography("POINT", srid=4326, spatial_index=False))
    approved_location: WKBElement | None = Field(
        default=None, sa_type=Geography("POINT", srid=4326, spatial_index=False)
    )
    submitted_lon: float = Field(sa_type=DOUBLE_PRECISION)
    submitted_lat: float = Field(sa_type=DOUBLE_PRECISION)
    submitted_crs: str = Field(default="wgs84", sa_type=Text, sa_column_kwargs={"server_default": text("'wgs84'")})
    province: str | None = Field(default=None, sa_type=Text)
    city: str | None = Field(default=None, sa_type=Text)
    district: str | None = Field(default=None, sa_type=Text)
    near_boundary: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    opening_hours: str | None = Field(default=None, sa_type=Text)
    hours_calendar: str = Field(default="literal", sa_type=Text, sa_column_kwargs={"server_default": text("'literal'")})
    rule_id: int | None = Field(default=None, foreign_key="opening_rule.id")
    staffed_hours: str | None = Field(default=None, sa_type=Text)
    hours_note: str | None = Field(default=None, sa_type=Text)
    entry_modes: list[str] = Field(
        default_factory=list, sa_type=TextArray, sa_column_kwargs={"server_default": text("'{}'")}
    )
    registration_required: bool | None = None
    serves: list[str] = Field(
        default_factory=list, sa_type=TextArray, sa_column_kwargs={"server_default": text("'{}'")}
    )
    facilities: list[dict[str, str]] = Field(
        default_factory=list, sa_type=JSONB, sa_column_kwargs={"server_default": text("'[]'")}
    )
    working_facilities: list[str] = Field(
        default_factory=list, sa_type=TextArray, sa_column_kwargs={"server_default": text("'{}'")}
    )
    capacity: int | None = None
    floor_area_m2: float | None = Field(default=None, sa_type=DOUBLE_PRECISION)
    level: str | None = Field(default=None, sa_type=Text)
    entrance_note: str | None = Field(default=None, sa_type=Text)
    phone: str | None = Field(default=None, sa_type=Text)
    host: str | None = Field(default=None, sa_type=Text, foreign_key="organisation.code")
    sponsor: str | None = Field(default=None, sa_type=Text, foreign_key="organisation.code")
    supervising_union: str | None = Field(default=None, sa_type=Text, foreign_key="organisation.code")
    operational_status: str = Field(default="open", sa_type=Text, sa_column_kwargs={"server_default": text("'open'")})
    publication_status: str = Field(default="draft", sa_type=Text, sa_column_kwargs={"server_default": text("'draft'")})
    closures: list[dict[str, str]] = Field(
        default_factory=list, sa_type=JSONB, sa_column_kwargs={"server_default": text("'[]'")}
    )
    successor_id: UUID | None = Field(default=None, foreign_key="station.id")
    synthetic: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    verified_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    updated_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    revision: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    changed_in: int | None = Field(
        default=None,
        sa_type=Xid8,
        nullable=False,
        sa_column_kwargs={"server_default": text("pg_current_xact_id()")},
    )


class StationFacility(Row, table=True):
    """One facility of a station and whether it works; the station carries all of its own, ready to read."""

    __tablename__ = "station_facility"
    __table_args__ = (
        Index("station_facility_fault_idx", "since", "station_id", "facility", postgresql_where=text(FAULT)),
    )

    station_id: UUID = Field(primary_key=True, foreign_key="station.id")
    facility: str = Field(sa_type=Text, primary_key=True)
    status: str = Field(default="working", sa_type=Text, sa_column_kwargs={"server_default": text("'working'")})
    note: str | None = Field(default=None, sa_type=Text)
    checked_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    since: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)


class StationHistory(Row, table=True):
    """What changed, who did it and why; written by triggers only."""

    __tablename__ = "station_history"
    __table_args__ = (
        Index("station_history_station_id_idx", "station_id", "id"),
        Index("station_history_organisation_idx", "organisation", "id"),
    )

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    station_id: UUID = Field(foreign_key="station.id")
    revision: int
    at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    actor: str = Field(sa_type=Text)
    organisation: str | None = Field(default=None, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    before: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    after: dict[str, Any] = Field(sa_type=JSONB)


class StationChange(Row, table=True):
    """The change feed: which station reached which revision in which transaction; written by triggers."""

    __tablename__ = "station_change"
    __table_args__ = (Index("station_change_xid_idx", "xid", "seq"),)

    seq: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    xid: int | None = Field(
        default=None,
        sa_type=Xid8,
        nullable=False,
        sa_column_kwargs={"server_default": text("pg_current_xact_id()")},
    )
    station_id: UUID = Field(foreign_key="station.id")
    revision: int


class Closure(Row, table=True):
    """A closure planned or under way; the station carries its own, ready to read."""

    __table_args__ = (
        Index("closure_station_id_idx", "station_id", "starts_at", postgresql_where=text("cancelled_at IS NULL")),
        Index("closure_batch_idx", "batch", postgresql_where=text("batch IS NOT NULL")),
        Index("closure_starts_at_idx", "starts_at", "id", postgresql_where=text("cancelled_at IS NULL")),
    )

    id: UUID = Field(
        default_factory=uuid4, primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")}
    )
    station_id: UUID = Field(foreign_key="station.id")
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime | None = Field(default=None, sa_type=Instant)
    reason: str = Field(sa_type=Text)
    replacement_id: UUID | None = Field(default=None, foreign_key="station.id")
    batch: UUID | None = None
    created_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    cancelled_at: datetime | None = Field(default=None, sa_type=Instant)


class Proposal(Row, table=True):
    """A change of a published station that waits for review; at most one is open."""

    __table_args__ = (
        Index("proposal_station_id_key", "station_id", unique=True, postgresql_where=text("decided_at IS NULL")),
    )

    id: UUID = Field(
        default_factory=uuid4, primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")}
    )
    station_id: UUID = Field(foreign_key="station.id")
    changes: dict[str, Any] = Field(sa_type=JSONB)
    proposed_by: str = Field(sa_type=Text)
    organisation: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    decision: str | None = Field(default=None, sa_type=Text)


class CalendarYear(Row, table=True):
    """A year whose holiday notice is known, and where from."""

    __tablename__ = "calendar_year"

    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    source: str = Field(sa_type=Text)
    loaded_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)


class CalendarDay(Row, table=True):
    """A statutory day off, or a weekend day worked in exchange."""

    __tablename__ = "calendar_day"
    __table_args__ = (Index("calendar_day_year_idx", "year"),)

    day: date = Field(primary_key=True)
    year: int = Field(foreign_key="calendar_year.year", ondelete="CASCADE")
    kind: str = Field(sa_type=Text)
