"""The hot door: answers nearest as plain ASGI, has visits recorded (`api.front_visits`), passes everything else on.

Riders ask all day. Requests that arrive in one turn of the event loop are answered by one call, without a timer.
What is unusual (a bad parameter, a question while there is no directory yet) takes the documented way, which parses
with the same model and answers with the same words.
"""

import asyncio
import gzip
import re
import time
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from api.accesslog import SAFE_HEADERS, journal
from api.answers import GEOJSON
from api.deps import NearestQuery
from api.front_visits import VisitDoor, station_of
from geo import datum, errors
from geo.datum import Datum
from geo.directory import Directory
from geo.follower import Follower
from geo.search import Ask

PATH = "/v1/stations/nearest"
OPERATION = "find_nearest_stations"
KNOWN = frozenset(NearestQuery.model_fields)
LISTS = frozenset({"facility", "facility_any", "kind", "serves", "entry", "managed_by"})
HEADERS = [
    (b"content-type", GEOJSON.encode()),
    (b"vary", b"Accept-Encoding"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"ETag, Link, Location, Retry-After"),
    *SAFE_HEADERS,
]
# The server adds the length: the body comes in one piece.
START = {"type": "http.response.start", "status": 200, "headers": HEADERS}
START_GZIP = START | {"headers": [*HEADERS, (b"content-encoding", b"gzip")]}
# Level 1: ten results of 22 kB in a tenth of a millisecond; a rider's mobile data is dearer than that.
GZIP_LEVEL = 1

# Degrees as nearly everybody writes them; how others do is left to the model.
DEGREES = re.compile(rb"-?\d{1,3}(?:\.\d{1,15})?", re.ASCII)
INSIDE = b"lon=113.5&lat=34.5"  # a position that is as it should be, to parse the rest of a question with


def read(query: bytes) -> Ask | None:
    """The question, where it is as it should be; None for one that the documented way must refuse.

    What is asked besides the position is one of few things, and parsed once.
    """
    lon = lat = None
    rest = []
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name == b"lon" and lon is None:
            lon = value
        elif name == b"lat" and lat is None:
            lat = value
        else:
            rest.append(part)
    if lon is None or lat is None or not (DEGREES.fullmatch(lon) and DEGREES.fullmatch(lat)):
        return _parsed(query)
    alike = _parsed_once(b"&".join(rest))
    x, y = float(lon), float(lat)
    if alike is None or not datum.in_envelope(x, y):
        return None
    if alike.crs is not Datum.WGS84:
        x, y = datum.convert(x, y, alike.crs, Datum.WGS84)
    return Ask(x, y, *alike[2:])


@lru_cache(maxsize=4096)
def _parsed_once(rest: bytes) -> Ask | None:
    return _parsed(INSIDE + b"&" + rest if rest else INSIDE)


def _parsed(query: bytes) -> Ask | None:
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    asked: dict[str, Any] = dict(given)
    if len(asked) < len(given) or not asked.keys() <= KNOWN:
        return None
    for name in asked.keys() & LISTS:
        asked[name] = [asked[name]]
    try:
        return ask_of(NearestQuery.model_validate(asked))
    except (ValidationError, errors.InvalidQuery):
        return None


def ask_of(asked: NearestQuery) -> Ask:
    """The question as the directory takes it. Raises `InvalidQuery` outside the envelope."""
    lon, lat = asked.position()
    return Ask(lon, lat, asked.crs, asked.limit, asked.radius(), asked.wanted(), asked.instant())


def directory_of(app: FastAPI) -> Directory | None:
    """The directory of this process, once there is one."""
    follower: Follower | None = getattr(app.state, "follower", None)
    return follower.current if follower is not None else None


class Front:
    """An ASGI application before another: nearest and visits are answered here, everything else there."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.visits = VisitDoor(app)
        self._waiting: list[tuple[Ask, asyncio.Future[bytes]]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "http":
            if scope["method"] == "GET" and scope["path"] == PATH and directory_of(self.app):
                began = time.perf_counter()
                ask = read(scope["query_string"])
                if ask is not None:
                    await self._answer(ask, scope, send)
                    journal.note(OPERATION, "GET", PATH, 200, began)
                    return
            elif scope["method"] == "POST" and (station := station_of(scope["path"])):
                await self.visits(station, scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _answer(self, ask: Ask, scope: Scope, send: Send) -> None:
        body, start = await self._queued(ask), START
        if takes_gzip(scope):
            body, start = gzip.compress(body, GZIP_LEVEL, mtime=0), START_GZIP
        await send(start)
        await send({"type": "http.response.body", "body": body})

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


def takes_gzip(scope: Scope) -> bool:
    """Whether the rider's phone can unpack what is sent smaller; `gzip;q=0` says that it does not want to."""
    for name, value in scope["headers"]:
        if name == b"accept-encoding":
            return b"gzip" in value and b"gzip;q=0" not in value.replace(b" ", b"").replace(b"gzip;q=0.", b"")
    return False
