"""Siting: the places that add most covered demand, by greedy choice with lazy evaluation, and how good that is.

Maximal covering location (Church & ReVelle 1974). Greedy choice of a submodular gain reaches at least 1 - 1/e of the
optimum (Nemhauser, Wolsey & Fisher 1978), mostly far more: the bound that comes with each answer is of that very case.
Pure, for the process of heavy work.
"""

import heapq
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from geo import grid
from geo.coverage_measure import Ground, Reach, Region, unpack, within
from geo.demand import Demand
from geo.distance import earth_centred_many
from geo.field import Field, chord_of

Floats = NDArray[np.float64]

DECIMALS = 6  # of a degree: a tenth of a metre; a candidate is measured where it is told to be


class Premises(NamedTuple):
    """Places to choose from, packed as in `Ground`."""

    lon: bytes
    lat: bytes
    names: tuple[str, ...]


class Chosen(NamedTuple):
    """Candidates in the order chosen, what each adds, and an upper bound of what so many can add at best."""

    order: list[int]
    gains: list[float]
    best_possible: float


class Candidates(NamedTuple):
    """Where a station could be, and the names of premises."""

    lon: Floats
    lat: Floats
    names: tuple[str, ...]


def choose(region: Region, ground: Ground, reach: Reach, count: int, premises: Premises | None) -> dict[str, Any]:
    """`count` places as GeoJSON points, each with the share it adds and the share reached with it."""
    shape = shapely.from_wkb(region.shape)
    people = within(shape, ground.demand())
    served = Field(*ground.stations()).distance(people.lon, people.lat) * reach.detour <= reach.radius_m
    total = float(people.weight.sum())
    missed = people.at(~served)
    where = listed(shape, premises) if premises else cells_near(shape, missed, reach)
    covers = reached(where, missed, reach)
    chosen = greedy(covers, missed.weight, count)
    return _answer(where, chosen, float(people.weight[served].sum()), total, premises)


def _answer(
    where: Candidates, chosen: Chosen, before: float, total: float, premises: Premises | None
) -> dict[str, Any]:
    scale = 1 / total if total > 0 else 0.0
    running = (before + np.cumsum(chosen.gains)).tolist()
    features = [
        _feature(where, one, rank, gain * scale, share * scale, gain)
        for rank, (one, gain, share) in enumerate(zip(chosen.order, chosen.gains, running, strict=True), start=1)
    ]
    added = sum(chosen.gains)
    return {
        "type": "FeatureCollection",
        "crs": "wgs84",
        "candidates": "premises" if premises else "cells",
        "candidate_count": len(where.lon),
        "share_before": round(before * scale, 6),
        "share_after": round((before + added) * scale, 6),
        "optimum_at_most": round(min(1.0, (before + chosen.best_possible) * scale), 6),
        "at_least_of_optimum": round(added / chosen.best_possible, 4) if chosen.best_possible > 0 else 1.0,
        "features": features,
    }


def _feature(where: Candidates, one: int, rank: int, gain: float, share: float, weight: float) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": rank,
        "geometry": {"type": "Point", "coordinates": [float(where.lon[one]), float(where.lat[one])]},
        "properties": {
            "rank": rank,
            "name": (where.names[one] or None) if where.names else None,
            "gain_share": round(gain, 6),
            "share": round(share, 6),
            "gain_demand": round(weight, 3),
        },
    }


def listed(shape: shapely.Geometry, premises: Premises) -> Candidates:
    """The premises that lie in the region."""
    lon, lat = np.round(unpack(premises.lon), DECIMALS), np.round(unpack(premises.lat), DECIMALS)
    shapely.prepare(shape)
    inside = shapely.contains_xy(shape, lon, lat)
    names = tuple(name for name, kept in zip(premises.names, inside, strict=True) if kept)
    return Candidates(lon[inside], lat[inside], names)


def cells_near(shape: shapely.Geometry, missed: Demand, reach: Reach) -> Candidates:
    """Demand cells, half as wide as the radius, whose centres reach any demand, and the demand points themselves."""
    if not len(missed.lon):
        return Candidates(missed.lon, missed.lat, ())
    radius = reach.radius_m / reach.detour
    hull = shapely.MultiPoint(np.column_stack([missed.lon, missed.lat])).envelope.buffer(1e-4)
    area = (hull.bounds[2] - hull.bounds[0]) * (hull.bounds[3] - hull.bounds[1]) * 111.2**2
    lattice = grid.over(hull, max(radius / 2, (area * 1e6 / 1_000_000) ** 0.5))
    lon, lat = lattice.centres
    near = Field(missed.lon, missed.lat).distance(lon, lat) <= radius
    spots = np.concatenate([np.column_stack([lon[near], lat[near]]), np.column_stack([missed.lon, missed.lat])])
    spots = np.unique(np.round(spots, DECIMALS), axis=0)
    shapely.prepare(shape)
    spots = spots[shapely.contains_xy(shape, spots)]
    return Candidates(spots[:, 0], spots[:, 1], ())


def reached(where: Candidates, missed: Demand, reach: Reach) -> csr_array:
    """Which demand points each candidate reaches: a row each candidate."""
    shape = (len(where.lon), len(missed.lon))
    if 0 in shape:
        return csr_array(shape, dtype=bool)
    tree = cKDTree(earth_centred_many(missed.lon, missed.lat))
    # A hair wider, so that rounding loses no point at the very edge.
    chord = chord_of(reach.radius_m / reach.detour) * (1 + 1e-9)
    found: Any = tree.query_ball_point(earth_centred_many(where.lon, where.lat), chord, return_sorted=True)
    sizes = np.array([len(each) for each in found])
    columns = np.concatenate([np.asarray(each, np.intp) for each in found])
    return csr_array((np.ones(len(columns), bool), columns, np.concatenate([[0], np.cumsum(sizes)])), shape=shape)


def greedy(covers: csr_array, weight: Floats, count: int) -> Chosen:
    """The candidate that adds most, again and again; gains are worked out anew only where they may still be the best.

    The bound: whatever is chosen, an optimum adds at most the `count` largest gains that are left on top of it.
    """
    gains = _gains(covers, weight)
    best_possible = float(np.sort(gains)[::-1][:count].sum())
    heap = [(-gain, one) for one, gain in enumerate(gains.tolist()) if gain > 0]
    heapq.heapify(heap)
    open_weight, order, got = weight.copy(), list[int](), list[float]()
    while heap and len(order) < count:
        _, one = heapq.heappop(heap)
        gain = float(open_weight[_row(covers, one)].sum())
        if heap and gain < -heap[0][0]:
            if gain > 0:
                heapq.heappush(heap, (-gain, one))
            continue
        if gain <= 0:
            continue
        order.append(one)
        got.append(gain)
        open_weight[_row(covers, one)] = 0
        best_possible = min(best_possible, sum(got) + _left(covers, open_weight, count))
    return Chosen(order, got, max(best_possible, sum(got)))


def _left(covers: csr_array, weight: Floats, count: int) -> float:
    """The sum of the `count` largest gains that are left."""
    gains = _gains(covers, weight)
    largest = np.partition(gains, -count)[-count:] if len(gains) > count else gains
    return min(float(largest.sum()), float(weight.sum()))


def _gains(covers: csr_array, weight: Floats) -> Floats:
    """What each candidate would add."""
    return np.asarray(covers @ weight, dtype=float)


def _row(covers: csr_array, one: int) -> NDArray[Any]:
    columns: NDArray[Any] = covers.indices[covers.indptr[one] : covers.indptr[one + 1]]
    return columns
