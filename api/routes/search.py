"""The rider's question: which stations are nearest to me, and have what I need?"""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api import answers
from api.deps import NearestQuery, SessionDep
from api.schemas import NearestCollection, problems
from geo import opening, search

router = APIRouter(prefix="/v1/stations", tags=["riders"])


@router.get(
    "/nearest",
    summary="The nearest stations 最近的站点",
    response_class=Response,
    responses={200: {"model": NearestCollection}, **problems(400, 503)},
)
def find_nearest_stations(session: SessionDep, asked: Annotated[NearestQuery, Query()]) -> Response:
    """Published stations open for use, nearest first, with what the filters ask."""
    position, when = asked.position(), opening.moment(session, asked.instant())
    found = search.nearest(
        session, *position, limit=asked.limit, radius_m=asked.radius(), wanted=asked.wanted(), when=when
    )
    return answers.nearest(found, asked.crs)
