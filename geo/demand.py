"""Where people are: points with a weight, as an organisation uploaded them, else the towns of GeoNames spread out.

Pure arithmetic for the process of heavy work; uploading and keeping points is `geo.points`.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo import geonames

Floats = NDArray[np.float64]

# GeoNames (CC BY 4.0) puts a city of millions on one spot, where one station would reach all of them. A town is
# spread over a disc instead, as densely as Chinese towns are built: a point each square kilometre or so.
PEOPLE_PER_KM2 = 5_000.0
PEOPLE_PER_POINT = 5_000.0
UNCOUNTED = 3_000.0  # people in a place whose population GeoNames does not know: a township's seat
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
DEGREE_M = 111_195.0


class Demand(NamedTuple):
    """Points, WGS-84 degrees, and how much each counts."""

    lon: Floats
    lat: Floats
    weight: Floats

    def at(self, chosen: "NDArray[np.bool_] | NDArray[np.intp]") -> "Demand":
        """Some of the points."""
        return Demand(self.lon[chosen], self.lat[chosen], self.weight[chosen])

    def within(self, bounds: tuple[float, float, float, float]) -> "Demand":
        """The points in a box: west, south, east, north."""
        west, south, east, north = bounds
        return self.at((self.lon >= west) & (self.lon <= east) & (self.lat >= south) & (self.lat <= north))


@lru_cache(maxsize=1)
def bundled() -> Demand:
    """The people of the towns of GeoNames."""
    places = geonames.towns()
    lon, lat = (np.array([place[axis] for place in places], dtype=float) for axis in ("longitude", "latitude"))
    people = np.array([float(place["population"] or UNCOUNTED) for place in places])
    return spread(Demand(lon, lat, people))


def spread(towns: Demand) -> Demand:
    """Each town as points of equal weight over its disc, laid out like the seeds of a sunflower."""
    count = np.ceil(towns.weight / PEOPLE_PER_POINT).astype(np.intp)
    town = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(town)) - np.repeat(np.cumsum(count) - count, count)
    radius_m = np.sqrt(towns.weight / PEOPLE_PER_KM2 / np.pi) * 1_000
    # A town of a single point is its centre; of more, the seeds fill the disc evenly.
    reach = np.where(count[town] > 1, radius_m[town] * np.sqrt((number + 0.5) / count[town]), 0.0)
    angle = number * GOLDEN_ANGLE
    lat = towns.lat[town] + reach * np.sin(angle) / DEGREE_M
    lon = towns.lon[town] + reach * np.cos(angle) / (DEGREE_M * np.cos(np.radians(towns.lat[town])))
    return Demand(lon, lat, towns.weight[town] / count[town])
