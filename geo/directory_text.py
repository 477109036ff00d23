"""Answers of the directory as JSON: packed texts put into the frame of a Feature, with what the clock decides.

The properties are those of `stations.near_feature`, and equal when read; no number is rounded otherwise.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from string import Formatter
from typing import Any

import orjson

from geo import stations
from geo.datum import Datum
from geo.directory_columns import MARK
from geo.directory_rows import MEANING, PARTS, expanded, title
from geo.navigation import LINKS

_HEAD = b'{"type":"FeatureCollection","crs":"%b","searched_radius_m":%.1f,"as_of":"%b","features":['
SPOT_M = 1e-6  # nearer than this is the spot itself, from where there is no direction
_OWN = (*stations.NEAR_OWN, "facilities")
_FEATURE = (
    '{{"type":"Feature","id":"{id}","geometry":{{"type":"Point","coordinates":[{place}]}},"properties":{{'
    + ",".join(f'"{name}":{{{name}}}' for name in _OWN)
    + ',{shared},{state},"distance_m":{metres},"bearing_deg":{bearing},"navigation":{{'
    + ",".join(f'"{app}":"{link}"' for app, link in LINKS.items())
    + "}}}}}},"
)
_ADDED = ("shared", "state", "metres", "bearing")  # what is put behind the parts of a packed text
_NAME, _FACILITIES, _TITLE = (PARTS.index(name) for name in ("name", "facilities", "title"))
_NAMES = [name for _, name, _, _ in Formatter().parse(_FEATURE) if name]
# What stands between them, with a gap for each.
_FRAME = _FEATURE.format_map(dict.fromkeys(_NAMES, "\0\0")).encode().split(b"\0")


def _order(crs: Datum) -> Callable[[list[bytes]], tuple[bytes, ...]]:
    """Takes the parts in the order in which the frame needs them."""
    names = [*PARTS[:-1], *_ADDED]
    return itemgetter(*[names.index(crs if name == "place" else name) for name in _NAMES])


_ORDERS = {crs: _order(crs) for crs in Datum}


def features(
    crs: Datum,
    texts: Iterable[bytes],
    shared: Iterable[bytes],
    states: Iterable[bytes],
    metres: Iterable[float],
    bearings: Iterable[float],
) -> list[bytes]:
    """The pieces of Features, a comma behind each, from packed texts and what is told beside them."""
    order, pieces = _ORDERS[crs], list[bytes]()
    for text, common, state, far, bearing in zip(texts, shared, states, metres, bearings, strict=True):
        parts = text.split(MARK)
        instant = parts.pop()
        parts[_FACILITIES] = expanded(parts[_FACILITIES], instant)
        parts[_TITLE] = title(parts[_TITLE], parts[_NAME])
        parts += (common, state, b"%.2f" % far, b"%.1f" % (round(bearing, 1) % 360) if far > SPOT_M else b"null")
        feature = _FRAME.copy()
        feature[1::2] = order(parts)
        pieces += feature
    return pieces


def collection(pieces: Iterable[bytes], crs: Datum, searched_m: float, as_of: str) -> bytes:
    """The FeatureCollection of these Features."""
    features = _plain(b"".join(pieces)[:-1])
    return _HEAD % (crs.encode(), searched_m, as_of.encode()) + features + b"]}"


def properties(parts: Sequence[bytes], shared: bytes) -> dict[str, Any]:
    """What nearest shows of a station whatever the time, with its `id`."""
    said = dict(zip(PARTS, parts, strict=True))
    said["facilities"] = _plain(expanded(said["facilities"], said["instant"]))
    found: dict[str, Any] = orjson.loads(b"{%b}" % shared)
    return found | {"id": said["id"].decode()} | {name: orjson.loads(said[name]) for name in _OWN}


def _plain(packed: bytes) -> bytes:
    for mark, meaning in MEANING.items():
        packed = packed.replace(mark, meaning)
    return packed
