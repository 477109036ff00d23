"""The rider's question: which stations are nearest to me, and have what I need?"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import answers
from api.deps import NearestQuery
from api.front import ask_of, directory_of
from api.schemas import NearestCollection, problems
from geo import search

router = APIRouter(prefix="/v1/stations", tags=["riders"])


@router.get(
    "/nearest",
    summary="The nearest stations 最近的站点",
    response_class=Response,
    responses={200: {"model": NearestCollection}, **problems(400, 503)},
)
def find_nearest_stations(request: Request, asked: Annotated[NearestQuery, Query()]) -> Response:
    """Published stations open for use, nearest first, with what the filters ask."""
    ask, directory = ask_of(asked), directory_of(request.app)
    if directory is not None:
        return Response(directory.nearest([ask])[0], media_type=answers.GEOJSON)
    return answers.nearest(search.answer(request.app.state.engine, ask), asked.crs)
