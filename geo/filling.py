"""Filling empty tables: what every row would pay for is taken off, and made for all of them at the end.

Foreign keys, indexes and triggers, in the caller's transaction: whoever looks on sees the tables as they were or
filled and whole. What the triggers would have done is the caller's to do. Locks the tables against everybody, so it is
for a registry that is empty.
"""

import contextlib
from collections.abc import Iterator, Sequence

from sqlalchemy import text
from sqlmodel import Session

from geo import db

BUILD_MEMORY = "256MB"  # for building indexes: those of a million stations fit


@contextlib.contextmanager
def lightened(session: Session, tables: Sequence[str]) -> Iterator[bool]:
    """Meanwhile these tables are bare and the session is the login's; neither, and false, where others own them."""
    burdens = session.execute(db.sql("filling"), {"tables": list(tables)}).all()
    if not burdens:
        yield False
        return
    with _as_login(session):
        for burden in burdens:
            session.execute(text(burden.off))
        yield True
        session.execute(text("SELECT set_config('maintenance_work_mem', :memory, true)"), {"memory": BUILD_MEMORY})
        for burden in burdens:
            session.connection().exec_driver_sql(burden.back)


@contextlib.contextmanager
def _as_login(session: Session) -> Iterator[None]:
    """Meanwhile what the login may do, not what the application may."""
    role = session.scalar(text("SELECT current_setting('role')"))
    session.execute(text("SELECT set_config('role', 'none', true)"))
    yield
    session.execute(text("SELECT set_config('role', :role, true)"), {"role": role})
