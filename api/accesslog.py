"""One line a request: method, path, status, milliseconds. Never the query: it may hold a rider's position."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("yizhan.access")

# No page we serve needs to tell another site where its reader came from, or may be read as another type.
SAFE_HEADERS = [(b"referrer-policy", b"no-referrer"), (b"x-content-type-options", b"nosniff")]


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
            spent_ms = (time.perf_counter() - began) * 1000
            log.info("%s %s %d %.1f ms", scope["method"], scope["path"], status, spent_ms)
