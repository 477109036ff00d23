"""Keeping a directory current: a thread that reads the change feed twice a second and swaps the directory whole.

It takes every change whose transaction the snapshot before could not see yet, so one that is committed late is not
missed, and reads the stations anew. Without the database the last directory goes on serving, or the one that was kept
on disk; with it, what was kept is believed once it agrees with what the database counts.
"""

import contextlib
import ctypes
import gc
import logging
import threading
import time
from collections.abc import Iterator

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from geo import db, directory_changes, errors, holidays
from geo.directory import Directory
from geo.directory_shelf import Kept, Shelf
from geo.directory_stock import Stock

log = logging.getLogger("yizhan")

POLL_S = 0.5
PATIENCE_S = 5.0  # without news from the database before the directory counts as out of date


class Follower:
    """The directory of a database, as current as it can be: `start()`, ask `directory`, `stop()`."""

    def __init__(self, engine: Engine, poll_s: float = POLL_S, shelf: Shelf | None = None) -> None:
        self._engine, self._poll_s, self._shelf = engine, poll_s, shelf
        self._directory: Directory | None = None
        self._believed = False  # that it holds what the database does
        self._divisions = ""
        self._shelved: Stock | None = None
        self._seen: frozenset[int] = frozenset()  # transactions
        self._fresh_at = float("-inf")
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to follow; the first directory is there once `wait` says so."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._follow, name="directory", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Follow no more; the directory stays as it is, and is kept for the next to start."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._keep()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the first directory; say whether it is there."""
        return self._ready.wait(timeout_s)

    @property
    def current(self) -> Directory | None:
        """The newest directory; None while there is none yet."""
        return self._directory

    @property
    def directory(self) -> Directory:
        """The newest directory. Raises `DatabaseUnavailable` while there is none."""
        if self._directory is None:
            raise errors.DatabaseUnavailable
        return self._directory

    @property
    def age_s(self) -> float:
        """Seconds since the directory was last known to be what the database has."""
        return time.monotonic() - self._fresh_at

    @property
    def healthy(self) -> bool:
        """Whether the database is being followed now."""
        return self.age_s < PATIENCE_S and self._thread is not None and self._thread.is_alive()

    def refresh(self) -> None:
        """Take in what has changed. Raises `DatabaseUnavailable`; the directory is then what it was."""
        asked_at = time.monotonic()
        known = self._directory or self._take()
        try:
            following = self._caught_up(known) if known else self._load()
            if not self._believed and not self._agrees(following):
                log.warning("the directory that was kept is not what the database holds; it is read anew")
                following = self._load()
        except errors.DatabaseUnavailable:
            if known and not self._directory:  # better what was true some time ago, and says so, than nothing
                self._publish(known)
            raise
        self._believed = True
        self._publish(following)
        self._fresh_at = asked_at

    def _publish(self, directory: Directory) -> None:
        directory.prepare(directory.as_of)
        self._directory = directory
        self._ready.set()

    def _take(self) -> Directory | None:
        if self._shelf is None:
            return None
        with _unhindered():
            kept = self._shelf.take()
        if kept is None:
            return None
        self._divisions, self._shelved = kept.divisions, kept.directory.stock
        return kept.directory

    def _keep(self) -> None:
        """Keep the directory on disk, if its stations are others than those that are kept there."""
        directory = self._directory
        if self._shelf and directory and self._believed and directory.stock is not self._shelved:
            self._shelf.put(Kept(directory, self._divisions))
            self._shelved = directory.stock

    def _agrees(self, directory: Directory) -> bool:
        with db.session(self._engine) as session:
            tally = session.execute(db.sql("directory_tally")).one()
            divisions = session.scalar(db.sql("division_names"))
        return directory.tally == tuple(tally) and self._divisions == divisions

    def _follow(self) -> None:
        failing = False
        while not self._stopping.is_set():
            try:
                self.refresh()
                if self._shelved is None:
                    self._keep()
                failing = False
            except (errors.YizhanError, SQLAlchemyError) as error:
                (log.debug if failing else log.warning)("the directory cannot be brought up to date: %s", error)
                failing = True
            except Exception:
                log.exception("the directory cannot be brought up to date")
            self._stopping.wait(self._poll_s)

    def _load(self) -> Directory:
        self._seen = frozenset()
        with db.session(self._engine.execution_options(isolation_level="REPEATABLE READ")) as session:
            # The bound of a request is too short for a million stations on a busy machine.
            session.execute(text("SELECT set_config('statement_timeout', '0', true)"))
            with _unhindered():
                loaded = Directory.load(session)
            self._divisions = session.scalar(db.sql("division_names")) or ""
        self._believed = True
        return loaded

    def _caught_up(self, known: Directory) -> Directory:
        with db.session(self._engine) as session:
            feed = session.execute(db.sql("directory_feed"), {"position": known.position}).all()
            calendar = holidays.current(session)
        head, told = feed[0], {change.xid: change.stations for change in feed if change.xid is not None}
        # Another database, or this one as it was: transactions that we have seen the end of are yet to come.
        if head.epoch != known.epoch or head.xmax < known.position:
            log.warning("the database is another one, or was restored; the directory is read anew")
            return self._load()
        new = {station for xid, stations in told.items() if xid not in self._seen for station in stations.split(",")}
        if new:
            known = known.apply(directory_changes.read(self._engine, list(new), known.stock.lexicon), head.at)
        self._seen = frozenset(xid for xid in told if xid >= head.xmin)
        return known.by_calendar(calendar).moved(head.at, head.xmin)


@contextlib.contextmanager
def _unhindered() -> Iterator[None]:
    """Make a directory without the collector: millions of objects come and few go, and it would look through them again
    and again, for a second. What is there afterwards is there to stay, and looking it through would hold up answers."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
    give_back()


def give_back() -> None:
    """Return freed memory to the system, where the C library can; reading 200,000 stations leaves 29 MB of it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
