"""A connection in libpq's own terms, for what is done a thousand times a second: prepared once, in few exchanges.

The driver's cursors take 50 µs of processor time a statement, most of it in Python; this takes 15. Transactions are
begun and ended by `geo.db`.
"""

import re
import select
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

Row = tuple[Any, ...]
Given = Mapping[str, str]  # parameters as text, by name


class Wire:
    """A driver's connection; `prepared` is what that connection knows already, and stays with it."""

    def __init__(
        self,
        driver: psycopg.Connection[Row],
        query: Callable[[str], str],
        prepared: dict[str, list[str]],
    ) -> None:
        self._pgconn = driver.pgconn
        self._reader = Transformer(driver)
        self._query, self._prepared = query, prepared
        self.recall()

    def recall(self) -> None:
        """See what is still prepared: after a rollback, whoever's it was, the driver may let go of everything."""
        found = _checked(self._pgconn, self._pgconn.exec_(b"SELECT name FROM pg_prepared_statements"))
        for name in self._prepared.keys() - {name for (name,) in self._rows(found)}:
            del self._prepared[name]

    def command(self, command: bytes) -> None:
        """Run what answers nothing. Raises where a commit became a rollback, for something had failed before it."""
        if _checked(self._pgconn, self._pgconn.exec_(command)).command_status != command:
            raise psycopg.errors.InFailedSqlTransaction

    def asked(self, name: str, given: Given) -> list[Row]:
        """What a query answers."""
        values = self._values(name, given)
        return self._rows(_checked(self._pgconn, self._pgconn.exec_prepared(name.encode(), values)))

    def together(self, before: bytes, queries: Mapping[str, Given]) -> list[dict[str, Any]]:
        """A command and then queries in one exchange, none waiting for another; what the last one answers."""
        ready = {name.encode(): self._values(name, given) for name, given in queries.items()}
        self._pgconn.enter_pipeline_mode()
        self._pgconn.send_query_params(before, None)
        for name, values in ready.items():
            self._pgconn.send_query_prepared(name, values)
        self._pgconn.pipeline_sync()
        results = self._results()
        self._pgconn.exit_pipeline_mode()
        found = [_checked(self._pgconn, result) for result in results][-1]
        names = [(found.fname(n) or b"").decode() for n in range(found.nfields)]
        return [dict(zip(names, row, strict=True)) for row in self._rows(found)]

    def _results(self) -> list[PGresult]:
        """All that a pipeline brings. While the database is waited for, others have the interpreter."""
        found: list[PGresult] = []
        while self._pgconn.flush():  # more than the socket takes at once
            self._wait(select.POLLIN | select.POLLOUT)
        while True:
            while self._pgconn.is_busy():
                self._wait(select.POLLIN)
            result = self._pgconn.get_result()
            if result is not None and result.status == ExecStatus.PIPELINE_SYNC:
                return found
            if result is not None:
                found.append(result)
            elif self._pgconn.status != ConnStatus.OK:
                raise psycopg.OperationalError("the connection is lost")

    def _wait(self, events: int) -> None:
        poll = select.poll()
        poll.register(self._pgconn.socket, events)
        poll.poll()
        self._pgconn.consume_input()

    def _values(self, name: str, given: Given) -> list[bytes]:
        """The parameters of a query in its order; it is prepared where it was not yet."""
        if name not in self._prepared:
            names, statement = numbered(self._query(name))
            _checked(self._pgconn, self._pgconn.prepare(name.encode(), statement))
            self._prepared[name] = names
        return [given[parameter].encode() for parameter in self._prepared[name]]

    def _rows(self, result: PGresult) -> list[Row]:
        self._reader.set_pgresult(result)
        return self._reader.load_rows(0, result.ntuples, tuple)


def numbered(query: str) -> tuple[list[str], bytes]:
    """A query of the driver's as libpq takes it, each parameter by its number; and their names in that order."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    statement = re.sub(r"%\((\w+)\)s", number, query)
    return names, statement.replace("%%", "%").encode()


def _checked(pgconn: psycopg.pq.abc.PGconn, result: PGresult) -> PGresult:
    if result.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        return result
    if pgconn.status != ConnStatus.OK:
        raise psycopg.OperationalError("the connection is lost")
    raise psycopg.errors.error_from_result(result)
