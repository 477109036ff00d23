"""One line a request: method, path, status, milliseconds. Never the query: it may hold a rider's position."""

import asyncio
import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics

log = logging.getLogger("yizhan.access")

# No page we serve needs to tell another site where its reader came from, or may be read as another type.
SAFE_HEADERS = [(b"referrer-policy", b"no-referrer"), (b"x-content-type-options", b"nosniff")]


class Journal:
    """What was answered in this turn of the event loop, written in one go: a line each."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def note(self, operation: str, method: str, path: str, status: int, began: float) -> None:
        """Count and write down a request that was answered now; `began` by the performance counter."""
        spent = time.perf_counter() - began
        metrics.answered(operation, status, spent)
        if log.isEnabledFor(logging.INFO):
            if not self._lines:
                asyncio.get_running_loop().call_soon(self._write)
            self._lines.append(f"{method} {path} {status} {spent * 1000:.1f} ms")

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        log.info("\n".join(lines))


journal = Journal()


class AccessLog:
    """Logs each request and adds the headers every answer carries."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; log it when its answer has begun, or has failed."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *SAFE_HEADERS]
            await send(message)

        try:
            await self.app(scope, receive, send_on)
        finally:
            operation = getattr(scope.get("route"), "name", "") or "other"
            journal.note(operation, scope["method"], scope["path"], status, began)
