"""A synthetic network, marked as such, in the shape of the published one: for trying things out and for measuring.

The same seed and size give the same stations, identifiers included. Where they stand is `geo.demo_places`, what
they are called `geo.demo_names`; here they are put together and loaded.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlmodel import Session, insert

from geo import db, demo_places
from geo.demo_names import (
    CCB_HAVENS,
    COMMUNITIES,
    ENTRANCES,
    GOES_OFF,
    LEGAL_AID,
    MARK,
    NAMES,
    OFFERS,
    OFFSHORE_PROFILES,
    ORGANISATIONS,
    PROFILES,
    REGIMES,
    ROADS,
    RUNS_OUT,
    ZONES,
    ordinal,
    short,
)
from geo.demo_places import OFFSHORE, WHOLE, XINDU, Atlas, Division, Floats, Ints, Spots, Towns
from geo.errors import InvalidInput, NotEmpty, Problem
from geo.tables import Organisation

SIZES = (100, 1_000_000)
CHUNK = 20_000  # stations a COPY
NULL = r"\N"
NEWEST_CHECK = np.datetime64("2026-10-31T16:00")  # not today, or two days would give two networks
NORTH_DEG = 33.5  # about the line north of which houses have heating

KEYS = tuple(PROFILES)
MANNERS = tuple(PROFILES.values())
FITTINGS = tuple(OFFERS)


@dataclass(frozen=True)
class DemoReport:
    """What `build` made."""

    stations: int
    facilities: int
    organisations: int

    def __str__(self) -> str:
        return (
            f"{self.stations:,} synthetic stations with {self.facilities:,} facilities"
            f" of {self.organisations} organisations."
        )


@dataclass(frozen=True)
class Network:
    """The whole of it before the details: for each station its spot, and its sort as a number into `KEYS`."""

    seed: int
    atlas: Atlas
    towns: Towns
    spots: Spots
    profile: Ints
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)  # names by stratum


def build(
    session: Session, *, stations: int, seed: int, progress: Callable[[int], None] | None = None
) -> DemoReport:
    """Fill an empty registry with `stations` (100 to 1,000,000); `progress` hears how many are in.

    Raises `NotEmpty`, `RegionNotFound` when no divisions are loaded, `InvalidInput` for another size.
    """
    if not SIZES[0] <= stations <= SIZES[1]:
        message = f"expected a number from {SIZES[0]:,} to {SIZES[1]:,}"
        raise InvalidInput(problems=[Problem(("stations",), message, stations)])
    if session.scalar(text("SELECT EXISTS (SELECT FROM station)")):
        raise NotEmpty
    # What bounds a request is too small for this; and millions of look-ups by triggers need no plan of their own.
    session.execute(text("SET LOCAL statement_timeout = 0"))
    session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    network = _design(session, stations, seed)
    organisations = _found(session, network.atlas)
    facilities = _load(session, network, progress or (lambda done: None))
    _analyse(session)
    return DemoReport(stations, facilities, organisations)


def _design(session: Session, stations: int, seed: int) -> Network:
    rng = np.random.default_rng(seed)
    atlas = demo_places.read_atlas(session)
    towns = demo_places.read_towns(atlas)
    stratum = np.repeat(np.arange(len(atlas.strata)), demo_places.quotas(atlas, towns, stations))
    profile = _cast(rng, atlas, stratum)
    spread = np.array([manner.spread for manner in MANNERS])[profile]
    return Network(seed, atlas, towns, demo_places.settle(rng, atlas, towns, stratum, spread), profile)


def _cast(rng: np.random.Generator, atlas: Atlas, stratum: Ints) -> Ints:
    """What sort of station each is: first the published numbers, then by share."""
    province = np.array(atlas.province_of)[stratum]
    size = len(stratum)
    profile = np.full(size, -1)
    offshore = np.flatnonzero(np.isin(province, sorted(OFFSHORE)))
    profile[offshore] = rng.choice([KEYS.index(key) for key in OFFSHORE_PROFILES], len(offshore))
    profile[np.array(atlas.strata)[stratum] == XINDU] = KEYS.index("xindu")
    for code, whole in LEGAL_AID.items():
        there = np.flatnonzero(province == code)
        wanted = min(round(whole * size / WHOLE), len(there))
        profile[rng.choice(there, wanted, replace=False)] = KEYS.index("legal")
    free = np.flatnonzero(profile < 0)
    free = free[np.lexsort((rng.random(len(free)), stratum[free]))]  # shuffled within each stratum
    counts = np.bincount(stratum[free], minlength=len(atlas.strata))
    havens = demo_places.share_out(round(CCB_HAVENS * size / WHOLE), counts.astype(float))
    rank = np.arange(len(free)) - np.repeat(np.cumsum(counts) - counts, counts)
    profile[free] = _weighted(rng, [manner.share for manner in MANNERS], len(free))
    profile[free[rank < np.repeat(havens, counts)]] = KEYS.index("ccb")
    return profile


def _weighted(rng: np.random.Generator, weights: Sequence[float], size: int) -> Ints:
    """Numbers from 0, each as often as its weight says."""
    return rng.choice(len(weights), size, p=np.array(weights) / sum(weights))


def _organisation(slug: str, province: str) -> str:
    """The code of the organisation that does `slug`'s work in a province."""
    branch = ORGANISATIONS[slug].branch and province not in OFFSHORE
    return f"demo-{slug}-{province[:2]}" if branch else f"demo-{slug}"


