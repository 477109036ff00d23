"""The demonstration networks that are measured, each in a private cluster of its own, kept for the next run."""

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from bench import DATA, OURS, ROOT
from bench.places import HOW_MANY, SEED, places
from geo import embedded

SIZES = {30_000: "30k", 200_000: "200k", 1_000_000: "1M"}
PREPARE = Path(__file__).with_name("prepare.sql").read_text()
# What the tables of the bench were made by, kept as a comment on one of them.
RECIPE = hashlib.sha256(f"{PREPARE} {HOW_MANY} {SEED}".encode()).hexdigest()


@dataclass(frozen=True)
class Network:
    """A network whose cluster runs: where, and what share of the usable stations have a working shower."""

    stations: int
    data_dir: Path
    cluster: embedded.Cluster
    shower_share: float

    @property
    def postmaster(self) -> int:
        """The process of the cluster; all its backends are below it."""
        return int((self.cluster.data_dir / "postmaster.pid").read_text().partition("\n")[0])


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what would lead a server elsewhere."""
    ours = ("YIZHAN_", "DATABASE_", "PG", "TIPG_", "POSTGRES_", "GRANIAN_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | more


def data_dir(stations: int) -> Path:
    """Where the network of this size is kept."""
    return DATA / str(stations)


def build(stations: int) -> None:
    """Make the network of this size unless it is there."""
    make(data_dir(stations), stations)


def make(where: Path, stations: int) -> None:
    """Make a network unless it is there; bring its schema to this version's."""
    DATA.mkdir(parents=True, exist_ok=True)
    if not embedded.exists(where):
        print(f"making a network of {stations:,} stations, once", flush=True)
    data, amount = ("--data", str(where)), ("--stations", str(stations), "--seed", "1", "--if-empty")
    for command in (("migrate", *data), ("demo", *amount, *data)):
        done = subprocess.run((OURS / "yizhan", *command), cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL)
        if done.returncode:
            raise SystemExit(f"{where} cannot be used: remove it, or mend what is said above.")


@contextlib.contextmanager
def opened(stations: int) -> Iterator[Network]:
    """The network of this size, its cluster running and at rest: statistics are fresh, nothing waits to be written."""
    with embedded.lease(data_dir(stations)) as cluster, psycopg.connect(cluster.owner_url, autocommit=True) as owner:
        made_by = owner.execute("SELECT obj_description(to_regclass('bench_place'), 'pg_class')").fetchone()
        if made_by != (RECIPE,):
            _prepare(owner)
        owner.execute("VACUUM (ANALYZE)")
        owner.execute("CHECKPOINT")
        share = owner.execute(
            "SELECT avg(CAST('shower' = ANY (working_facilities) AS integer)) FROM station"
            " WHERE publication_status = 'published' AND operational_status IN ('open', 'limited')"
        ).fetchone()
        yield Network(stations, data_dir(stations), cluster, float(share[0]) if share else 0.0)


def _prepare(owner: psycopg.Connection) -> None:
    with owner.transaction():
        owner.execute(PREPARE.encode())
        owner.execute(sql.SQL("COMMENT ON TABLE bench_place IS {}").format(RECIPE))
        with owner.cursor().copy("COPY bench_place FROM STDIN") as copy:
            for number, place in enumerate(places(), start=1):
                copy.write_row((number, f"SRID=4326;POINT({place.lon} {place.lat})"))
