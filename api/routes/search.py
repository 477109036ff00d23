"""The rider's question: which stations are nearest to me, and have what I need?"""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api import answers
from api.deps import NearestQuery, SessionDep
from api.schemas import NearestCollection, problems
from geo import search, stations

router = APIRouter(prefix="/v1/stations", tags=["riders"])


@router.get(
    "/nearest",
    summary="The nearest stations 最近的站点",
    response_class=Response,
    responses={200: {"model": NearestCollection}, **problems(400, 503)},
)
def find_nearest_stations(session: SessionDep, asked: Annotated[NearestQuery, Query()]) -> Response:
    """Published stations open for use, nearest first, with what the filters ask."""
    found = search.nearest(
        session, *asked.position(), limit=asked.limit, radius_m=asked.radius(), wanted=asked.wanted()
    )
    return answers.geojson(
        {
            "type": "FeatureCollection",
            "crs": asked.crs,
            "searched_radius_m": found.searched_radius_m,
            "as_of": stations.instant(found.as_of),
            "features": [stations.near_feature(row, asked.crs) for row in found.stations],
        }
    )
