"""How well a region is served, from one distance field: pure arithmetic for the process of heavy work.

Reading regions and stations, and remembering results, is `geo.coverage`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo import demand, field, grid
from geo.demand import Demand
from geo.field import Field

Floats = NDArray[np.float64]

REACHES_M = (500.0, 1_000.0, 2_000.0)
CLOSE_M = 200.0
GLANCE = 50  # of so many cells one is looked at first: a region that reaches beyond the margin mostly shows it there


class Region(NamedTuple):
    """A division and its shape as WKB."""

    level: str
    adcode: str
    name: str
    area_km2: float
    shape: bytes


@dataclass(frozen=True)
class Ground:
    """What a measurement starts from. Arrays are packed: big-endian doubles, as PostgreSQL writes them."""

    lon: bytes
    lat: bytes
    home: bytes  # province, city and district of each station, six digits or blanks each
    margin_m: float  # every station as near as this to the regions is there
    points: tuple[bytes, bytes, bytes] | None = None  # lon, lat, weight; None: the bundled demand

    def stations(self) -> tuple[Floats, Floats]:
        """Longitudes and latitudes of the stations."""
        return unpack(self.lon), unpack(self.lat)

    def of(self, region: Region) -> NDArray[np.bool_]:
        """Which stations the registry has in this region."""
        column = {"province": 0, "city": 1, "district": 2}.get(region.level)
        if column is None:
            return np.ones(len(self._homes), bool)
        found: NDArray[np.bool_] = self._homes[:, column] == np.array(region.adcode, "S8").view(np.uint64)
        return found

    @cached_property
    def _homes(self) -> NDArray[np.uint64]:
        """The codes as numbers, which are compared ten times as fast as texts."""
        texts = np.frombuffer(self.home, dtype="S6").astype("S8")
        return texts.view(np.uint64).reshape(-1, 3)

    def demand(self) -> Demand:
        """The demand points."""
        return Demand(*map(unpack, self.points)) if self.points else demand.bundled()


class Reach(NamedTuple):
    """How far people go, metres, and the detour that a straight line stands for."""

    radius_m: float
    detour: float


def unpack(packed: bytes) -> Floats:
    """Big-endian doubles as an array."""
    return np.frombuffer(packed, dtype=">f8").astype(float)


def measure(regions: Sequence[Region], ground: Ground, reach: Reach, most_cells: int) -> list[dict[str, Any] | None]:
    """The coverage of each region; None for one to which stations beyond the ground's margin may be the nearest."""
    lon, lat = ground.stations()
    shapes = shapely.from_wkb([region.shape for region in regions])
    stations, people = Field(lon, lat), ground.demand().within(tuple(shapely.total_bounds(shapes).tolist()))
    found: list[dict[str, Any] | None] = []
    for region, shape in zip(regions, shapes, strict=True):
        cells = grid.over(shape, grid.cell_size(region.area_km2, reach.radius_m, most_cells))
        living = within(shape, people)
        if stations.distance_from(cells.earth[::GLANCE]).max() > ground.margin_m:
            found.append(None)
            continue
        distance, walk = stations.distance_from(cells.earth), stations.distance(living.lon, living.lat)
        if max(distance.max(), walk.max(initial=0)) > ground.margin_m:
            found.append(None)
            continue
        own = ground.of(region)
        facts: dict[str, Any] = {"region": region.adcode, "level": region.level, "name": region.name}
        facts |= {"stations": int(own.sum()), "area_km2": round(region.area_km2, 3), "cell_m": cells.cell_m}
        facts |= _shares(distance * reach.detour, walk * reach.detour, living.weight, reach.radius_m)
        facts |= _densities(facts["stations"], region.area_km2, float(living.weight.sum()))
        facts["close_pairs"] = field.close_pairs(lon[own], lat[own], CLOSE_M)
        found.append(facts)
    return found


def within(shape: BaseGeometry, points: Demand) -> Demand:
    """The demand points that lie in a region."""
    near = points.within(shape.bounds)
    shapely.prepare(shape)
    return near.at(shapely.contains_xy(shape, near.lon, near.lat))


def _shares(distance: Floats, walk: Floats, weight: Floats, radius_m: float) -> dict[str, Any]:
    """Of area and of demand: how much is within the radius and within the usual reaches, and how far the rest is."""
    total = float(weight.sum())

    def of_area(metres: float) -> float:
        return round(float((distance <= metres).mean()), 6)

    def of_demand(metres: float) -> float | None:
        return round(float(weight[walk <= metres].sum()) / total, 6) if total > 0 else None

    return {
        "area_share": of_area(radius_m),
        "demand_share": of_demand(radius_m),
        "median_distance_m": quantile_of_equals(distance, 0.5),
        "p90_distance_m": quantile_of_equals(distance, 0.9),
        "demand_median_distance_m": quantile(walk, weight, 0.5),
        "demand_p90_distance_m": quantile(walk, weight, 0.9),
        "within": [
            {"distance_m": metres, "area_share": of_area(metres), "demand_share": of_demand(metres)}
            for metres in REACHES_M
        ],
    }


def quantile(values: Floats, weights: Floats, share: float) -> float | None:
    """The value that this share of the weight does not exceed; None where there is none."""
    if not len(values) or not weights.sum() > 0:
        return None
    order = np.argsort(values)
    summed = np.cumsum(weights[order])
    found = float(values[order][np.searchsorted(summed, share * summed[-1])])
    return round(found, 1) if np.isfinite(found) else None


def quantile_of_equals(values: Floats, share: float) -> float | None:
    """`quantile` of values that weigh the same, without putting all of them in order."""
    if not len(values):
        return None
    place = max(math.ceil(share * len(values)) - 1, 0)
    found = float(np.partition(values, place)[place])
    return round(found, 1) if np.isfinite(found) else None


def _densities(stations: int, area_km2: float, people: float) -> dict[str, Any]:
    return {
        "demand": round(people, 3),
        "stations_per_km2": round(stations / area_km2, 6),
        "stations_per_10000": round(stations / people * 10_000, 4) if people > 0 else None,
    }
