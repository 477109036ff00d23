"""Pages of a list: opaque signed cursors, and a `next` link that repeats every parameter."""

import base64
import hashlib
import hmac
from typing import TypeVar

from fastapi import Request
from starlette.datastructures import URL

from api import addresses
from geo.errors import InvalidQuery, Problem

SIGNATURE_BYTES = 12
Row = TypeVar("Row")


def _signature(request: Request, position: str) -> bytes:
    """Binds a position to the very query it was made for, whatever the page size."""
    asked = sorted(item for item in request.query_params.multi_items() if item[0] not in {"cursor", "limit"})
    message = repr((request.url.path, asked, position)).encode()
    secret: bytes = request.app.state.secret
    return hmac.new(secret, message, hashlib.sha256).digest()[:SIGNATURE_BYTES]


def write(request: Request, position: str) -> str:
    """A cursor that says: go on after `position`."""
    return base64.urlsafe_b64encode(_signature(request, position) + position.encode()).decode().rstrip("=")


def read(request: Request, cursor: str) -> str:
    """The position a cursor of ours holds. Raises `InvalidQuery` for anything else."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        signature, position = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:].decode()
    except ValueError:
        signature, position = b"", ""
    if not hmac.compare_digest(signature, _signature(request, position)):
        message = "not a cursor of this query; begin without one, or follow `next` as it is"
        raise InvalidQuery(problems=[Problem(("query", "cursor"), message)])
    return position


def links(request: Request, media_type: str, after: str | None) -> list[dict[str, str]]:
    """The links of a page: itself, and the next one when there is more."""
    here = URL(addresses.base(request) + request.url.path).replace(query=request.url.query)
    found = [{"rel": "self", "type": media_type, "href": str(here)}]
    if after is not None:
        next_page = here.include_query_params(cursor=write(request, after))
        found.append({"rel": "next", "type": media_type, "href": str(next_page)})
    return found


def read_pair(request: Request, cursor: str) -> tuple[str, str]:
    """The position of a cursor over two keys."""
    first, _, second = read(request, cursor).partition("|")
    return first, second


def after_key(keys: list[str], last: str | None) -> int:
    """Where a page begins in a list of unique keys; from the start where the last one seen is no longer there."""
    return keys.index(last) + 1 if last in keys else 0


def cut(rows: list[Row], limit: int) -> tuple[list[Row], bool]:
    """The page of `limit` rows, of one row more that was fetched, and whether there was one more."""
    return rows[:limit], len(rows) > limit
