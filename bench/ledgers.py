"""The ledgers of the bench: an empty one and one of twenty million rows, each in a cluster of its own."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench import DATA, OURS, ROOT, WORK, networks
from bench.networks import Network, environment
from geo import embedded

STATIONS = 30_000
EMPTY, FULL = "0", "20M"
FILL = Path(__file__).with_name("visits_fill.sql").read_text()
# The same columns and checks without what makes totals, for those who only insert.
BARE = """
    CREATE TABLE bench_visit (LIKE visit INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
    INSERT INTO bench_visit SELECT * FROM visit;
    ALTER TABLE bench_visit ADD PRIMARY KEY (station_id, id);
    GRANT INSERT, SELECT ON bench_visit TO yizhan_app"""


@dataclass(frozen=True)
class Ledger:
    """A ledger whose cluster runs, the key of a host, and the file of the host's stations."""

    size: str
    network: Network
    key: str
    stations: Path

    @property
    def rows(self) -> int:
        """How many visits it holds now."""
        with psycopg.connect(self.network.cluster.owner_url) as owner:
            row = owner.execute("SELECT count(*) FROM visit").fetchone()
        return int(row[0]) if row else 0

    def empty(self) -> None:
        """Begin anew, where this is the empty one."""
        if self.size == EMPTY:
            with psycopg.connect(self.network.cluster.owner_url) as owner:
                owner.execute("TRUNCATE visit, visit_day, visit_month, bench_visit")


def data_dir(size: str) -> Path:
    """Where the ledger of this size is kept."""
    return DATA / f"visits-{size}"


def build(size: str) -> None:
    """Make the network and its ledger unless they are there."""
    networks.make(data_dir(size), STATIONS)
    hurried = embedded.lease(data_dir(size), durable=False)
    with hurried as cluster, psycopg.connect(cluster.owner_url, autocommit=True) as owner:
        if size == FULL and owner.execute("SELECT 1 FROM visit LIMIT 1").fetchone() is None:
            print("making a ledger of 20 million visits, once: some ten minutes", flush=True)
            execute(owner, FILL)
        if owner.execute("SELECT to_regclass('bench_visit')").fetchone() == (None,):
            execute(owner, BARE)
            prove(size)


def execute(owner: psycopg.Connection, script: str) -> None:
    """Statement by statement, with room to sort in."""
    owner.execute("SET maintenance_work_mem = '1GB'; SET work_mem = '512MB'")
    for statement in filter(str.strip, script.split(";")):
        owner.execute(statement.encode())
    owner.execute("RESET ALL")


def prove(size: str) -> None:
    """Every total is what the ledger adds up to, or the numbers mean nothing."""
    command = (OURS / "yizhan", "audit", "rollups", "--data", str(data_dir(size)))
    done = subprocess.run(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{data_dir(size)}: {done.stdout[-300:]}")


@contextlib.contextmanager
def opened(size: str) -> Iterator[Ledger]:
    """The ledger of this size, its cluster running, durable and at rest."""
    build(size)
    with embedded.lease(data_dir(size)) as cluster:
        with psycopg.connect(cluster.owner_url, autocommit=True) as owner:
            owner.execute("VACUUM (ANALYZE)")
            owner.execute("CHECKPOINT")
            host = owner.execute(
                "SELECT managed_by, array_agg(id ORDER BY id) FROM station WHERE publication_status = 'published'"
                " AND managed_by IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
            ).fetchone()
        if host is None:
            raise SystemExit(f"{data_dir(size)} has no station that anybody manages: remove it.")
        WORK.mkdir(parents=True, exist_ok=True)
        stations = WORK / f"visits-{size}.stations"
        stations.write_text("".join(f"{station}\n" for station in host[1]))
        yield Ledger(size, Network(STATIONS, data_dir(size), cluster, 0.0), key_of(size, host[0]), stations)


def key_of(size: str, organisation: str) -> str:
    """A new key of a host."""
    whose = ("--organisation", organisation, "--role", "host", "--data", str(data_dir(size)))
    command = (str(OURS / "yizhan"), "keys", "create", *whose)
    return subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, check=True, text=True
    ).stdout.strip()
