"""A connection that an event loop keeps, in libpq's own terms: for what is done a thousand times a second.

Each question is a transaction, committed by the server when it has answered.

Statements are prepared once, and while the database is at work the loop does something else: no thread waits for it,
and none has to be woken. A driver's cursor takes 50 µs of processor time a statement, most of it in Python; this
takes 15.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult
from sqlalchemy import Engine

from geo import db

# A statement may take 15 s (`db.HURRY`). Who has not answered by then does not answer any more.
PATIENCE_S = 20.0
LOST = "the connection is lost"
T = TypeVar("T")


class Wire:
    """A connection of its own, as the application role: one question at a time, each a transaction."""

    def __init__(self, driver: psycopg.Connection[tuple[Any, ...]]) -> None:
        """Take over a connection that nobody else uses; in a running loop."""
        self._driver, self._pgconn = driver, driver.pgconn
        self._socket = self._pgconn.socket  # libpq forgets it when the connection breaks
        self._reader = Transformer(driver)
        self._parameters: dict[str, Sequence[str]] = {}  # of each statement that is prepared, in its order
        self._columns: dict[str, Sequence[str]] = {}
        self._loop = asyncio.get_running_loop()
        self._coming: asyncio.Future[PGresult] | None = None
        self._result: PGresult | None = None
        self.is_open = True
        self._loop.add_reader(self._socket, self._heard)

    @classmethod
    async def open(cls, engine: Engine) -> "Wire":
        """A new connection to the engine's database. Raises `DatabaseUnavailable`."""
        connecting = asyncio.ensure_future(asyncio.to_thread(db.connect_apart, engine))
        try:
            return cls(await asyncio.shield(connecting))
        except asyncio.CancelledError:
            connecting.add_done_callback(_hang_up)
            raise

    def close(self) -> None:
        """Give up the connection, and whatever is under way."""
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._driver.close()
            if self._coming is not None and not self._coming.done():
                self._coming.set_exception(psycopg.OperationalError(LOST))

    async def answer(self, steps: db.Steps[T]) -> T:
        """Answer what is asked, each question in a transaction of its own; what comes of it.

        Speaks our errors; after any of them the connection is closed.
        """
        try:
            with db.translated_errors():
                return await self._conversed(steps)
        except BaseException:
            self.close()
            raise

    async def _conversed(self, steps: db.Steps[T]) -> T:
        try:
            ask = next(steps)
            while True:
                ask = steps.send(await self._answered(ask))
        except StopIteration as end:
            found: T = end.value
            return found

    async def _answered(self, ask: db.Ask) -> list[dict[str, Any]]:
        names = self._parameters.get(ask.name)
        if names is None:
            names, statement = numbered(db.plain(ask.name))
            self._pgconn.send_prepare(ask.name.encode(), statement)
            await self._sent()
            self._parameters[ask.name] = names
        values = [ask.given[name] for name in names]
        written = self._reader.dump_sequence(values, [PyFormat.TEXT] * len(values))
        self._pgconn.send_query_prepared(ask.name.encode(), written)
        return self._rows(ask.name, await self._sent())

    async def _sent(self) -> PGresult:
        """Send what is queued, and wait for its result. Raises the error that it is."""
        self._coming, self._result = self._loop.create_future(), None
        self._flush()
        silent = self._loop.call_later(PATIENCE_S, self.close)
        try:
            result = await self._coming
        finally:
            silent.cancel()
        if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise psycopg.errors.error_from_result(result)
        return result

    def _flush(self) -> None:
        """Send on, as far as the socket takes it."""
        try:
            if self._pgconn.flush():
                self._loop.add_writer(self._socket, self._flush)
            else:
                self._loop.remove_writer(self._socket)
        except psycopg.Error:
            self.close()

    def _heard(self) -> None:
        """Take what has come. Without a question that is the end: a server that stops says so."""
        try:
            self._pgconn.consume_input()
            self._take()
        except psycopg.Error:
            self.close()
        if self._pgconn.status != ConnStatus.OK:
            self.close()

    def _take(self) -> None:
        coming = self._coming
        while coming is not None and not coming.done() and not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is not None:
                self._result = result
            elif self._result is not None:
                coming.set_result(self._result)
            else:
                self.close()

    def _rows(self, name: str, result: PGresult) -> list[dict[str, Any]]:
        columns = self._columns.get(name)
        if columns is None:
            columns = self._columns[name] = [(result.fname(n) or b"").decode() for n in range(result.nfields)]
        self._reader.set_pgresult(result)
        return [dict(zip(columns, row, strict=True)) for row in self._reader.load_rows(0, result.ntuples, tuple)]


def _hang_up(connecting: asyncio.Future[psycopg.Connection[tuple[Any, ...]]]) -> None:
    """Close what nobody waits for any more."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()


def numbered(query: str) -> tuple[list[str], bytes]:
    """A query of the driver's as libpq takes it, each parameter by its number; and their names in that order."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    statement = re.sub(r"%\((\w+)\)s", number, query)
    return names, statement.replace("%%", "%").encode()
