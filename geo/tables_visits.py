"""The rows of visits: the ledger, its totals, check-ins, alerts and posters; one class per table, nothing else."""

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from geo import tables
from geo.tables import NOW, Instant, Row, TextArray

metadata = tables.metadata  # one for all tables; whoever compares it imports this file too
MADE = {"server_default": text("gen_random_uuid()")}
NONE = {"server_default": text("0")}


class Visit(Row, table=True):
    """A count over a period, as it was reported; never changed, a correction is a row that `reverses` it."""

    __table_args__ = (
        Index(
            "visit_reverses_key",
            "station_id",
            "reverses",
            unique=True,
            postgresql_where=text("reverses IS NOT NULL"),
        ),
    )

    station_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    count: int
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    method: str = Field(sa_type=Text)
    complete: bool
    by_group: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    organisation: str | None = Field(default=None, sa_type=Text)
    device: str | None = Field(default=None, sa_type=Text)
    reverses: UUID | None = None
    reason: str | None = Field(default=None, sa_type=Text)
    flags: list[str] = Field(default_factory=list, sa_type=TextArray, sa_column_kwargs={"server_default": text("'{}'")})
    recorded_by: str = Field(sa_type=Text)
    recorded_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)


class VisitDay(Row, table=True):
    """The total of a station, day and method, complete or partial; `last_on` later than `day` is a longer report."""

    __table_args__ = (Index("visit_day_longer_idx", "station_id", "day", postgresql_where=text("last_on > day")),)
    __tablename__ = "visit_day"

    station_id: UUID = Field(primary_key=True, foreign_key="station.id")
    day: date = Field(primary_key=True)
    last_on: date = Field(primary_key=True)
    method: str = Field(sa_type=Text, primary_key=True)
    complete: bool = Field(primary_key=True)
    visits: int = Field(sa_type=BigInteger)
    reports: int


class VisitMonth(Row, table=True):
    """The totals of a station's days in a closed month, of each method and the official ones; no longer reports."""

    __tablename__ = "visit_month"

    station_id: UUID = Field(primary_key=True, foreign_key="station.id")
    month: date = Field(primary_key=True)
    method: str = Field(sa_type=Text, primary_key=True)
    visits: int = Field(0, sa_type=BigInteger, sa_column_kwargs=NONE)
    reported: int = Field(0, sa_type=BigInteger, sa_column_kwargs=NONE)
    days: int = Field(0, sa_column_kwargs=NONE)
    partial_days: int = Field(0, sa_column_kwargs=NONE)


class VisitClosing(Row, table=True):
    """One row: before which month `visit_month` is kept by the trigger, and before which it is complete."""

    __tablename__ = "visit_closing"

    one: bool = Field(True, primary_key=True, sa_column_kwargs={"server_default": text("true")})
    kept_before: date
    read_before: date


class CheckIn(Row, table=True):
    """What somebody at the door found; no position, and no visitor that could be named."""

    __tablename__ = "check_in"
    __table_args__ = (Index("check_in_station_id_idx", "station_id", "at"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True, sa_column_kwargs=MADE)
    station_id: UUID = Field(foreign_key="station.id")
    outcome: str = Field(sa_type=Text)
    facility: str | None = Field(default=None, sa_type=Text)
    distance_band: str | None = Field(default=None, sa_type=Text)
    visitor_hash: bytes | None = None
    poster_id: UUID | None = None
    note: str | None = Field(default=None, sa_type=Text)
    in_posted_hours: bool | None = None
    at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)


class VisitorKey(Row, table=True):
    """The key of a day's visitor tokens; unlogged, and destroyed after 48 hours."""

    __tablename__ = "visitor_key"

    day: date = Field(primary_key=True)
    key: bytes
    made_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)


class Alert(Row, table=True):
    """Something the union should look at: two strangers found the same within a day."""

    __table_args__ = (
        Index("alert_station_id_key", "station_id", "kind", unique=True, postgresql_where=text("closed_at IS NULL")),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True, sa_column_kwargs=MADE)
    station_id: UUID = Field(foreign_key="station.id")
    kind: str = Field(sa_type=Text)
    raised_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_by: str | None = Field(default=None, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)


class Poster(Row, table=True):
    """The code on a station's door; the one in force is the one not revoked."""

    __table_args__ = (
        Index("poster_station_id_key", "station_id", unique=True, postgresql_where=text("revoked_at IS NULL")),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True, sa_column_kwargs=MADE)
    station_id: UUID = Field(foreign_key="station.id")
    created_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
