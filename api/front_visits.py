"""The hot door for visits: one visit of a station as plain ASGI, recorded with all that arrive meanwhile.

What is unusual (a query, another type of body, a body that breaks a rule) takes the documented way, which reads it
with the same model and answers with the same words. The queue is `api.recorder`.
"""

import asyncio
import gzip
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import orjson
from fastapi import FastAPI, Request
from pydantic import ValidationError
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api import counting
from api.accesslog import SAFE_HEADERS, journal
from api.errors import answer_error, answer_mistake
from api.recorder import Recorder
from geo import errors, visit_draft
from geo.visit_draft import Entry, Said, VisitDraft

OPERATION = "record_visit"
BEFORE, AFTER = "/v1/stations/", "/visits"
PATH_LENGTH = len(BEFORE) + 36 + len(AFTER)
LARGEST_BODY = 16_000  # twenty times a visit with everything; what is larger is not read here
PATIENCE_S = 1.0  # as often it is looked who still waits, and listened whether they go away
GONE = 499  # what proxies write down for a client that closed the connection; nobody reads it

JSON = {b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"}
OF_INTEREST = {b"authorization", b"content-type", b"content-length", b"origin", b"accept-encoding"}
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
    length: bytes
    elsewhere: bool  # asked by a page of another site
    gzip: bool


def station_of(path: str) -> str | None:
    """The station whose visits have this path, as most write it; None for any other path."""
    if len(path) != PATH_LENGTH or not (path.startswith(BEFORE) and path.endswith(AFTER)):
        return None
    written = path[len(BEFORE) : -len(AFTER)]
    return written if visit_draft.KEY(written) else None


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
    packed = b"gzip" in given.get(b"accept-encoding", b"")
    return Told(key.decode("latin-1").strip(), given.get(b"content-length", b""), b"origin" in given, packed)


def read_draft(body: bytes) -> VisitDraft | Said | None:
    """The visit that a whole body tells of; None for one that the documented way must refuse."""
    try:
        given = orjson.loads(body) if len(body) <= LARGEST_BODY else None
        return visit_draft.at_sight(given) or VisitDraft.model_validate(given)
    except (orjson.JSONDecodeError, ValidationError):
        return None


async def hear(receive: Receive, length: bytes) -> tuple[bytes, list[Message]]:
    """A body, and the messages it came in; nothing for one that is too large or ends too early.

    Once it is as long as it said, nothing more is waited for: the server tells the end by another message.
    """
    heard, body = list[Message](), b""
    while len(body) <= LARGEST_BODY:
        heard.append(await receive())
        body += heard[-1].get("body", b"")
        if heard[-1]["type"] != "http.request":
            return b"", heard
        if not heard[-1].get("more_body") or str(len(body)).encode() == length:
            return body, heard
    return b"", heard


def repeated(heard: Sequence[Message], receive: Receive) -> Receive:
    """What was heard already, and then what follows."""
    left = deque(heard)

    async def receive_again() -> Message:
        return left.popleft() if left else await receive()

    return receive_again


async def hang_up(receive: Receive, waited_for: "asyncio.Future[Exception | None]") -> None:
    """Wait for whoever asked to go away; then nobody waits any more."""
    while (await receive())["type"] != "http.disconnect":
        pass
    if not waited_for.done():
        waited_for.set_result(ConnectionAbortedError())


class VisitDoor:
    """An ASGI application for the visits of one station: has them recorded, passes on what is unusual."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._asking: dict[asyncio.Future[Exception | None], Receive] = {}
        self._listening: dict[asyncio.Future[Exception | None], asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def __call__(self, station: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Record and answer, or pass on."""
        began, told = time.perf_counter(), read_head(scope)
        if told is None:
            await self.app(scope, receive, send)
            return
        body, heard = await hear(receive, told.length)
        draft = read_draft(body)
        if draft is None:
            await self.app(scope, repeated(heard, receive), send)
            return
        status = 500
        try:
            entry = Entry(told.key, station, draft)
            refusal = await self._recorded(entry, receive)
            if refusal is None:
                status = 201 if entry.new else 200
                said = counting.body(entry)
                await say(status, counting.headers(entry, said), said, told, send)
            else:
                answer = await self._refused(refusal, scope)
                status = answer.status_code
                await say(status, answer.raw_headers, bytes(answer.body), told, send)
        finally:
            journal.note(OPERATION, "POST", scope["path"], status, began)

    async def _refused(self, refusal: Exception, scope: Scope) -> Response:
        if isinstance(refusal, ConnectionAbortedError):
            return Response(status_code=GONE)
        request = Request({**scope, "app": self.app})
        return await (answer_error if isinstance(refusal, errors.YizhanError) else answer_mistake)(request, refusal)

    async def _recorded(self, entry: Entry, receive: Receive) -> Exception | None:
        """What refuses the entry; None once it is in the ledger. One whose sender hangs up is not entered."""
        recorder: Recorder = self.app.state.recorder
        try:
            future = recorder.enter(entry)
        except errors.Unavailable as full:
            return full
        self._asking[future] = receive
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._listen)
        try:
            return await future
        finally:
            del self._asking[future]
            if task := self._listening.pop(future, None):
                task.cancel()

    def _listen(self) -> None:
        """From here on hear whether those who wait now go away: one timer for all of them, not one for each."""
        self._timer = None
        loop = asyncio.get_running_loop()
        for future in self._asking.keys() - self._listening.keys():
            self._listening[future] = loop.create_task(hang_up(self._asking[future], future))


async def say(status: int, given: Sequence[tuple[bytes, bytes]], body: bytes, told: Told, send: Send) -> None:
    """Send an answer with the headers that the documented way adds."""
    headers = list(given)
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
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
