"""The rows of planning and auditing: uploaded points, and decisions about findings. As `geo.tables`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Text
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB
from sqlmodel import Field

from geo.tables import NOW, Instant, Row


class PlanningPoint(Row, table=True):
    """A point of an organisation's planning: where demand is, or premises that could open a station."""

    __tablename__ = "planning_point"

    organisation: str = Field(sa_type=Text, primary_key=True, foreign_key="organisation.code")
    purpose: str = Field(sa_type=Text, primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str | None = Field(default=None, sa_type=Text)
    lon: float = Field(sa_type=DOUBLE_PRECISION)
    lat: float = Field(sa_type=DOUBLE_PRECISION)
    weight: float = Field(default=1.0, sa_type=DOUBLE_PRECISION, sa_column_kwargs={"server_default": "1"})
    loaded_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)


class FindingDecision(Row, table=True):
    """What somebody decided about a finding; the last decision holds."""

    __tablename__ = "finding_decision"
    __table_args__ = (Index("finding_decision_station_id_idx", "audit", "station_id", "id"),)

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    audit: str = Field(sa_type=Text)
    station_id: UUID = Field(foreign_key="station.id")
    other_id: UUID | None = Field(default=None, foreign_key="station.id")
    state: str = Field(sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    facts: dict[str, Any] = Field(sa_type=JSONB)
    explanation: dict[str, Any] = Field(sa_type=JSONB)
    decided_by: str = Field(sa_type=Text)
    organisation: str | None = Field(default=None, sa_type=Text)
    decided_at: datetime | None = Field(default=None, sa_type=Instant, nullable=False, sa_column_kwargs=NOW)
