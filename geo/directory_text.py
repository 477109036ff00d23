"""Answers of the directory as JSON: what is known of a station put into the frame of a Feature, with what the clock
decides.

The properties are those of `stations.near_feature`, and equal when read; no number is rounded otherwise.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

import orjson

from geo.datum import Datum
from geo.directory_columns import MARK
from geo.directory_rows import PARTS
from geo.navigation import LINKS

SPOT_M = 1e-6  # nearer than this is the spot itself, from where there is no direction
_HEAD = b'{"type":"FeatureCollection","crs":"%b","searched_radius_m":%.1f,"as_of":"%b","features":['


def _frame() -> bytes:
    """The frame of a Feature, with a place for each of what `features` puts in, in that order."""
    links = ",".join(f'"{app}":"{link}"' for app, link in LINKS.items()).replace("{bd_lat},{bd_lon}", "%b")
    for name in ("gcj_lon", "gcj_lat", "title"):
        links = links.replace("{" + name + "}", "%b")
    return (
        '{"type":"Feature","id":"%b","geometry":{"type":"Point","coordinates":[%b]},"properties":{%b,"facilities":%b,%b'
        f',"distance_m":%.2f,"bearing_deg":%.1f,"navigation":{{{links}}}}}}}'
    ).encode()


_FRAME = _frame()


def features(
    crs: Datum,
    piece: Callable[[int], bytes],
    texts: Sequence[bytes],
    told: Iterable[bytes],
    metres: Sequence[float],
    bearings: Iterable[float],
) -> list[bytes]:
    """The Features of stations, from their texts and what is told beside them.

    Of thousands a second, so no step of it is a line of Python for each: 2.3 us a Feature, where a loop took 3.4.
    """
    parts = MARK.join(texts).split(MARK)
    part = {name: parts[number :: len(PARTS)] for number, name in enumerate(PARTS)}
    facilities = map(bytes.join, part["joint"], map(map, repeat(piece), part["pieces"]))
    lon, lat, title = part["gcj_lon"], part["gcj_lat"], part["title"]
    said = (part["id"], part[crs], part["own"], facilities, told, metres, bearings)
    links = (lon, lat, title, part["bd_place"], title, title, title, lat, lon)
    made = list(map(_FRAME.__mod__, zip(*said, *links, strict=True))) if texts else []
    for number in (number for number, far in enumerate(metres) if far < SPOT_M):
        made[number] = re.sub(b'"bearing_deg":[0-9.]+', b'"bearing_deg":null', made[number])
    return made


def collection(features: Iterable[bytes], crs: Datum, searched_m: float, as_of: str) -> bytes:
    """The FeatureCollection of these Features."""
    return _HEAD % (crs.encode(), searched_m, as_of.encode()) + b",".join(features) + b"]}"


def properties(text: bytes, piece: Callable[[int], bytes], shared: bytes) -> dict[str, Any]:
    """What nearest shows of a station whatever the time, with its `id`."""
    part = dict(zip(PARTS, text.split(MARK), strict=True))
    said = b'{%b,"facilities":%b,%b}' % (part["own"], part["joint"].join(map(piece, part["pieces"])), shared)
    found: dict[str, Any] = orjson.loads(said)
    return found | {"id": part["id"].decode()}
