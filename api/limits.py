"""How large a request may be: a body is counted while it is read, and refused before it fills the memory."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from geo.tablefile import LARGEST_BYTES

LARGEST_BODY = 1_000_000
ROUND_A_FILE = 10_000  # what a form adds to the file in it
LARGEST_AT = {"/v1/imports": LARGEST_BYTES + ROUND_A_FILE, "/v1/visits": 10_000_000}


class BodyLimit:
    """Refuses a body that is too large with 413, whether it says its length or not."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; count its body as somebody reads it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = LARGEST_AT.get(scope["path"], LARGEST_BODY)
        said, read = Headers(scope=scope).get("content-length", ""), 0

        async def count() -> Message:
            nonlocal read
            if said.isdecimal() and len(said) < 20 and int(said) > most:
                raise errors.body_too_large(most)
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise errors.body_too_large(most)
            return message

        await self.app(scope, count, send)
