"""How much of a region is served, where the holes are, where the next stations should go.

Reads regions, stations and points here, and has the arithmetic done in the process of heavy work; what comes out is
remembered by a digest of all that went in, so nothing is worked out twice and nothing is ever out of date.
"""

import hashlib
import math
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, Literal, TypeVar, cast

from sqlmodel import Session

from geo import auditors, db, errors, gaps, opening, points, regions, siting, workshop
from geo.access import Principal
from geo.coverage_measure import Ground, Reach, Region, measure
from geo.regions import RegionRecord

Result = TypeVar("Result")
Box = tuple[float, float, float, float]

# A station as near as this to a region's box is read with it; where the nearest may be farther, the next.
MARGINS_M = (30_000.0, 300_000.0, math.inf)
EVERYWHERE: Box = (-180.0, -90.0, 180.0, 90.0)
MOST_CELLS: Mapping[str, int] = {"district": 150_000, "city": 400_000, "province": 1_000_000, "country": 1_000_000}
MOST_CELLS_OF_MANY = 20_000  # of each division where many are asked at once
KEPT = 256
DEGREE_M = 110_500.0  # the shortest degree of latitude


@dataclass(frozen=True)
class Asked:
    """What is asked of a region: `at` counts only what is open then; `detour` multiplies straight lines."""

    region: str
    level: str | None = None
    radius_m: float = 1_000.0
    detour: float = 1.0
    at: datetime | None = None
    demand: Literal["geonames", "uploaded"] | None = None  # None: what the organisation uploaded, if anything

    @property
    def reach(self) -> Reach:
        """How far people go."""
        return Reach(self.radius_m, self.detour)


class _Remembered:
    """The last results by the digest of what they were worked out from."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.results: OrderedDict[bytes, Any] = OrderedDict()

    def get(self, key: bytes) -> Any:
        with self.lock:
            if key in self.results:
                self.results.move_to_end(key)
            return self.results.get(key)

    def put(self, key: bytes, result: Any) -> None:
        with self.lock:
            self.results[key] = result
            if len(self.results) > KEPT:
                self.results.popitem(last=False)


_remembered = _Remembered()


def work_out(session: Session, function: Callable[..., Result], *args: Any) -> Result:
    """What the function answers in the process of heavy work, or what it answered to the very same arguments."""
    key = hashlib.blake2b(pickle.dumps((function.__qualname__, args)), digest_size=32).digest()
    result = _remembered.get(key)
    if result is None:
        with db.released(session):
            result = workshop.run(function, *args)
        if result is not None:
            _remembered.put(key, result)
    return cast(Result, result)


def permit(session: Session, who: Principal, asked: Asked, *, premises: bool = False) -> RegionRecord:
    """The region asked for, if `who` may: its own and those below, an admin everywhere. Raises `Forbidden`.

    A host may only ask which of its premises to choose, anywhere.
    """
    if who.role == "host":
        if premises:
            return regions.get(session, asked.region, level=asked.level)
        raise errors.Forbidden("A host plans with its own premises only: siting with candidates=premises.")
    return auditors.region_for(session, who, asked.region, asked.level)


def measured(session: Session, who: Principal, asked: Asked) -> dict[str, Any]:
    """The coverage of a region. Raises `RegionNotFound`, `Forbidden`, `WorkshopBusy`."""
    record = permit(session, who, asked)
    (found,) = _measure(session, who, asked, record, None, MOST_CELLS[record.level])
    return found | _about(session, who, asked)


def by_division(session: Session, who: Principal, asked: Asked, below: str) -> dict[str, Any]:
    """The coverage of each division of a level below a region; province by province, so that others get their turn."""
    record = permit(session, who, asked)
    if regions.LEVELS.index(below) <= regions.LEVELS.index(record.level):
        problem = errors.Problem(("query", "by"), f"expected a level below {record.level}", below)
        raise errors.InvalidQuery(problems=[problem])
    whole = record.level == "country" and below != "province"
    parts = regions.browse(session, parent=record.adcode, level="province") if whole else [record]
    # Of the whole country all stations are read once, 8 MB at 200,000: province by province it was half a minute.
    grounds = [_ground(session, who, asked, EVERYWHERE, math.inf)] if whole else None
    items = [item for part in parts for item in _measure(session, who, asked, part, below, MOST_CELLS_OF_MANY, grounds)]
    return {"region": record.adcode, "level": record.level, "by": below, "items": items} | _about(session, who, asked)


def _measure(
    session: Session,
    who: Principal,
    asked: Asked,
    record: RegionRecord,
    below: str | None,
    most: int,
    grounds: Iterable[Ground] | None = None,
) -> list[dict[str, Any]]:
    """The coverage of a region or of its divisions, from stations read before or as far away as it takes."""
    found, box = _regions(session, record, below)
    results: dict[str, dict[str, Any]] = {}
    for ground in grounds or _grounds(session, who, asked, box):
        left = [region for region in found if region.adcode not in results]
        if not left:
            break
        measured = work_out(session, measure, left, ground, asked.reach, most)
        results |= {region.adcode: facts for region, facts in zip(left, measured, strict=True) if facts}
    return [results[region.adcode] for region in found]


def _about(session: Session, who: Principal, asked: Asked) -> dict[str, Any]:
    """What the figures mean."""
    uploaded = _uses_upload(session, who, asked)
    return {
        "radius_m": asked.radius_m,
        "detour": asked.detour,
        "at": asked.at.isoformat() if asked.at else None,
        "demand_source": "uploaded" if uploaded else "geonames",
        "distance": "straight line" if asked.detour == 1 else f"straight line x {asked.detour:g}",
    }


def _uses_upload(session: Session, who: Principal, asked: Asked) -> bool:
    if asked.demand == "geonames":
        return False
    there = points.summary(session, who.organisation, "demand").points > 0
    if asked.demand == "uploaded" and not there:
        raise errors.PointsNotFound
    return there


def _regions(session: Session, record: RegionRecord, below: str | None) -> tuple[list[Region], Box]:
    asked = {"level": record.level, "adcode": record.adcode, "below": below}
    rows = session.execute(db.sql("coverage_regions"), asked).all()
    found = [Region(row.level, row.adcode, row.name, row.area_km2, bytes(row.shape)) for row in rows]
    west, south = (min((getattr(row, side) for row in rows), default=0.0) for side in ("west", "south"))
    east, north = (max((getattr(row, side) for row in rows), default=0.0) for side in ("east", "north"))
    return found, (west, south, east, north)


def _grounds(session: Session, who: Principal, asked: Asked, box: Box) -> Iterator[Ground]:
    """The stations and points around a box, each time from farther away."""
    for margin in MARGINS_M:
        yield _ground(session, who, asked, box, margin)


def _ground(session: Session, who: Principal, asked: Asked, box: Box, margin: float) -> Ground:
    """The points in a box, and the stations within the margin around it."""
    uploaded = _uses_upload(session, who, asked)
    packed = points.packed(session, who.organisation, "demand", box)[0] if uploaded else None
    instant: dict[str, Any] = {"at": None, "rules": None}
    if asked.at:
        instant = {"at": asked.at, "rules": opening.open_rules(session, opening.moment(session, asked.at))}
    where = dict(zip(("west", "south", "east", "north"), _widened(box, margin), strict=True))
    row = session.execute(db.sql("coverage_stations"), where | instant).one()
    return Ground(bytes(row.lon), bytes(row.lat), bytes(row.home), margin, packed)


def _widened(box: Box, margin_m: float) -> Box:
    if math.isinf(margin_m):
        return EVERYWHERE
    west, south, east, north = box
    up = margin_m / DEGREE_M
    aside = up / math.cos(math.radians(min(max(north + up, -south + up), 80)))
    return west - aside, south - up, east + aside, north + up


def _placed(session: Session, found: dict[str, Any], places: list[tuple[float, float]]) -> dict[str, Any]:
    """A collection with the finest division of each feature's place; what is remembered stays as it is."""
    features = [
        {**feature, "properties": feature["properties"] | {"adcode": _finest(at), "division": at["name"]}}
        for feature, at in zip(found["features"], regions.locate_many(session, places), strict=True)
    ]
    return found | {"features": features}


