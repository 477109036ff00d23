"""The ground: up, down and up again; what stands there is what `geo.tables` says."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from geoalchemy2 import alembic_helpers
from sqlalchemy import create_engine, text

from geo import db, tables_visits, vocabulary
from tests.conftest import at

VERSIONS = sorted((Path(__file__).parents[2] / "migrations" / "versions").glob("[0-9]*.py"))


def revision(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def empty_url(server: str):
    name = f"t_migrations_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield at(server, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def objects(url: str) -> set[tuple[str, str]]:
    """Tables, indexes, views, functions and triggers of ours."""
    ours = """
        SELECT 'relation', relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
        UNION ALL SELECT 'function', proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
        UNION ALL SELECT 'trigger', tgname FROM pg_trigger WHERE NOT tgisinternal"""
    with psycopg.connect(url) as connection:
        return set(connection.execute(ours).fetchall())


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")
def test_up_down_up_leaves_no_drift(empty_url: str):
    with psycopg.connect(empty_url) as connection:
        connection.execute("CREATE EXTENSION postgis")
    bare = objects(empty_url)
    db.migrate(empty_url)
    first = objects(empty_url)
    db.migrate(empty_url, "base")
    left = objects(empty_url) - bare
    db.migrate(empty_url)
    assert left == {("relation", "alembic_version"), ("relation", "alembic_version_pkc")}
    assert objects(empty_url) == first
    engine = create_engine(db.psycopg_url(empty_url))
    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": alembic_helpers.include_object}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables_visits.metadata) == []
    engine.dispose()


def test_the_schema_constant_is_the_newest_revision():
    assert revision(VERSIONS[-1]).revision == db.SCHEMA
    assert [path.name[:4] for path in VERSIONS] == [f"{n:04d}" for n in range(1, len(VERSIONS) + 1)]


def test_revisions_import_nothing_of_ours():
    for path in VERSIONS:
        imported = [line for line in path.read_text().splitlines() if line.startswith(("from ", "import "))]
        assert imported == ["from alembic import op"], path.name


@pytest.mark.parametrize(
    ("constraint", "enumeration"),
    [
        ("organisation_kind_check", vocabulary.OrganisationKind),
        ("api_key_role_check", vocabulary.Role),
        ("station_kind_check", vocabulary.StationKind),
        ("station_tier_check", vocabulary.Tier),
        ("station_entry_modes_check", vocabulary.EntryMode),
        ("station_serves_check", vocabulary.Serves),
        ("station_hours_calendar_check", vocabulary.HoursCalendar),
        ("station_operational_status_check", vocabulary.OperationalStatus),
        ("station_publication_status_check", vocabulary.PublicationStatus),
        ("station_facility_facility_check", vocabulary.Facility),
        ("station_facility_status_check", vocabulary.FacilityStatus),
        ("visit_method_check", vocabulary.VisitMethod),
        ("check_in_outcome_check", vocabulary.CheckinOutcome),
        ("check_in_facility_check", vocabulary.Facility),
    ],
)
def test_the_database_knows_the_words_of_the_vocabulary(session, constraint, enumeration):
    definition = session.scalar(
        text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"), {"name": constraint}
    )
    allowed = {part.split("'")[1] for part in definition.split("::text") if "'" in part}
    assert allowed == {member.value for member in enumeration}


def test_a_migrated_database_says_it_is_ready_and_an_empty_one_says_what_to_do(empty_url: str):
    engine = db.make_engine(empty_url)
    assert "yizhan migrate" in db.unready(engine)[0]
    db.migrate(empty_url)
    assert db.unready(engine) == []
    engine.dispose()
