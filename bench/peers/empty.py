"""(b) What FastAPI costs before it does anything: three validated parameters, a constant answer."""

from typing import Annotated

from fastapi import FastAPI, Query
from starlette.responses import Response

app = FastAPI()


@app.get("/nearest")
async def nearest(
    lon: Annotated[float, Query(ge=73, le=136)],
    lat: Annotated[float, Query(ge=3, le=54)],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Response:
    """Answer nothing."""
    return Response(b"{}", media_type="application/geo+json")
