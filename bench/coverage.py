"""Coverage and siting against the size of the region and of the network, and beside the exact union of PostGIS.

`python -m bench coverage` makes a demonstration network in a private cluster of its own. Every
figure is a first answer: remembered results are avoided by asking for another radius each time.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from bench import machine, results
from geo import coverage, db, demo, regions, workshop
from geo.access import Principal
from geo.coverage import Asked
from geo.settings import Settings

ADMIN = Principal("bench", "admin", "yz_bench")
PLACES = (("district", "410105"), ("city", "410100"), ("province", "410000"))
EXACT = """
    SELECT ST_Area(ST_Intersection(r.geom, ST_Union(ST_Buffer(s.location, :radius, 'quad_segs=16')::geometry))
                   ::geography)
           / ST_Area(r.geom::geography)
      FROM region r JOIN station s ON ST_DWithin(s.location::geometry, r.geom, 0.05)
     WHERE r.level = :level AND r.adcode = :adcode AND s.publication_status = 'published'
       AND s.operational_status IN ('open', 'limited')
     GROUP BY r.geom"""


def run(asked: argparse.Namespace) -> None:
    """Measure coverage and siting, and put the tables into RESULTS.md."""
    found = ["# How fast coverage is worked out", "", f"{machine.hardware()}, commit {machine.commit()}."]
    for stations in asked.stations:
        with network(stations) as session:
            for line in lines(session, stations, country=asked.country):
                print(line, flush=True)
                found.append(line)
    results.put(asked.results, "coverage", found)


def lines(session: Session, stations: int, *, country: bool) -> Iterator[str]:
    """The table of a network, line by line as it is measured."""
    yield from ("", f"## {stations:,} stations", "")
    yield "| region | coverage | gaps | 10 sites | PostGIS union | share, ours | exact |"
    yield "|---|---|---|---|---|---|---|"
    coverage.measured(session, ADMIN, Asked("410105", "district", radius_m=77))  # starts the process
    for level, adcode in PLACES:
        yield line(session, level, adcode, exact=level != "province")
    if country:
        took, _ = timed(lambda _: coverage.by_division(session, ADMIN, Asked("100000"), "district"), times=1)
        yield f"| the country by district | {took:.1f} s | | | | | |"


@contextmanager
def network(stations: int) -> Iterator[Session]:
    """A demonstration network of that size."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        settings = Settings(YIZHAN_DATA_DIR=Path(directory) / "data", DATABASE_URL=None)
        with db.connect(settings, as_owner=True) as engine:
            with db.session(engine, db.OPERATOR, as_owner=True) as session:
                regions.load(session)
                demo.build(session, stations=stations, seed=1, progress=lambda _: None)
                db.analyse(session)
            with db.session(engine) as session:
                yield session
        workshop.close()


def line(session: Session, level: str, adcode: str, *, exact: bool) -> str:
    """A line of the table."""
    measure, found = timed(lambda n: coverage.measured(session, ADMIN, Asked(adcode, level, radius_m=1_000 + n)))
    holes, _ = timed(lambda n: coverage.holes(session, ADMIN, Asked(adcode, level, radius_m=1_000 + n), limit=50))
    sites, _ = timed(
        lambda n: coverage.suggest(
            session, ADMIN, Asked(adcode, level, radius_m=1_000 + n), count=10, candidates="cells"
        )
    )
    union, share = "", ""
    if exact:
        asked = {"radius": 1_000, "level": level, "adcode": adcode}
        took, told = timed(lambda _: session.scalar(text(EXACT), asked), times=1)
        union, share = f"{took * 1000:,.0f} ms", f"{told or 0:.4f}"
    mine = found["area_share"]
    times = f"{measure * 1000:,.0f} ms | {holes * 1000:,.0f} ms | {sites * 1000:,.0f} ms"
    return f"| {found['name']} | {times} | {union} | {mine:.4f} | {share} |"


def timed(ask: Callable[[int], Any], times: int = 3) -> tuple[float, Any]:
    """The median time, seconds, and the first answer."""
    took, answers = [], []
    for number in range(times):
        begun = time.perf_counter()
        answers.append(ask(number))
        took.append(time.perf_counter() - begun)
    return median(took), answers[0]
