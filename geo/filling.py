"""Filling empty tables: what every row would pay for is taken off, and made for all of them at the end.

Foreign keys and plain indexes, in the caller's transaction: whoever looks on sees the tables as they were or filled
and whole. Locks the tables against everybody, so it is for a registry that is empty.
"""

import contextlib
from collections.abc import Iterator, Sequence

from sqlalchemy import text
from sqlmodel import Session

from geo import db

BUILD_MEMORY = "256MB"  # for building indexes: those of a million stations fit


@contextlib.contextmanager
def lightened(session: Session, tables: Sequence[str]) -> Iterator[None]:
    """Meanwhile these tables have neither foreign keys nor plain indexes, where the login may take them off."""
    burdens = session.execute(db.sql("filling"), {"tables": list(tables)}).all()
    with as_login(session):
        for burden in burdens:
            session.execute(text(burden.off))
    yield
    with as_login(session):
        session.execute(text("SELECT set_config('maintenance_work_mem', :memory, true)"), {"memory": BUILD_MEMORY})
        for burden in burdens:
            session.connection().exec_driver_sql(burden.back)


@contextlib.contextmanager
def as_login(session: Session) -> Iterator[None]:
    """Meanwhile what the login may do, not what the application may."""
    role = session.scalar(text("SELECT current_setting('role')"))
    session.execute(text("SELECT set_config('role', 'none', true)"))
    yield
    session.execute(text("SELECT set_config('role', :role, true)"), {"role": role})
