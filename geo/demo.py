"""A synthetic network, marked as such, in the shape of the published one: for trying things out and for measuring.

The same seed and size give the same stations, identifiers included. Where they stand is `geo.demo_places`, of what
sort they are `geo.demo_profiles`, what their rows say `geo.demo_rows`.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from sqlalchemy import text
from sqlmodel import Session, insert

from geo import db, demo_places, demo_rows, filling
from geo.demo_places import OFFSHORE, WHOLE, XINDU, Atlas, Ints
from geo.demo_profiles import (
    CCB_HAVENS,
    LEGAL_AID,
    MARK,
    OFFSHORE_PROFILES,
    ORGANISATIONS,
    PROFILES,
    organisation_code,
)
from geo.demo_rows import KEYS, Batch, Network
from geo.errors import InvalidInput, NotEmpty, Problem
from geo.tables import Organisation

SIZES = (100, 1_000_000)
CHUNK = 10_000  # stations a COPY
MANY = 10_000
TABLES = ("station", "station_facility", "station_history", "station_change")


@dataclass(frozen=True)
class DemoReport:
    """What `build` made."""

    stations: int
    facilities: int
    organisations: int
    provinces: int

    def __str__(self) -> str:
        return (
            f"{self.stations:,} synthetic stations in {self.provinces} provinces, with {self.facilities:,} facilities,"
            f" of {self.organisations} organisations."
        )


def build(session: Session, *, stations: int, seed: int, progress: Callable[[int], None] | None = None) -> DemoReport:
    """Fill an empty registry with `stations` (100 to 1,000,000); `progress` hears how many are in.

    Raises `NotEmpty`, `RegionNotFound` when no divisions are loaded, `InvalidInput` for another size or a bad seed.
    """
    _check(stations, seed)
    if not is_empty(session):
        raise NotEmpty
    # What bounds a request is too small for this; and millions of look-ups by triggers need no plan of their own.
    session.execute(text("SET LOCAL statement_timeout = 0"))
    session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    network = _design(session, stations, seed)
    organisations = _found(session, network.atlas)
    # What is taken off a table and put back costs a small network more than it saves.
    with filling.lightened(session, TABLES if stations >= MANY else ()) as bare:
        enter = ("demo_rules", "demo_fill") if bare else ("demo_load",)
        facilities = _load(session, network, enter, progress or (lambda done: None))
    provinces = {network.atlas.divisions[number].province for number in set(network.spots["division"].tolist())}
    return DemoReport(stations, facilities, organisations, len(provinces))


def is_empty(session: Session) -> bool:
    """Whether the registry holds no station yet, of whatever status."""
    return not session.scalar(text("SELECT EXISTS (SELECT FROM station)"))


def _check(stations: int, seed: int) -> None:
    problems = []
    if not SIZES[0] <= stations <= SIZES[1]:
        problems.append(Problem(("stations",), f"expected a number from {SIZES[0]:,} to {SIZES[1]:,}", stations))
    if seed < 0:
        problems.append(Problem(("seed",), "expected 0 or a positive number", seed))
    if problems:
        raise InvalidInput(problems=problems)


def _design(session: Session, stations: int, seed: int) -> Network:
    rng = np.random.default_rng(seed)
    atlas = demo_places.read_atlas(session)
    towns = demo_places.read_towns(atlas)
    stratum = np.repeat(np.arange(len(atlas.strata)), demo_places.quotas(atlas, towns, stations))
    profile = _cast(rng, atlas, stratum)
    spread = np.array([sort.spread for sort in PROFILES.values()])[profile]
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
    profile[free] = _weighted(rng, [sort.share for sort in PROFILES.values()], len(free))
    profile[free[rank < np.repeat(havens, counts)]] = KEYS.index("ccb")
    return profile


def _weighted(rng: np.random.Generator, weights: Sequence[float], size: int) -> Ints:
    """Numbers from 0, each as often as its weight says."""
    return rng.choice(len(weights), size, p=np.array(weights) / sum(weights))


def _found(session: Session, atlas: Atlas) -> int:
    """Enter the organisations, heads before branches; how many there are."""
    provinces = {division.province: division.names[0] for division in atlas.divisions}
    heads = [
        Organisation(code=f"demo-{slug}", name=f"{head.name}{MARK}", kind=head.kind.value, region="100000")
        for slug, head in ORGANISATIONS.items()
    ]
    branches = [
        Organisation(
            code=organisation_code(slug, code),
            name=f"{head.branch.format(province=name)}{MARK}",
            kind=head.kind.value,
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


def _load(session: Session, network: Network, enter: Sequence[str], progress: Callable[[int], None]) -> int:
    """Copy the stations in, a chunk at a time, and have these queries enter them; how many facilities they have."""
    session.execute(db.sql("demo_stage"))
    connection = session.connection().connection.driver_connection
    assert connection is not None  # noqa: S101 - a connection of an open session
    facilities = 0
    for end, batch in _batches(network):
        session.execute(text("TRUNCATE demo_stage"))
        with connection.cursor().copy("COPY demo_stage FROM STDIN") as copy:
            copy.write(batch.copy_text)
        for query in enter:
            session.execute(db.sql(query))
        facilities += batch.facilities
        progress(end)
    return facilities


def _batches(network: Network) -> Iterator[tuple[int, Batch]]:
    """The stations by the chunk, and where each ends; the next is made while the database works on one."""
    starts = range(0, len(network.profile), CHUNK)
    with ThreadPoolExecutor(1) as maker:
        upcoming = maker.submit(demo_rows.batch, network, 0, CHUNK)
        for start in starts:
            ready = upcoming.result()
            if start != starts[-1]:
                upcoming = maker.submit(demo_rows.batch, network, start + CHUNK, start + 2 * CHUNK)
            yield min(start + CHUNK, len(network.profile)), ready