def _found(session: Session, atlas: Atlas) -> int:
    """Enter the organisations, heads before branches; how many there are."""
    provinces = {division.province: division.names[0] for division in atlas.divisions}
    heads = [
        Organisation(code=f"demo-{slug}", name=f"{head.name}{MARK}", kind=head.kind, region="100000")
        for slug, head in ORGANISATIONS.items()
    ]
    branches = [
        Organisation(
            code=_organisation(slug, code),
            name=f"{head.branch.format(province=name)}{MARK}",
            kind=head.kind,
            parent=f"demo-{slug}",
            region=code,
        )
        for slug, head in ORGANISATIONS.items()
        for code, name in sorted(provinces.items())
        if head.branch and code not in OFFSHORE
    ]
    for rows in (heads, branches):
        session.execute(insert(Organisation), [row.model_dump(exclude={"created_at"}) for row in rows])
    return len(heads) + len(branches)


def _load(session: Session, network: Network, progress: Callable[[int], None]) -> int:
    """Copy the stations in, a chunk at a time; how many facilities they have."""
    session.execute(db.sql("demo_stage"))
    connection = session.connection().connection.driver_connection
    assert connection is not None  # noqa: S101 - a connection of an open session
    facilities, size = 0, len(network.profile)
    for start in range(0, size, CHUNK):
        columns = _columns(network, start, min(start + CHUNK, size))
        rows = "\n".join(map("\t".join, zip(*columns, strict=True)))
        session.execute(text("TRUNCATE demo_stage"))
        with connection.cursor().copy("COPY demo_stage FROM STDIN") as copy:
            copy.write(rows)
        session.execute(db.sql("demo_load"))
        facilities += sum(filter(None, (cell.count(",") + 1 for cell in columns[-1] if cell != "{}")))
        progress(min(start + CHUNK, size))
    return facilities


def _analyse(session: Session) -> None:
    """Tell the planner; only the owner may, and for another login autovacuum does it within a minute or so."""
    role = session.scalar(text("SELECT current_setting('role')"))
    session.execute(text("SELECT set_config('role', 'none', true)"))
    session.execute(text("ANALYZE station, station_facility"))
    session.execute(text("SELECT set_config('role', :role, true)"), {"role": role})


def _columns(network: Network, start: int, end: int) -> list[list[str]]:
    """The columns of `demo_stage` in their order, as COPY text."""
    rng = np.random.default_rng([network.seed, start])
    spots, profile = network.spots[start:end], network.profile[start:end]
    divisions = [network.atlas.divisions[number] for number in spots["division"]]
    province = [division.province for division in divisions]
    manners = [MANNERS[number] for number in profile]
    size = end - start
    ids = rng.bytes(16 * size).hex()
    managers = [_organisation(manner.manager, code) for manner, code in zip(manners, province, strict=True)]
    hosts = [_organisation(m.host, code) if m.host else NULL for m, code in zip(manners, province, strict=True)]
    ...
