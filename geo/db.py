"""The way to PostgreSQL: one engine a process, one transaction a request, errors in our own words.

`connect` finds or starts the database; `session` is the only place that commits (of `connect_apart` each statement is a
transaction).
"""

import contextlib
import logging
import re
import threading
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import orjson
import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Connection, Engine, TextClause, create_engine, make_url, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from geo import embedded, errors
from geo.settings import Settings

log = logging.getLogger("yizhan")

# The newest revision under migrations/versions; a test holds the two equal.
SCHEMA = "0008"

# Constraint name -> what it means to the caller. What is not here is a mistake of ours and stays a 500.
CONSTRAINTS: Mapping[str, type[errors.YizhanError]] = {
    "organisation_pkey": errors.OrganisationExists,
    "organisation_parent_fkey": errors.OrganisationNotFound,
    "api_key_organisation_fkey": errors.OrganisationNotFound,
    "station_managed_by_fkey": errors.OrganisationNotFound,
    "station_host_fkey": errors.OrganisationNotFound,
    "station_sponsor_fkey": errors.OrganisationNotFound,
    "station_supervising_union_fkey": errors.OrganisationNotFound,
    "station_host_ref_key": errors.HostRefTaken,
    "station_move_check": errors.IllegalMove,
    "organisation_tree_check": errors.OrganisationRing,
    "custody_request_station_id_key": errors.CustodyPending,
    "custody_request_to_organisation_fkey": errors.OrganisationNotFound,
    "review_assignment_organisation_fkey": errors.OrganisationNotFound,
}

# Classes of SQLSTATE that mean "not now": connection (08), resources and disk (53), operator (57), I/O (58).
NOT_NOW = ("08", "53", "57", "58")
LOCK_NOT_AVAILABLE, SERIALIZATION_FAILURE, DEADLOCK, READ_ONLY = "55P03", "40001", "40P01", "25006"

SURROGATE = re.compile("[\ud800-\udfff]")


# A slow database is a 503, and never a hang.
HURRY = "-c statement_timeout=15s -c lock_timeout=5s"


@dataclass(frozen=True)
class Actor:
    """Who acts: a key's prefix or `operator` (the command line), for which organisation, and why."""

    name: str
    organisation: str = ""
    reason: str = ""


T = TypeVar("T")

# A connection in a transaction of its own is as good as an engine: each session is a savepoint in it.
Database = Engine | Connection

OPERATOR = Actor("operator")
READER = Actor("")  # reads only: the database refuses a change of a station without an actor


@contextlib.contextmanager
def connect(settings: Settings, *, as_owner: bool = False, serving: bool = False) -> Iterator[Engine]:
    """The database of these settings: the server `DATABASE_URL` names, else a private cluster, made ready.

    Raises `SchemaOutdated` when somebody else's server needs `yizhan migrate` first. When `serving`, the engine
    may yet fail (`unready` says why), and a private cluster that dies is started again.
    """
    with contextlib.ExitStack() as stack:
        if settings.database_url:
            owner_url = settings.database_owner_url or settings.database_url
            url = owner_url if as_owner else settings.database_url
        else:
            cluster = stack.enter_context(embedded.lease(settings.data_dir))
            url = cluster.owner_url if as_owner else cluster.app_url
            if not is_current(cluster.owner_url):
                migrate(cluster.owner_url)
            if serving:
                stack.enter_context(kept_alive(cluster))
        engine = make_engine(url, hurried=serving)
        stack.callback(engine.dispose)
        if not serving and (reasons := unready(engine)):
            raise errors.SchemaOutdated(" ".join(reasons))
        yield engine


