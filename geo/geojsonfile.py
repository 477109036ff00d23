"""A GeoJSON FeatureCollection as rows: each feature's properties, with the position of its point.

Knows the format; what the properties mean is `geo.tablefile`'s.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from geo.datum import Datum
from geo.errors import UnreadableFile


def is_geojson(content: bytes) -> bool:
    """Whether it begins as a JSON object does."""
    return content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def features(content: bytes) -> tuple[Iterator[tuple[int, dict[str, Any]]], str | None]:
    """The features, numbered from 1, as fields of a station; and the datum that the collection says it is in."""
    if b"\\u0000" in content:
        raise UnreadableFile("The file holds a NUL character (\\u0000), which no text of a station may have.")
    try:
        whole = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise UnreadableFile(f"This is not JSON in UTF-8: line {error.lineno}, column {error.colno}.") from error
    found = whole.get("features")
    if whole.get("type") != "FeatureCollection" or not isinstance(found, list):
        raise UnreadableFile("Expected a GeoJSON FeatureCollection with a list of features.")
    crs = whole.get("crs")
    said = crs if isinstance(crs, str) and crs in set(Datum) else None
    return ((number, _fields(feature)) for number, feature in enumerate(found, start=1)), said


def _fields(feature: object) -> dict[str, Any]:
    """What a feature says of a station: its properties, and its point unless they say lon and lat themselves."""
    if not isinstance(feature, Mapping):
        return {}
    properties = feature.get("properties")
    said = dict(properties) if isinstance(properties, Mapping) else {}
    geometry = feature.get("geometry")
    if isinstance(geometry, Mapping) and geometry.get("type") == "Point":
        point = geometry.get("coordinates")
        if isinstance(point, list) and len(point) >= 2:
            said["lon"], said["lat"] = point[0], point[1]
    facilities = said.get("facilities")
    if isinstance(facilities, list):
        said["facilities"] = [_facility(item) for item in facilities]
    return said


def _facility(item: object) -> object:
    """A facility as we export it, without the day it was checked."""
    if isinstance(item, Mapping):
        return {name: item[name] for name in item if name != "checked_at"}
    return item
