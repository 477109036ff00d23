"""Whose turn it is to register, so that no two enter the same station.

Registration looks for the same name nearby, which no unique key can guard: single stations wait for each other, some
milliseconds. A file takes a minute, so it goes in beside them and takes its turn at the end; another file waits for it.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from geo import db, errors

T = TypeVar("T")

STATIONS, FILES = 0x59495A, 0x59495B
PATIENCE_S, PAUSE_S = 60.0, 0.01


class _Overtaken(Exception):
    pass


def take(session: Session) -> None:
    """Wait until no other registration is under way, and hold up the next until this transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": STATIONS})


def beside(session: Session, work: Callable[[], T]) -> T:
    """What `work` makes of a file, as if it had had the turn all along; others go on registering meanwhile.

    Where they registered what `work` did too, it is undone and done again, from its beginning and in its turn.
    Raises `DatabaseUnavailable` where it does not get the turn within a minute.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": FILES})
    began = session.scalar(text("SELECT CAST(pg_current_snapshot() AS text)"))
    try:
        with session.begin_nested():
            done = work()
            _slip_in(session)
            if session.scalar(db.sql("station_overtaken"), {"began": began}):
                raise _Overtaken
            return done
    except _Overtaken:
        pass
    except DBAPIError as error:
        if not isinstance(db.translate(error), errors.HostRefTaken):
            raise
    take(session)
    return work()


def _slip_in(session: Session) -> None:
    """`take`, without ever standing in line: who has the turn may be waiting for a row of ours, until it gives up."""
    until = time.monotonic() + PATIENCE_S
    while not session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": STATIONS}):
        if time.monotonic() > until:
            raise errors.DatabaseUnavailable
        time.sleep(PAUSE_S)
