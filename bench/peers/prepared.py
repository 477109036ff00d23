"""(d) FastAPI as fast as it gets with a query a request: one prepared statement, its JSON passed on as it comes."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import asyncpg
from fastapi import FastAPI, Query
from starlette.responses import Response

CONNECTIONS = 8  # more only make the two processors switch more
QUERY = Path(__file__).with_name("prepared.sql").read_text()


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the connections."""
    async with asyncpg.create_pool(
        os.environ["BENCH_DATABASE_URL"], min_size=CONNECTIONS, max_size=CONNECTIONS, server_settings={"jit": "off"}
    ) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/nearest")
async def nearest(
    lon: Annotated[float, Query(ge=73, le=136)],
    lat: Annotated[float, Query(ge=3, le=54)],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Response:
    """The stations nearest to a point."""
    return Response(await app.state.pool.fetchval(QUERY, lon, lat, limit), media_type="application/geo+json")
