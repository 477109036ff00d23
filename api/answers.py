"""How answers are written: GeoJSON bodies and ETags."""

import zlib
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Request
from sqlalchemy import RowMapping
from starlette.responses import Response

from geo import stations
from geo.datum import Datum
from geo.opening import Moment

GEOJSON = "application/geo+json"


def geojson(body: Mapping[str, Any], **headers: str) -> Response:
    """A GeoJSON answer."""
    return Response(orjson.dumps(body), media_type=GEOJSON, headers=headers)


def json(body: object, **headers: str) -> Response:
    """A JSON answer, Chinese unescaped."""
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)


def station(request: Request, row: RowMapping, crs: Datum, when: Moment, **more: Any) -> Response:
    """One station with its ETag; 304 when the caller has it."""
    body = {**stations.feature(row, crs, when), "crs": crs, **more}
    tag = entity_tag(row, body)
    if tag in [given.strip() for given in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers={"ETag": tag})
    return geojson(body, ETag=tag)


def entity_tag(row: RowMapping, body: Mapping[str, Any]) -> str:
    """The revision, and a digest of what is shown: the clock opens and closes a station without a revision."""
    return f'"{row["revision"]}-{zlib.crc32(orjson.dumps(body)):08x}"'
