"""The change feed: for map apps and registries that keep a copy of their own."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import answers, paging
from api.deps import CrsParam, CursorParam, SessionDep, UpTo500
from api.schemas import problems
from api.schemas_changes import ChangeList
from geo import changes, opening
from geo.datum import Datum

router = APIRouter(prefix="/v1/changes", tags=["riders"])


@router.get(
    "",
    summary="What changed since 变更订阅",
    response_class=Response,
    responses={200: {"model": ChangeList}, **problems(400, 410, 503)},
)
def list_changes(
    request: Request,
    session: SessionDep,
    crs: CrsParam = Datum.WGS84,
    limit: Annotated[UpTo500, Query()] = 100,
    cursor: CursorParam = None,
) -> Response:
    """Each changed station as it is now, at least once; apply an item only if its `revision` is higher than yours.

    Begin without a cursor, go on with the one you were given, even when there was nothing. 410 after a restore.
    """
    place = changes.Place.read(paging.read(request, cursor)) if cursor else changes.BEGIN
    found = changes.page(session, place, limit=limit)
    onward = paging.write(request, found.place.said())
    return answers.changes(found.rows, crs, opening.moment(session), onward)
