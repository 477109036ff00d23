"""The rows of migration 0004: who keeps a station, who reviews it, and files on their way in."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from geo.tables import NOW, Instant, Row


class StationMove(Row, table=True):
    """A legal move of a station: on which axis, from where, by what, to where."""

    __tablename__ = "station_move"

    axis: str = Field(sa_type=Text, primary_key=True)
    was: str = Field(sa_type=Text, primary_key=True)
    move: str = Field(sa_type=Text, primary_key=True)
    becomes: str = Field(sa_type=Text)


class CustodyRequest(Row, table=True):
    """A transfer that one side has agreed to, or a claim of a station nobody manages; at most one is open."""

    __tablename__ = "custody_request"
    __table_args__ = (
        Index("custody_request_station_id_key", "station_id", unique=True, postgresql_where=text("decided_at IS NULL")),
    )

    id: UUID = Field(
        default_factory=uuid4, primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")}
    )
    station_id: UUID = Field(foreign_key="station.id")
    from_organisation: str | None = Field(default=None, sa_type=Text, foreign_key="organisation.code")
    to_organisation: str = Field(sa_type=Text, foreign_key="organisation.code")
    asked_by: str = Field(sa_type=Text)
    asker: str = Field(sa_type=Text)
    host_ref: str | None = Field(default=None, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    decision: str | None = Field(default=None, sa_type=Text)


class ReviewAssignment(Row, table=True):
    """Whose turn it is to review what waits at a station: an organisation's, or one key's of it."""

    __tablename__ = "review_assignment"

    station_id: UUID = Field(primary_key=True, foreign_key="station.id")
    organisation: str = Field(sa_type=Text, foreign_key="organisation.code")
    reviewer: str | None = Field(default=None, sa_type=Text)
    assigned_by: str = Field(sa_type=Text)
    at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)


class StationImport(Row, table=True):
    """A file on its way in: what was asked, how far it is, and what became of its rows."""

    __tablename__ = "station_import"
    __table_args__ = (Index("station_import_created_at_idx", "created_at"),)

    id: UUID = Field(
        default_factory=uuid4, primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")}
    )
    actor: str = Field(sa_type=Text)
    organisation: str = Field(sa_type=Text)
    manager: str | None = Field(default=None, sa_type=Text)
    options: dict[str, Any] = Field(sa_type=JSONB)
    content: bytes
    state: str = Field(default="queued", sa_type=Text, sa_column_kwargs={"server_default": text("'queued'")})
    done: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    report: bytes | None = None
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    created_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
    heard_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
