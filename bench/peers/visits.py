"""(b) The plain way to record a visit: FastAPI, the body validated by pydantic, one INSERT a request, one row back.

No key is checked, no total kept, no retry recognised beyond the primary key.
"""

import contextlib
import os
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import FastAPI
from pydantic import BaseModel, Field

CONNECTIONS = 16  # as many as there are clients, so that their commits share a flush
INSERT = """
    INSERT INTO bench_visit (station_id, id, count, started_at, ended_at, method, complete, organisation, recorded_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'bench', 'bench')
    RETURNING station_id, id, count, started_at, ended_at, method, complete, recorded_at"""


class Visit(BaseModel):
    """The body."""

    id: UUID
    count: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    started_at: datetime
    ended_at: datetime | None = None
    method: str
    complete: bool = True


class Recorded(Visit):
    """The answer."""

    station_id: UUID
    recorded_at: datetime


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the connections."""
    async with asyncpg.create_pool(
        os.environ["BENCH_DATABASE_URL"], min_size=CONNECTIONS, max_size=CONNECTIONS, server_settings={"jit": "off"}
    ) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/v1/stations/{station_id}/visits", status_code=201, response_model=Recorded)
async def record_visit(station_id: UUID, visit: Visit) -> Any:
    """Record one visit."""
    said = (visit.id, visit.count, visit.started_at, visit.ended_at, visit.method, visit.complete)
    return dict(await app.state.pool.fetchrow(INSERT, station_id, *said))
