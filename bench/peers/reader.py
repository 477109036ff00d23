"""(f) The ceiling: what the server itself costs that reads a body. Raw ASGI, a constant answer; records nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

BODY = b"{" + b" " * 400 + b"}"  # as long as ours
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Read what is sent and answer as if it had been recorded."""
    if scope["type"] == "http":
        if scope["method"] == "POST":
            await receive()
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})
    elif scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
