"""Answers of the directory as JSON: what is known of a station put into the frame of a Feature, with what the clock
decides.

The properties are those of `stations.near_feature`, and equal when read; no number is rounded otherwise.
"""

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import orjson

from geo.datum import Datum
from geo.directory_columns import MARK
from geo.directory_rows import PARTS
from geo.navigation import LINKS

SPOT_M = 1e-6  # nearer than this is the spot itself, from where there is no direction
_HEAD = b'{"type":"FeatureCollection","crs":"%b","searched_radius_m":%.1f,"as_of":"%b","features":['


# The links with the parts in the order in which `collections` puts them in.
_LINKS = (
    ",".join(f'"{app}":"{link}"' for app, link in LINKS.items())
    .replace("{bd_lat},{bd_lon}", "%b")
    .replace("{gcj_lon}", "%b")
    .replace("{gcj_lat}", "%b")
    .replace("{title}", "%b")
)
_FEATURE = (
    '{"type":"Feature","id":"%b","geometry":{"type":"Point","coordinates":[%b]},"properties":{%b,"facilities":%b,%b'
    f',"distance_m":%b,"bearing_deg":%b,"navigation":{{{_LINKS}}}}}}},'
).encode()
# What stands between the gaps, each followed by its gap; what ends a Feature stands before the next one's first.
_BETWEEN = [part for between in _FEATURE.split(b"%b") for part in (between, b"")][:-1]


def pieces(
    crs: Datum,
    piece: Callable[[int], bytes],
    texts: Sequence[bytes],
    told: Sequence[bytes],
    metres: Sequence[float],
    bearings: Sequence[float],
) -> list[bytes]:
    """The Features of stations in pieces, PIECES each, from their texts and what is told beside them.

    Of tens of thousands a second, so it works on all of them at once, in the loops of C.
    """
    if not texts:
        return []
    parts = MARK.join(texts).split(MARK)
    part = {name: parts[number :: len(PARTS)] for number, name in enumerate(PARTS)}
    facilities = map(bytes.join, part["joint"], map(map, repeat(piece), part["pieces"]))
    far, bearing = map(b"%.2f".__mod__, metres), list(map(b"%.1f".__mod__, bearings))
    for number in (number for number, away in enumerate(metres) if away < SPOT_M):
        bearing[number] = b"null"
    lon, lat, title = part["gcj_lon"], part["gcj_lat"], part["title"]
    said = (part["id"], part[crs], part["own"], facilities, told, far, bearing)
    links = (lon, lat, title, part["bd_place"], title, title, title, lat, lon)
    made = _BETWEEN * len(texts)
    for number, gap in enumerate((*said, *links)):
        made[2 * number + 1 :: PIECES] = gap
    return made


PIECES = len(_BETWEEN)


def collection(pieces: Sequence[bytes], crs: Datum, searched_m: float, as_of: str) -> bytes:
    """The FeatureCollection of some Features in pieces."""
    head = _HEAD % (crs.encode(), searched_m, as_of.encode())
    return b"".join((head, *pieces[:-1], _END)) if pieces else head + b"]}"


_END = _BETWEEN[-1][:-1] + b"]}"  # without the comma


def properties(text: bytes, piece: Callable[[int], bytes], shared: bytes) -> dict[str, Any]:
    """What nearest shows of a station whatever the time, with its `id`."""
    part = dict(zip(PARTS, text.split(MARK), strict=True))
    said = b'{%b,"facilities":%b,%b}' % (part["own"], part["joint"].join(map(piece, part["pieces"])), shared)
    found: dict[str, Any] = orjson.loads(said)
    return found | {"id": part["id"].decode()}
