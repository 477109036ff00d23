"""The hot door for visits: whatever arrives while a group is being entered goes into the ledger with the next one.

No timer: an idle service enters a visit at once, a busy one hundreds by one statement and one commit, and each is
answered after its commit. What is unusual (a query, another type of body, a body that breaks a rule) takes the
documented way, which reads it with the same model and answers with the same words.
"""

import asyncio
import gzip
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from uuid import UUID

import orjson
from fastapi import FastAPI, Request
from pydantic import ValidationError
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api import counting
from api.accesslog import SAFE_HEADERS, journal
from api.errors import answer_error, answer_mistake
from geo import db, errors, ledger
from geo.ledger import Entry, VisitDraft

OPERATION = "record_visit"
BEFORE, AFTER = "/v1/stations/", "/visits"
PATH_LENGTH = len(BEFORE) + 36 + len(AFTER)
# Beyond this a visit would be answered too late to be of use; whoever sent it has the same one for later.
MOST_WAITING = 4_000
# As many as one statement takes by arrays: copying wants a temporary table, which is too much for a few more.
MOST_AT_ONCE = ledger.MANY - 1
LARGEST_BODY = 16_000  # twenty times a visit with everything; what is larger is not read here
FULL = "Too many visits are waiting to be recorded; this one was not. Send it again, with the same id."

JSON = {b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"}
OF_INTEREST = {b"authorization", b"content-type", b"origin", b"accept-encoding"}
HEADERS = [(b"vary", b"Origin"), *SAFE_HEADERS]
HEADERS_LONG = [(b"vary", b"Origin, Accept-Encoding"), *SAFE_HEADERS]
HEADERS_ELSEWHERE = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"ETag, Link, Location, Retry-After"),
]
# As the documented way packs its answers.
LONG, GZIP_LEVEL = 1_000, 6


class Told(NamedTuple):
    """What the head of a request says that matters here."""

    key: str
    elsewhere: bool  # asked by a page of another site
    gzip: bool


def station_of(path: str) -> UUID | None:
    """The station whose visits have this path, as most write it; None for any other path."""
    if len(path) != PATH_LENGTH or not (path.startswith(BEFORE) and path.endswith(AFTER)):
        return None
    try:
        return UUID(path[len(BEFORE) : -len(AFTER)])
    except ValueError:
        return None


def read_head(scope: Scope) -> Told | None:
    """What the head says, where it is as it should be; None where the documented way must look at it."""
    given: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in OF_INTEREST:
            if name in given:
                return None
            given[name] = value
    scheme, _, key = given.get(b"authorization", b"").partition(b" ")
    if scope["query_string"] or scheme.lower() != b"bearer" or given.get(b"content-type", b"").lower() not in JSON:
        return None
    return Told(key.decode("latin-1").strip(), b"origin" in given, b"gzip" in given.get(b"accept-encoding", b""))


def read_draft(heard: Sequence[Message]) -> VisitDraft | None:
    """The visit that a whole body tells of; None for one that the documented way must refuse."""
    if heard[-1]["type"] != "http.request" or heard[-1].get("more_body"):
        return None
    try:
        return VisitDraft.model_validate(orjson.loads(b"".join(message.get("body", b"") for message in heard)))
    except (orjson.JSONDecodeError, ValidationError):
        return None


async def hear(receive: Receive) -> list[Message]:
    """The messages of a body, or the first ones of a body that is too large."""
    heard = [await receive()]
    size = len(heard[0].get("body", b""))
    while heard[-1].get("more_body") and size <= LARGEST_BODY:
        heard.append(await receive())
        size += len(heard[-1].get("body", b""))
    return heard


def repeated(heard: Sequence[Message], receive: Receive) -> Receive:
    """What was heard already, and then what follows."""
    left = deque(heard)

    async def receive_again() -> Message:
        return left.popleft() if left else await receive()

    return receive_again


