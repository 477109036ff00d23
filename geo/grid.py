"""Equal-area cells over a region: every cell is as many square metres as the next, wherever it lies.

The projection is the cylindrical equal-area one on the WGS-84 ellipsoid (Snyder 1987, p. 76-85), true to scale at the
region's middle latitude: a row of cells is a latitude, a column a longitude. For areas, never for distances.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.distance import AXIS_M, ECCENTRICITY2, earth_centred_many

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

ECCENTRICITY = math.sqrt(ECCENTRICITY2)
POLE_Q = 1 - (1 - ECCENTRICITY2) / (2 * ECCENTRICITY) * math.log((1 - ECCENTRICITY) / (1 + ECCENTRICITY))
NICE = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
SMALLEST_M = 5.0


def authalic(lat: Floats) -> Floats:
    """Snyder's q (3-12) of latitudes in degrees: proportional to the area between the equator and them."""
    sine = np.sin(np.radians(lat))
    inner = ECCENTRICITY * sine
    found: Floats = (1 - ECCENTRICITY2) * (
        sine / (1 - inner**2) - np.log((1 - inner) / (1 + inner)) / (2 * ECCENTRICITY)
    )
    return found


def latitude(q: NDArray[Any]) -> Floats:
    """The latitude, degrees, of Snyder's q (3-18): right within a millimetre."""
    beta = np.arcsin(np.clip(q / POLE_Q, -1, 1))
    e2, e4, e6 = ECCENTRICITY2, ECCENTRICITY2**2, ECCENTRICITY2**3
    found: Floats = np.degrees(
        beta
        + (e2 / 3 + 31 * e4 / 180 + 517 * e6 / 5040) * np.sin(2 * beta)
        + (23 * e4 / 360 + 251 * e6 / 3780) * np.sin(4 * beta)
        + 761 * e6 / 45360 * np.sin(6 * beta)
    )
    return found


def cell_size(area_km2: float, radius_m: float, most: int) -> float:
    """How wide cells are, metres: a tenth of the radius, or finer in a small region, but at most `most` cells."""
    area_m2 = area_km2 * 1e6
    wanted = min(radius_m / 10, math.sqrt(area_m2 / 20_000))
    return _nice(max(wanted, math.sqrt(area_m2 / most), SMALLEST_M))


def _nice(metres: float) -> float:
    """The next round number."""
    magnitude = 10 ** math.floor(math.log10(metres))
    return float(next(step * magnitude for step in (*NICE, 10.0) if step * magnitude >= metres * 0.999))


@dataclass(frozen=True)
class Grid:
    """Cells of `cell_m` squared over a bounding box, and which of them have their centre in the region."""

    cell_m: float
    lon_edges: Floats
    lat_edges: Floats
    lons: Floats  # of the centres, a column each
    lats: Floats  # of the centres, a row each
    inside: Mask  # rows x columns, from the south-west

    @cached_property
    def centres(self) -> tuple[Floats, Floats]:
        """Longitudes and latitudes of the centres inside, row after row."""
        rows, columns = np.nonzero(self.inside)
        return self.lons[columns], self.lats[rows]

    @cached_property
    def earth(self) -> Floats:
        """The centres inside, earth-centred metres, row after row: a sine for each row and column, not each cell."""
        rows, columns = np.nonzero(self.inside)
        meridian = earth_centred_many(np.zeros(len(self.lats)), self.lats)[rows]  # the rows at longitude 0
        turn = np.radians(self.lons)
        flat = meridian[:, 0]
        return np.stack([flat * np.cos(turn)[columns], flat * np.sin(turn)[columns], meridian[:, 2]], axis=-1)

    @property
    def cell_km2(self) -> float:
        """The area of a cell."""
        return self.cell_m**2 / 1e6

    def spread(self, values: Mask) -> Mask:
        """Values of the centres inside, as rows x columns with nothing outside."""
        whole = np.zeros(self.inside.shape, bool)
        whole[self.inside] = values
        return whole


def over(region: BaseGeometry, cell_m: float) -> Grid:
    """The grid over a region; of one too small for any centre, a single cell."""
    west, south, east, north = region.bounds
    middle = math.radians((south + north) / 2)
    scale = math.cos(middle) / math.sqrt(1 - ECCENTRICITY2 * math.sin(middle) ** 2)
    step_lon = math.degrees(cell_m / (AXIS_M * scale))
    step_q = 2 * cell_m * scale / AXIS_M
    columns = max(1, math.ceil((east - west) / step_lon))
    first, last = (float(q) for q in authalic(np.array([south, north])))
    rows = max(1, math.ceil((last - first) / step_q))
    q_edges = first + step_q * np.arange(rows + 1)
    lon_edges = np.asarray(west + step_lon * np.arange(columns + 1), dtype=float)
    inside = _inside(region, west, step_lon, first, step_q, (rows, columns))
    if not inside.any():
        spot = shapely.point_on_surface(region)
        row = int((float(authalic(np.array([spot.y]))[0]) - first) / step_q)
        inside[min(row, rows - 1), min(int((spot.x - west) / step_lon), columns - 1)] = True
    lons = np.asarray(lon_edges[:-1] + step_lon / 2, dtype=float)
    return Grid(
        cell_m,
        lon_edges,
        latitude(q_edges),
        lons,
        latitude(q_edges[:-1] + step_q / 2),
        inside,
    )


def _inside(
    region: BaseGeometry, west: float, step_lon: float, south_q: float, step_q: float, shape: tuple[int, int]
) -> Mask:
    """Which centres lie in the region: along each row, between the first crossing of its border and the next."""
    rings = shapely.get_rings(shapely.get_parts(region))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    u = (points[:, 0] - west) / step_lon - 0.5
    v = (authalic(points[:, 1]) - south_q) / step_q - 0.5
    same = ring[1:] == ring[:-1]
    u1, v1, u2, v2 = u[:-1][same], v[:-1][same], u[1:][same], v[1:][same]
    low, high = np.ceil(np.minimum(v1, v2)), np.ceil(np.maximum(v1, v2))  # a row at an end belongs to one edge
    times = (high - low).astype(np.intp)
    edge = np.repeat(np.arange(len(times)), times)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(times) - times, times) + low[edge]
    crossing = u1[edge] + (row - v1[edge]) * (u2[edge] - u1[edge]) / (v2[edge] - v1[edge])
    rows, columns = shape
    column = np.clip(np.ceil(crossing), 0, columns).astype(np.intp)
    kept = (row >= 0) & (row < rows)
    flat = row[kept].astype(np.intp) * (columns + 1) + column[kept]
    flips = np.bincount(flat, minlength=rows * (columns + 1)).reshape(rows, columns + 1)
    found: Mask = np.cumsum(flips[:, :-1], axis=1) % 2 == 1
    return found
