"""Answers of the directory as JSON: what is known of a station put into the frame of a Feature, with what the clock
decides.

The properties are those of `stations.near_feature`, and equal when read; no number is rounded otherwise.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from geo.datum import Datum
from geo.directory_columns import MARK
from geo.directory_rows import PARTS
from geo.navigation import LINKS

SPOT_M = 1e-6  # nearer than this is the spot itself, from where there is no direction
_HEAD = b'{"type":"FeatureCollection","crs":"%b","searched_radius_m":%.1f,"as_of":"%b","features":['

# A Feature with its gaps.
_LINKS = (
    ",".join(f'"{app}":"{link}"' for app, link in LINKS.items())
    .replace("{gcj_lon},{gcj_lat},", "<gcj>")
    .replace("{gcj_lat},{gcj_lon}", "<turned>")
    .replace("{bd_lat},{bd_lon}", "<bd>")
    .replace("{title}", "<title>")
)
_FEATURE = (
    '{"type":"Feature","id":"<id>","geometry":{"type":"Point","coordinates":[<place>]},"properties":{<own>'
    f',"facilities":<facilities><told>,"distance_m":<metres>,"bearing_deg":<bearing>,"navigation":{{{_LINKS}}}}}}},'
)
_SPLIT = [part for part in re.split("(<[a-z]+>)", _FEATURE) if part]
_FRAME = [part.encode() for part in _SPLIT]
_GAPS = [(number, part[1:-1]) for number, part in enumerate(_SPLIT) if part[0] == "<"]
PIECES = len(_FRAME)


def pieces(
    crs: Datum,
    piece: Callable[[int], bytes],
    texts: Sequence[bytes],
    told: Sequence[bytes],
    metres: NDArray[np.float64],
    bearings: NDArray[np.float64],
) -> list[bytes]:
    """The Features of stations in pieces, PIECES each, from their texts and what is told beside them.

    Of tens of thousands a second, so it works on all of them at once, in the loops of C.
    """
    if not texts:
        return []
    parts = MARK.join(texts).split(MARK)
    part: dict[str, Iterable[bytes]] = {name: parts[number :: len(PARTS)] for number, name in enumerate(PARTS)}
    directions = _numbers(bearings)
    for number in np.flatnonzero(metres < SPOT_M).tolist():
        directions[number] = b"null"
    facilities = map(bytes.join, part["joint"], map(map, repeat(piece), part["pieces"]))
    part |= {"place": part[crs], "facilities": facilities, "told": told}
    part |= {"metres": _numbers(np.round(metres, 2)), "bearing": directions}
    made = _FRAME * len(texts)
    for number, name in _GAPS:
        made[number::PIECES] = part[name]
    return made


def _numbers(values: NDArray[np.float64]) -> list[bytes]:
    """Numbers as JSON; a fifth of what formatting one by one takes."""
    return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def collection(pieces: list[bytes], crs: Datum, searched_m: float, as_of: str) -> bytes:
    """The FeatureCollection of some Features in pieces; it takes the list."""
    head = _HEAD % (crs.encode(), searched_m, as_of.encode())
    if not pieces:
        return head + b"]}"
    pieces[0], pieces[-1] = head + pieces[0], _END
    return b"".join(pieces)


_END = _FRAME[-1][:-1] + b"]}"  # without the comma


def properties(text: bytes, piece: Callable[[int], bytes], shared: bytes) -> dict[str, Any]:
    """What nearest shows of a station whatever the time, with its `id`."""
    part = dict(zip(PARTS, text.split(MARK), strict=True))
    said = b'{%b,"facilities":%b,%b}' % (part["own"], part["joint"].join(map(piece, part["pieces"])), shared)
    found: dict[str, Any] = orjson.loads(said)
    return found | {"id": part["id"].decode()}
