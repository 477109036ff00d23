"""The hot door: answers nearest from the directory as plain ASGI, and passes everything else on.

Riders ask all day. Requests that arrive in one turn of the event loop are answered by one call, without a timer.
What is unusual (a bad parameter, a question while there is no directory yet) takes the documented way, which parses
with the same model and answers with the same words. This and visit recording alone know the event loop.
"""

import asyncio
import gzip
import logging
import time
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from api.accesslog import SAFE_HEADERS
from api.answers import GEOJSON
from api.deps import NearestQuery
from geo import errors
from geo.directory import Directory
from geo.follower import Follower
from geo.search import Ask

log = logging.getLogger("yizhan.access")

PATH = "/v1/stations/nearest"
KNOWN = frozenset(NearestQuery.model_fields)
HEADERS = [
    (b"content-type", GEOJSON.encode()),
    (b"vary", b"Accept-Encoding"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"ETag, Link"),
    *SAFE_HEADERS,
]
# Level 1: ten results of 6 kB in a thirtieth of a millisecond; a rider's mobile data is dearer than that.
GZIP_LEVEL = 1


def read(query: bytes) -> NearestQuery | None:
    """The parameters of a question that is as it should be; None for one that the documented way must refuse."""
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    asked: dict[str, Any] = dict(given)
    if len(asked) < len(given) or not asked.keys() <= KNOWN:
        return None
    for name in asked.keys() & LISTS:
        asked[name] = [asked[name]]
    try:
        return NearestQuery.model_validate(asked)
    except ValidationError:
        return None


LISTS = frozenset({"facility", "facility_any", "kind", "serves", "entry", "managed_by"})


def directory_of(app: FastAPI) -> Directory | None:
    """The directory of this process, once there is one."""
    follower: Follower | None = getattr(app.state, "follower", None)
    return follower.current if follower is not None else None


def ask_of(asked: NearestQuery) -> Ask:
    """The question as the directory takes it. Raises `InvalidQuery` outside the envelope."""
    lon, lat = asked.position()
    return Ask(lon, lat, asked.crs, asked.limit, asked.radius(), asked.wanted(), asked.instant())


class Front:
    """An ASGI application before another: nearest is answered here, everything else there."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._waiting: list[tuple[Ask, asyncio.Future[bytes]]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "GET" and directory_of(self.app):
            ask = self._ask(scope["query_string"])
            if ask is not None:
                await self._answer(ask, scope, send)
                return
        await self.app(scope, receive, send)

    def _ask(self, query: bytes) -> Ask | None:
        asked = read(query)
        try:
            return ask_of(asked) if asked is not None else None
        except errors.InvalidQuery:
            return None

    async def _answer(self, ask: Ask, scope: Scope, send: Send) -> None:
        began = time.perf_counter()
        body = await self._queued(ask)
        headers = HEADERS
        if any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"]):
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
            headers = [*HEADERS, (b"content-encoding", b"gzip")]
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})
        log.info("GET %s 200 %.1f ms", PATH, (time.perf_counter() - began) * 1000)

    def _queued(self, ask: Ask) -> "asyncio.Future[bytes]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append((ask, future))
        return future

    def _flush(self) -> None:
        """Answer all that came since the last turn; a rider who hung up is not waited for."""
        waiting, self._waiting = self._waiting, []
        directory = directory_of(self.app)
        asked = [(ask, future) for ask, future in waiting if not future.done()]
        try:
            assert directory is not None  # noqa: S101 - there is one, or nothing would have been queued
            answers = directory.nearest([ask for ask, _ in asked])
        except Exception as error:
            for _, future in asked:
                future.set_exception(error)
            return
        for (_, future), answer in zip(asked, answers, strict=True):
            future.set_result(answer)
