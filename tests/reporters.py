"""Those who report visits, and their books: what each sent, what it was told, and what the ledger must then hold."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from api.front import Front
from geo import db

Answer = tuple[int, dict[bytes, bytes], Any]
Send = Callable[[str, str, dict[str, Any]], Awaitable[Answer]]  # path, key, what is said

DAY = "2026-09-14"
LATER = {429, 500, 503}  # not now: the same again, with the same id


def visit(**said: Any) -> dict[str, Any]:
    told = {"id": str(uuid4()), "count": 3, "started_at": f"{DAY}T09:00:00+08:00", "method": "people_counter"}
    return told | said


async def ask_within(
    front: Front, path: str, key: str, said: dict[str, Any], *, gone: asyncio.Event | None = None
) -> Answer:
    """The answer of a front in this process; who sets `gone` has hung up."""
    sent: list[Any] = []
    body = [{"type": "http.request", "body": json.dumps(said).encode(), "more_body": False}]
    headers = [(b"authorization", f"Bearer {key}".encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}

    async def receive() -> Any:
        if body:
            return body.pop()
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await front({**scope, "server": ("testserver", 80)}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"] or b"null")


class Line:
    """One connection to a server, opened again whenever it was cut."""

    def __init__(self, port: int) -> None:
        self.port, self.asked = port, 0
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, key: str, said: dict[str, Any], *, hang_up: bool = False) -> Answer:
        """Raises `OSError` or `EOFError` where there was no whole answer; who hangs up waits for none."""
        if self._ends is None:
            self._ends = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._ends
        try:
            body = json.dumps(said).encode()
            head = f"POST {path} HTTP/1.1\r\nHost: yizhan\r\nAuthorization: Bearer {key}\r\n"
            writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
            if hang_up:
                raise ConnectionAbortedError
            return await asyncio.wait_for(self._answer(reader), 120)  # a busy disk may take half a minute to commit
        except BaseException:
            self.close()
            raise

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
        return int(first.split()[1]), headers, json.loads(body) if body else None

    def close(self) -> None:
        if self._ends is not None:
            self._ends[1].close()
            self._ends = None


@contextlib.asynccontextmanager
async def lines(port: int, how_many: int) -> AsyncIterator[list[Send]]:
    """So many who each have a connection of their own, closed in the end."""
    made = [Line(port) for _ in range(how_many)]
    try:
        yield [line.ask for line in made]
    finally:
        for line in made:
            line.close()


class Book:
    """What was sent to which station, and how it was answered."""

    def __init__(self) -> None:
        self.sent: dict[str, tuple[str, int]] = {}
        self.acknowledged: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()
        self.cut = 0

    async def deliver(self, send: Send, station: str, key: str, said: dict[str, Any]) -> None:
        """Send one visit, and the same again until it is acknowledged."""
        self.sent[said["id"]] = station, said["count"]
        while True:
            try:
                status, _, body = await send(f"/v1/stations/{station}/visits", key, said)
            except (OSError, EOFError, TimeoutError):
                self.cut += 1
                await asyncio.sleep(0.05)
                continue
            self.answers[status] += 1
            if status in LATER:
                await asyncio.sleep(0.05)
                continue
            assert status in {200, 201}, body
            assert (body["id"], body["station_id"], body["count"]) == (said["id"], station, said["count"])
            self.acknowledged[said["id"]] += 1
            return

    def holds(self, database: db.Database) -> None:
        """Each acknowledged visit is in the ledger exactly once, nothing else is, and the totals are its sum."""
        with db.session(database) as session:
            rows = session.execute(text("SELECT id, station_id, count FROM visit")).all()
            total = session.scalar(text("SELECT sum(visits) FROM visit_day"))
            drift = session.execute(db.sql("visit_drift")).all()
        assert self.acknowledged.keys() == self.sent.keys()
        assert {str(key): (str(where), count) for key, where, count in rows} == self.sent
        assert len(rows) == len(self.sent)
        assert total == sum(count for _, count in self.sent.values())
        assert drift == []


@contextlib.asynccontextmanager
async def reporting(book: Book, stations: list[str], key: str, senders: list[Send]) -> AsyncIterator[None]:
    """Each of these sends visit after visit until the end; what is under way then is delivered."""
    ending = asyncio.Event()

    async def report(send: Send, number: int) -> None:
        while not ending.is_set():
            station = stations[(number + len(book.sent)) % len(stations)]
            await book.deliver(send, station, key, visit(count=len(book.sent) % 7))

    async with asyncio.TaskGroup() as group:
        for number, send in enumerate(senders):
            group.create_task(report(send, number))
        try:
            yield
        finally:
            ending.set()
