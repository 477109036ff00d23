"""How answers are written: GeoJSON bodies and ETags."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Request
from sqlalchemy import RowMapping
from starlette.responses import Response

from geo import stations
from geo.datum import Datum

GEOJSON = "application/geo+json"


def geojson(body: Mapping[str, Any], **headers: str) -> Response:
    """A GeoJSON answer."""
    return Response(orjson.dumps(body), media_type=GEOJSON, headers=headers)


def json(body: object, **headers: str) -> Response:
    """A JSON answer, Chinese unescaped."""
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)


def station(request: Request, row: RowMapping, crs: Datum) -> Response:
    """One station with its ETag: revision and datum; 304 when the caller has it."""
    tag = f'"{row["revision"]}-{crs}"'
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": tag})
    return geojson({**stations.feature(row, crs), "crs": crs}, ETag=tag)
