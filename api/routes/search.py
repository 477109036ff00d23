"""The rider's question: which stations are nearest to me, and have what I need?"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from api import answers
from api.deps import CellsQuery, NearestQuery
from api.front import ask_of, directory_of
from api.schemas import CellCollection, NearestCollection, problems
from geo import search


class Fixed(APIRoute):
    """A path that is nobody's id: for another method it is 405, and never a station called `nearest`."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As any route, but the path alone decides."""
        match, child = super().matches(scope)
        return (match if match is Match.NONE else Match.FULL), child


router = APIRouter(prefix="/v1/stations", tags=["riders"], route_class=Fixed)


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


@router.get(
    "/cells",
    summary="How many stations there are where 站点分布",
    response_class=Response,
    responses={200: {"model": CellCollection}, **problems(400, 503)},
)
def count_stations_by_cell(request: Request, asked: Annotated[CellsQuery, Query()]) -> Response:
    """For a map too small to show each: the stations that a list with these filters holds, counted by squares.

    Each square is a point where its stations stand on average.
    """
    listing, directory = asked.listing(), directory_of(request.app)
    if directory is not None:
        found = directory.cells(listing, cell_deg=asked.cell_deg, at=asked.instant())
        return answers.cells(found, asked.crs, directory.as_of)
    counted = search.count(request.app.state.engine, listing, cell_deg=asked.cell_deg, at=asked.instant())
    return answers.cells(counted[0], asked.crs, counted[1])
