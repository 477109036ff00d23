"""Runs the revisions: one transaction each, an advisory lock round the run, short lock waits."""

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection, create_engine, pool, text

from geo import tables_audits, tables_custody, tables_visits

OURS = (tables_audits, tables_custody, tables_visits)  # tables of the same metadata: to import them is enough

# Any constant will do; it only has to be the same in every process that migrates.
MIGRATION_LOCK = 0x59495A48414E


def run(connection: Connection) -> None:
    """Bring the connected database to the wanted revision while holding the migration lock."""
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    # A migration must not queue behind a long transaction and block every reader behind itself.
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.execute(text("SET statement_timeout = '15min'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=tables_visits.metadata,
        transaction_per_migration=True,
        compare_type=True,
        include_object=alembic_helpers.include_object,
        process_revision_directives=alembic_helpers.writer,
        render_item=alembic_helpers.render_item,
    )
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


def run_with_own_engine() -> None:
    """Connect as `sqlalchemy.url` says and run; the connection is closed even when a revision fails."""
    url = context.config.get_main_option("sqlalchemy.url")
    assert url, "alembic is run through geo.db.migrate, which sets sqlalchemy.url"  # noqa: S101 - programming error
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        run(connection)


run_with_own_engine()
