"""(e) The way of the tutorials: async SQLModel and GeoAlchemy2, a session a request, pydantic on the way out."""

import os
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, Query
from geoalchemy2 import Geography, WKBElement
from geoalchemy2.shape import to_shape
from sqlalchemy import Text, cast, func, make_url, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

# The predicate of the index as a constant: with parameters it would not always be ridden.
USABLE = text("publication_status = 'published' AND operational_status IN ('open', 'limited')")

engine = create_async_engine(
    make_url(os.environ["BENCH_DATABASE_URL"]).set(drivername="postgresql+asyncpg"),
    pool_size=8,
    max_overflow=24,
    connect_args={"server_settings": {"jit": "off"}},
)
open_session = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
app = FastAPI()


class StationBase(SQLModel):
    """What the table and the answer have in common."""

    id: UUID
    code: str
    name: str
    kind: str
    brand: str | None = None
    address: str | None = None
    opening_hours: str | None = None
    operational_status: str


class Station(StationBase, table=True):
    """A row of the registry's own table."""

    model_config = {"arbitrary_types_allowed": True}

    id: UUID = Field(primary_key=True)
    entry_modes: list[str] = Field(sa_type=ARRAY(Text))  # type: ignore[call-overload]
    facilities: list[dict[str, Any]] = Field(sa_type=JSONB)
    location: WKBElement = Field(sa_type=Geography("POINT", srid=4326, spatial_index=False))  # type: ignore[call-overload]


class Facility(SQLModel):
    """One facility of the answer."""

    facility: str
    status: str
    checked_at: datetime | None = None


class StationRead(StationBase):
    """One station of the answer."""

    entry_modes: list[str]
    facilities: list[Facility]
    lon: float
    lat: float
    distance_m: float


async def get_session() -> AsyncIterator[AsyncSession]:
    """A session for one request."""
    async with open_session() as session:
        yield session


@app.get("/nearest", response_model=list[StationRead])
async def nearest(
    session: Annotated[AsyncSession, Depends(get_session)],
    lon: Annotated[float, Query(ge=73, le=136)],
    lat: Annotated[float, Query(ge=3, le=54)],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> list[StationRead]:
    """The stations nearest to a point."""
    point = cast(func.ST_MakePoint(lon, lat), Geography)
    distance = func.ST_Distance(Station.location, point)
    asked = select(Station, distance).where(USABLE).order_by(Station.location.op("<->")(point)).limit(limit)
    found = (await session.exec(asked)).all()
    return [read(station, distance_m) for station, distance_m in found]


def read(station: Station, distance_m: float) -> StationRead:
    """The answer's form of a row."""
    position = to_shape(station.location)
    return StationRead(
        **station.model_dump(exclude={"location"}), lon=position.x, lat=position.y, distance_m=distance_m
    )
