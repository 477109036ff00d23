"""Reading that goes on while the database is away: what the directory knows is answered from memory, with its age."""

from collections.abc import Callable

from fastapi import Request
from sqlmodel import Session
from starlette.responses import Response

from api.front import directory_of
from geo import db, errors
from geo.directory import Directory
from geo.follower import Follower


def either(request: Request, ask: Callable[[Session], Response], recall: Callable[[Directory], Response]) -> Response:
    """The answer of the database; while that is away, the one from memory, where there is a memory.

    What memory does not know is then not said to be missing: raises `DatabaseUnavailable`.
    """
    directory = directory_of(request.app)
    follower: Follower | None = request.app.state.follower
    keyed = "authorization" in request.headers  # whose key it is, only the database knows
    if directory is None or keyed or follower is None or follower.healthy:
        try:
            with db.session(request.app.state.engine) as session:
                return ask(session)
        except errors.DatabaseUnavailable:
            if directory is None or keyed:
                raise
    try:
        return recall(directory)
    except errors.NotFound:
        raise errors.DatabaseUnavailable from None
