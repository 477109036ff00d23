"""Gaps: where people live and no station is within reach, as polygons. Pure, for the process of heavy work.

Waters, forests and fields are no gaps: only cells within the radius of a demand point count as inhabited.
"""

from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from geo import grid
from geo.coverage_measure import Ground, Reach, Region, within
from geo.demand import Demand
from geo.field import Field
from geo.grid import Floats, Grid


class _Gaps(NamedTuple):
    """Every cell's gap, 0 for none; of each gap, from the first, its demand, cells and its farthest cell."""

    label: NDArray[Any]
    demand: Floats
    cells: NDArray[Any]
    farthest: NDArray[Any]  # flat index
    distance: Floats  # from the farthest cell to the nearest station


def find(region: Region, ground: Ground, reach: Reach, most_cells: int, limit: int) -> dict[str, Any] | None:
    """A GeoJSON collection of the `limit` gaps with most demand; None where the ground's margin is too narrow."""
    shape = shapely.from_wkb(region.shape)
    cells = grid.over(shape, grid.cell_size(region.area_km2, reach.radius_m, most_cells))
    stations, people = Field(*ground.stations()), within(shape, ground.demand())
    distance = stations.distance(*cells.centres)
    walk = stations.distance(people.lon, people.lat)
    if max(distance.max(), walk.max(initial=0)) > ground.margin_m:
        return None
    # A demand point stands for its surroundings: as far as people go, and at least its own cell.
    settled = Field(people.lon, people.lat).distance(*cells.centres) <= max(reach.radius_m, cells.cell_m)
    uncovered = distance * reach.detour > reach.radius_m
    missed = people.at(walk * reach.detour > reach.radius_m)
    labelled = _labelled(cells, uncovered & settled, distance, missed)
    order = np.lexsort((-labelled.cells, -labelled.demand))
    order = order[labelled.demand[order] > 0]  # the rim of a covered town is nobody's gap
    features = [_feature(cells, labelled, int(one), rank) for rank, one in enumerate(order[:limit], start=1)]
    return {
        "type": "FeatureCollection",
        "crs": "wgs84",
        "cell_m": cells.cell_m,
        "gaps": len(order),
        "uncovered_km2": round(float(uncovered.sum()) * cells.cell_km2, 3),
        "inhabited_uncovered_km2": round(float((uncovered & settled).sum()) * cells.cell_km2, 3),
        "uncovered_demand": round(float(missed.weight.sum()), 3),
        "features": features,
    }


def _cell_of(cells: Grid, points: Demand) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column of each point."""
    rows, columns = cells.inside.shape
    row = np.clip(np.searchsorted(cells.lat_edges, points.lat) - 1, 0, rows - 1)
    column = np.clip(np.searchsorted(cells.lon_edges, points.lon) - 1, 0, columns - 1)
    return row, column


def _labelled(cells: Grid, gap: NDArray[np.bool_], distance: Floats, missed: Demand) -> _Gaps:
    from scipy import ndimage  # only the process for heavy work needs it

    label: NDArray[Any]
    label, count = ndimage.label(cells.spread(gap))
    sizes = np.bincount(label.ravel(), minlength=count + 1)[1:]
    demand = np.bincount(label[_cell_of(cells, missed)], missed.weight, count + 1)[1:].astype(float)
    far = np.zeros(label.shape)
    far[cells.inside] = distance
    # The last of an order by gap and distance is each gap's farthest cell.
    flat = np.flatnonzero(label)
    order = flat[np.lexsort((far.ravel()[flat], label.ravel()[flat]))]
    farthest = order[np.cumsum(sizes) - 1] if count else flat
    return _Gaps(label, demand, sizes, farthest, far.ravel()[farthest])


def _feature(cells: Grid, gaps: _Gaps, one: int, rank: int) -> dict[str, Any]:
    row, column = divmod(int(gaps.farthest[one]), gaps.label.shape[1])
    metres = float(gaps.distance[one])
    return {
        "type": "Feature",
        "id": rank,
        "geometry": outline(cells, gaps.label == one + 1).__geo_interface__,
        "properties": {
            "rank": rank,
            "demand": round(float(gaps.demand[one]), 3),
            "area_km2": round(float(gaps.cells[one]) * cells.cell_km2, 4),
            "farthest_lon": round(float(cells.lons[column]), 6),
            "farthest_lat": round(float(cells.lats[row]), 6),
            "farthest_m": round(metres, 1) if np.isfinite(metres) else None,
        },
    }


def outline(cells: Grid, chosen: NDArray[np.bool_]) -> shapely.Polygon:
    """The outline of connected cells, six decimals: a tenth of a metre."""
    rows, columns = np.nonzero(chosen)
    lon, lat = np.round(cells.lon_edges, 6), np.round(cells.lat_edges, 6)
    boxes = shapely.box(lon[columns], lat[rows], lon[columns + 1], lat[rows + 1])
    # A coverage: neighbours share their corners to the bit, which is many times faster than a union of strangers.
    (whole,) = shapely.get_parts(shapely.coverage_union_all(boxes))
    outline: shapely.Polygon = shapely.orient_polygons(whole)
    return outline