@contextlib.contextmanager
def kept_alive(cluster: embedded.Cluster) -> Iterator[None]:
    """Look after a private cluster once a second, and start it again when it has died."""
    leaving = threading.Event()

    def watch() -> None:
        while not leaving.wait(1.0):
            try:
                if not embedded.is_alive(cluster):
                    log.warning("the private cluster died; starting it again")
                    embedded.revive(cluster)
            except errors.ClusterFailed as error:
                log.error("%s", error)

    watcher = threading.Thread(target=watch, name="cluster-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        leaving.set()
        watcher.join()


def unready(engine: Database) -> list[str]:
    """Why the database cannot be worked with yet; nothing when it can. Raises `DatabaseUnavailable`."""
    with session(engine, as_owner=True) as asking:  # the application role may not be there yet
        if asking.scalar(text("SELECT to_regclass('alembic_version')")) is None:
            return ["The database is empty; run `yizhan migrate`."]
        found = asking.scalar(text("SELECT version_num FROM alembic_version"))
    return [] if found == SCHEMA else [f"The schema is at {found}, this version needs {SCHEMA}; run `yizhan migrate`."]


def make_engine(url: str, *, pool_size: int = 10, hurried: bool = False) -> Engine:
    """An engine; when `hurried`, all its waits are bounded, so that a slow database is a 503 and never a hang.

    An import of the operator's may take its time, but does not wait for ever for a lock.
    """
    waits = HURRY if hurried else "-c lock_timeout=60s"
    return create_engine(
        psycopg_url(url),
        pool_size=pool_size,
        max_overflow=10,
        pool_timeout=5,
        pool_pre_ping=True,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        # Custom plans because the filters decide the index.
        connect_args=_connect_args(f"{waits} -c plan_cache_mode=force_custom_plan"),
    )


def connect_apart(engine: Engine) -> psycopg.Connection[tuple[Any, ...]]:
    """A new connection of the driver's to the engine's database, none of its pool; in a hurry, as the application.

    Each statement is a transaction, and keeps the plan it was first given: for what goes by keys, whichever are asked,
    and costs more to plan than to run. Raises `DatabaseUnavailable`.
    """
    _, given = engine.dialect.create_connect_args(engine.url)
    given.pop("context", None)  # SQLAlchemy's
    options = _connect_args(f"{HURRY} -c plan_cache_mode=force_generic_plan -c role=yizhan_app")
    with translated_errors():
        return psycopg.connect(**{**given, **options}, autocommit=True)


def _connect_args(options: str) -> dict[str, Any]:
    # jit costs more than our queries take.
    options = f"{options} -c timezone=UTC -c jit=off"
    return {"connect_timeout": 3, "application_name": "yizhan", "options": options}


def psycopg_url(url: str) -> str:
    """The SQLAlchemy form of a `postgresql://` address."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


@contextlib.contextmanager
def session(engine: Database, actor: Actor = READER, *, as_owner: bool = False) -> Iterator[Session]:
    """One transaction: commits at the end, rolls back on any error, speaks our errors.

    `actor` goes into the history of every station changed. Everything but migrations and region loading runs
    as the application role, whatever the login.
    """
    with translated_errors(), Session(engine, expire_on_commit=False) as session:
        rows(session, "transaction", role="none" if as_owner else "yizhan_app")
        if actor is not READER:
            act_as(session, actor)
        yield session
        session.commit()


@contextlib.contextmanager
def released(session: Session) -> Iterator[None]:
    """Something slow meanwhile: what was written stands, and neither locks nor a connection are held over it.

    The key's day of last use, for one, would hold up every other request with that key.
    """
    role = session.scalar(text("SELECT current_setting('role')"))
    session.commit()
    yield
    session.execute(text("SELECT set_config('role', :role, true)"), {"role": role})


def act_as(session: Session, actor: Actor) -> None:
    """From here on this transaction is `actor`'s, in the history of whatever it changes."""
    session.execute(
        text(
            "SELECT set_config('yizhan.actor', :actor, true), set_config('yizhan.organisation', :org, true),"
            " set_config('yizhan.reason', :reason, true)"
        ),
        {"actor": actor.name, "org": actor.organisation, "reason": actor.reason},
    )


def because(session: Session, reason: str | None) -> None:
    """Why the changes of this transaction are made, for the history."""
    session.execute(text("SELECT set_config('yizhan.reason', :reason, true)"), {"reason": reason or ""})


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turn what the driver raises into `geo.errors`, by constraint name and SQLSTATE, never by its text."""
    try:
        yield
    except PoolTimeout as error:
        raise errors.DatabaseUnavailable from error
    except (DBAPIError, psycopg.Error) as error:
        raise translate(error) from error


def translate(error: DBAPIError | psycopg.Error) -> Exception:
    """The error of ours that a driver's error means; the same error where it means a mistake of ours."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None) or ""
    constraint = cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None
    if constraint is not None and constraint in CONSTRAINTS:
        return CONSTRAINTS[constraint]()
    if constraint and constraint.startswith("station_") and state == "23514":
        field = constraint.removeprefix("station_").removesuffix("_check")
        return errors.InvalidInput(problems=[errors.Problem((field,), "breaks a rule of the registry")])
    if state[:2] in NOT_NOW or state in {LOCK_NOT_AVAILABLE, SERIALIZATION_FAILURE, DEADLOCK, READ_ONLY}:
        return errors.DatabaseUnavailable()
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or (not state and isinstance(cause, psycopg.OperationalError)):
        return errors.DatabaseUnavailable()
    return error


def analyse(session: Session) -> None:
    """Tell the planner what is in the tables now; the owner may, for another login it is left to autovacuum."""
    session.execute(text("ANALYZE station, station_facility, closure"))


def unstorable(value: str) -> str:
    """Why PostgreSQL cannot hold this text; empty when it can."""
    if "\x00" in value:
        return "expected text without NUL characters (U+0000)"
    return "" if value.isascii() or not SURROGATE.search(value) else "expected text without halves of surrogate pairs"


@cache
def sql(name: str) -> TextClause:
    """The query in `geo/sql/<name>.sql`."""
    return text(resources.files("geo").joinpath("sql", f"{name}.sql").read_text())


class Ask(NamedTuple):
    """A query in `geo/sql`, and what it is asked."""

    name: str
    given: Mapping[str, Any]


# What asks the database without knowing by which way: it yields a question, and is sent its rows.
Steps = Generator[Ask, list[dict[str, Any]], T]


def answer(session: Session, steps: Steps[T]) -> T:
    """Answer what is asked, all in the session's transaction; what comes of it. `geo.wire` does so in an event loop."""
    try:
        ask = next(steps)
        while True:
            ask = steps.send(rows(session, ask.name, **ask.given))
    except StopIteration as end:
        found: T = end.value
        return found


def rows(session: Session, name: str, **given: Any) -> list[dict[str, Any]]:
    """What the query in `geo/sql/<name>.sql` answers, asked of the driver itself, in the session's transaction.

    For what is done thousands of times a second: 25 µs of processor time a statement instead of 140.
    """
    with driver_of(session).cursor(row_factory=dict_row) as cursor:
        cursor.execute(plain(name), given)
        return cursor.fetchall() if cursor.description else []


def driver_of(session: Session) -> psycopg.Connection[tuple[Any, ...]]:
    """The driver's own connection in a session's transaction."""
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - a connection in use has one
    return driver


@cache
def plain(name: str) -> str:
    """The query in `geo/sql/<name>.sql` as the driver takes it."""
    return str(sql(name).compile(dialect=PGDialect_psycopg()))  # type: ignore[no-untyped-call]  # SQLAlchemy's


def is_current(url: str) -> bool:
    """Whether the database at `url` has the schema this version needs."""
    engine = make_engine(url, pool_size=1)
    try:
        return not unready(engine)
    finally:
        engine.dispose()


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to a revision (`head`, `base`, `0001`, …)."""
    from alembic import command  # 10 MB that a serving process never needs
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.set_main_option("sqlalchemy.url", psycopg_url(url).replace("%", "%%"))
    with translated_errors():
        if revision == "base":
            command.downgrade(config, revision)
        else:
            command.upgrade(config, revision)