def _finest(at: Mapping[str, str | None]) -> str | None:
    return at["district"] or at["city"] or at["province"]


def holes(session: Session, who: Principal, asked: Asked, *, limit: int) -> dict[str, Any]:
    """The gaps of a region, those with most demand first."""
    record = permit(session, who, asked)
    found, box = _regions(session, record, None)
    most = min(MOST_CELLS[record.level], 400_000)
    for ground in _grounds(session, who, asked, box):
        result = work_out(session, gaps.find, found[0], ground, asked.reach, most, limit)
        if result is not None:
            each = (gap["properties"] for gap in result["features"])
            result = _placed(session, result, [(gap["farthest_lon"], gap["farthest_lat"]) for gap in each])
            return result | {"region": record.adcode, "level": record.level} | _about(session, who, asked)
    raise AssertionError("the last margin is infinite")


def suggest(
    session: Session, who: Principal, asked: Asked, *, count: int, candidates: Literal["cells", "premises"]
) -> dict[str, Any]:
    """The places that add most covered demand, each with what it adds. Raises `PointsNotFound` without premises."""
    premises = candidates == "premises"
    record = permit(session, who, asked, premises=premises)
    found, box = _regions(session, record, None)
    listed = None
    if premises:
        (lon, lat, _), names = points.packed(session, who.organisation, "premises", box)
        listed = siting.Premises(lon, lat, tuple(names))
    ground = next(_grounds(session, who, asked, box))
    result = work_out(session, siting.choose, found[0], ground, asked.reach, count, listed)
    result = _placed(session, result, [site["geometry"]["coordinates"] for site in result["features"]])
    return result | {"region": record.adcode, "level": record.level} | _about(session, who, asked)