class Groups:
    """Visits on their way into the ledger: one group is being entered, the others wait for it to return.

    It is entered by a thread with the session that everybody else uses: one way to check and to write, and a driver
    that waits in C. Its one wake-up a group costs the event loop less than five answers of PostgreSQL would.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._waiting: deque[tuple[Entry, asyncio.Future[Exception | None]]] = deque()
        self._under_way = False
        self._thread = ThreadPoolExecutor(1, "visits")

    def enter(self, entry: Entry) -> "asyncio.Future[Exception | None]":
        """Queue an entry; the result is what refuses it. Raises `Unavailable` when the queue is full."""
        if len(self._waiting) >= MOST_WAITING:
            raise errors.Unavailable(FULL)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Exception | None] = loop.create_future()
        self._waiting.append((entry, future))
        if not self._under_way:
            self._under_way = True
            loop.call_soon(self._depart)
        return future

    def _depart(self) -> None:
        """Enter those who wait, in a thread; who has hung up meanwhile is left out."""
        group: list[tuple[Entry, asyncio.Future[Exception | None]]] = []
        while self._waiting and len(group) < MOST_AT_ONCE:
            entry, future = self._waiting.popleft()
            if not future.done():
                group.append((entry, future))
        self._under_way = bool(group)
        if group:
            entries = [entry for entry, _ in group]
            entering = asyncio.get_running_loop().run_in_executor(self._thread, entered, self.app.state.engine, entries)
            entering.add_done_callback(lambda done: self._arrive(group, done.result()))

    def _arrive(
        self, group: Sequence[tuple[Entry, "asyncio.Future[Exception | None]"]], outcome: Sequence[Exception | None]
    ) -> None:
        for (_, future), error in zip(group, outcome, strict=True):
            if not future.done():
                future.set_result(error)
        self._depart()


def entered(database: db.Database, entries: Sequence[Entry]) -> list[Exception | None]:
    """Enter a group in one transaction, and answer what refuses each. Where none was written, all have the reason."""
    try:
        with db.session(database) as session:
            ledger.record(session, entries)
    except errors.YizhanError as error:
        return [error] * len(entries)
    except Exception as error:
        if len(entries) == 1:
            return [error]
        # A mistake of ours about one of them does not take its neighbours along: each by itself.
        again = [Entry(e.key, e.station_id, e.draft) for e in entries]
        outcome = [refusal for entry in again for refusal in entered(database, [entry])]
        for entry, other in zip(entries, again, strict=True):
            entry.row, entry.new = other.row, other.new
        return outcome
    return [entry.error for entry in entries]


class VisitDoor:
    """An ASGI application for the visits of one station: records them here, passes on what is unusual."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.groups = Groups(app)

    async def __call__(self, station: UUID, scope: Scope, receive: Receive, send: Send) -> None:
        """Record and answer, or pass on."""
        began, told = time.perf_counter(), read_head(scope)
        if told is None:
            await self.app(scope, receive, send)
            return
        heard = await hear(receive)
        draft = read_draft(heard)
        if draft is None:
            await self.app(scope, repeated(heard, receive), send)
            return
        status = 500
        try:
            answer = await self._answer(Entry(told.key, station, draft), scope)
            status = answer.status_code
            await say(answer, told, send)
        finally:
            journal.note(OPERATION, "POST", scope["path"], status, began)

    async def _answer(self, entry: Entry, scope: Scope) -> Response:
        try:
            error = await self.groups.enter(entry)
        except errors.Unavailable as full:
            error = full
        if error is None:
            return counting.visit(entry)
        request = Request({**scope, "app": self.app})
        return await (answer_error if isinstance(error, errors.YizhanError) else answer_mistake)(request, error)


async def say(answer: Response, told: Told, send: Send) -> None:
    """Send an answer with the headers that the documented way adds."""
    headers, body = list(answer.raw_headers), bytes(answer.body)
    if told.elsewhere:
        headers += HEADERS_ELSEWHERE
    if len(body) < LONG:
        headers += HEADERS
    else:
        headers += HEADERS_LONG
        if told.gzip:
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
            headers = [(name, value) for name, value in headers if name != b"content-length"]
            headers += [(b"content-length", str(len(body)).encode()), (b"content-encoding", b"gzip")]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
