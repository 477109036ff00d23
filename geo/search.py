"""Finding stations: the nearest to a rider, and lists by place, name, kind or manager, straight from PostGIS."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import RowMapping
from sqlmodel import Session

from geo import db, opening, regions
from geo.datum import Datum
from geo.opening import Moment
from geo.vocabulary import EntryMode, Facility, PublicationStatus, Serves, StationKind

# Dense areas answer in the first step, deserts in the last; each costs about a millisecond at 200,000 stations.
STEPS_M = (2_000.0, 10_000.0)
FARTHEST_M = 50_000.0


@dataclass(frozen=True)
class Wanted:
    """What a station must have to be shown; nothing said means anything goes."""

    facility: Sequence[Facility] = ()
    facility_any: Sequence[Facility] = ()
    kind: Sequence[StationKind] = ()
    serves: Sequence[Serves] = ()
    entry: Sequence[EntryMode] = ()
    managed_by: Sequence[str] = ()
    no_registration: bool = False
    open: bool = False

    def parameters(self) -> dict[str, Any]:
        """The filters as the queries take them: null where nothing is asked."""
        lists = ("facility", "facility_any", "kind", "serves", "entry", "managed_by")
        asked: dict[str, Any] = {name: [str(value) for value in getattr(self, name)] or None for name in lists}
        return asked | {"registration": False if self.no_registration else None}


ANYTHING = Wanted()


class Ask(NamedTuple):
    """What a rider asks of nearest: from a WGS-84 point, with positions answered in `crs`; `at` null is now."""

    lon: float
    lat: float
    crs: Datum = Datum.WGS84
    limit: int = 10
    radius_m: float | None = None
    wanted: Wanted = ANYTHING
    at: datetime | None = None


@dataclass(frozen=True)
class Nearest:
    """The stations found, nearest first, how far the search looked, and the moment it is true of."""

    stations: Sequence[RowMapping]
    searched_radius_m: float
    when: Moment


def answer(database: db.Database, asked: Ask) -> Nearest:
    """`nearest` as a rider asks it, in a transaction of its own."""
    with db.session(database) as session:
        when = opening.moment(session, asked.at)
        where, wanted = (asked.lon, asked.lat), asked.wanted
        return nearest(session, *where, limit=asked.limit, radius_m=asked.radius_m, wanted=wanted, when=when)


def nearest(
    session: Session,
    lon: float,
    lat: float,
    *,
    limit: int = 10,
    radius_m: float | None = None,
    wanted: Wanted | None = None,
    when: Moment | None = None,
) -> Nearest:
    """The published stations open for use nearest to a WGS-84 point: by ellipsoidal distance, ties by id.

    Without `radius_m` the search widens to 50 km until it has `limit` stations. Each row is a station's card
    with `distance_m` and `bearing_deg` (null on the spot itself). Closures and hours are those of `when`.
    """
    farthest = radius_m if radius_m is not None else FARTHEST_M
    wanted, when = wanted or Wanted(), when or opening.moment(session)
    asked = {"lon": lon, "lat": lat, "limit": limit, **wanted.parameters(), **_clock(session, wanted, when)}
    for step in (*(step for step in STEPS_M if step < farthest), farthest):
        reach = session.execute(db.sql("nearest_reach"), asked | {"radius_m": step}).one()
        if reach.found >= limit or step == farthest:
            break  # a step with too few is not read: the next one finds them again
    rows = session.execute(db.sql("nearest"), asked | {"metres": reach.metres}).mappings().all()
    # Given a radius, everything within it counts as searched: the answer is the k nearest of all of it.
    searched = farthest if radius_m is not None else step
    return Nearest(rows, searched, when)


def _clock(session: Session, wanted: Wanted, when: Moment) -> dict[str, Any]:
    """What the queries need to know of the clock: the instant, and the rules open then when that is asked."""
    return {"at": when.at, "rules": opening.open_rules(session, when) if wanted.open else None}


@dataclass(frozen=True)
class Listing:
    """Which stations a list holds; `None` is no restriction."""

    bbox: tuple[float, float, float, float] | None = None
    region: str | None = None
    level: str | None = None
    q: str | None = None
    wanted: Wanted = field(default_factory=Wanted)
    updated_since: datetime | None = None
    external_id: tuple[str, str] | None = None  # whose, and what


def page(
    session: Session, listing: Listing, *, limit: int, after: UUID | None = None, when: Moment
) -> list[RowMapping]:
    """Up to `limit` published stations in the order of their ids, beginning after the id `after`.

    `bbox` is west, south, east, north in WGS-84. Raises `RegionNotFound`.
    """
    asked = _listed(session, listing) | _clock(session, listing.wanted, when) | {"limit": limit, "after": after}
    return list(session.execute(db.sql("station_list"), asked).mappings())


class Cells(NamedTuple):
    """How many stations there are in each square that holds any, and where they stand on average, WGS-84."""

    stations: NDArray[np.intp]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


def cells(session: Session, listing: Listing, *, cell_deg: float, when: Moment) -> Cells:
    """The stations that `page` would list in a bbox, counted by squares of `cell_deg` degrees, from the south-west."""
    asked = _listed(session, listing) | _clock(session, listing.wanted, when) | {"cell_deg": cell_deg}
    rows = session.execute(db.sql("station_cells"), asked).all()
    return Cells(
        np.array([row.stations for row in rows], np.intp),
        *(np.array([getattr(row, axis) for row in rows], float) for axis in ("lon", "lat")),
    )


def count(database: db.Database, listing: Listing, *, cell_deg: float, at: datetime | None) -> tuple[Cells, datetime]:
    """`cells` in a transaction of its own, and the instant they are true of."""
    with db.session(database) as session:
        when = opening.moment(session, at)
        return cells(session, listing, cell_deg=cell_deg, when=when), when.at


def _listed(session: Session, listing: Listing) -> dict[str, Any]:
    level = regions.filter_level(session, listing.region, listing.level) if listing.region else None
    west, south, east, north = listing.bbox or (None, None, None, None)
    text = listing.q or ""
    pattern = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return {
        **listing.wanted.parameters(),
        "west": west,
        "south": south,
        "east": east,
        "north": north,
        "level": level,
        "region": listing.region,
        "q": f"%{pattern}%" if pattern else None,
        "q_has_cases": text.lower() != text.upper(),
        "updated_since": listing.updated_since,
        "external_id": orjson.dumps(dict([listing.external_id])).decode() if listing.external_id else None,
        "publication": [PublicationStatus.PUBLISHED.value],
    }
