"""What is due by the clock and not by a request: keys of visitors' tokens are destroyed, months that are over closed.

A thread in every serving process; several that do the same at once do no harm.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from geo import checkins, db, errors, visit_figures

log = logging.getLogger("yizhan")

EVERY_S = 600.0


@contextlib.contextmanager
def running(engine: db.Database, every_s: float = EVERY_S) -> Iterator[None]:
    """Do what is due, now and every so often, until the end of the block; then what is under way is finished."""
    leaving = threading.Event()

    def tick() -> None:
        while True:
            strike(engine)
            if leaving.wait(every_s):
                return

    ticking = threading.Thread(target=tick, name="clock", daemon=True)
    ticking.start()
    try:
        yield
    finally:
        leaving.set()
        ticking.join()


def strike(engine: db.Database) -> None:
    """Do what is due. Without the database, or on a standby, it is left to the next time or to another process."""
    try:
        with db.session(engine) as session:
            destroyed = checkins.destroy_keys(session)
        more = True
        while more:
            with db.session(engine) as session:
                more = visit_figures.close_months(session)
    except (errors.YizhanError, SQLAlchemyError) as error:
        log.debug("the clock's work is put off: %s", error)
    else:
        if destroyed:
            log.info("%d keys of visitors' tokens destroyed", destroyed)
