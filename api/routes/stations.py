"""Stations one by one and in lists."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api import answers, paging
from api.deps import CrsParam, ListQuery, PerhapsDep, SessionDep, after_of
from api.schemas import StationCollection, StationFeature, problems
from api.schemas_custody import SUCCEEDED
from geo import opening, search, upkeep
from geo.datum import Datum

router = APIRouter(prefix="/v1/stations", tags=["stations"])


@router.get(
    "",
    summary="List stations by place, name, kind or manager 站点列表",
    response_class=Response,
    responses={200: {"model": StationCollection}, **problems(400, 404, 503)},
)
def list_stations(request: Request, session: SessionDep, asked: Annotated[ListQuery, Query()]) -> Response:
    """Published stations in the order of their ids; follow `links` of rel `next` for more."""
    after, when = after_of(request, asked.cursor), opening.moment(session, asked.instant())
    found = search.page(session, asked.listing(), limit=asked.limit + 1, after=after, when=when)
    rows, more = paging.cut(found, asked.limit)
    links = paging.links(request, answers.GEOJSON, str(rows[-1]["id"]) if more else None)
    return answers.page(rows, asked.crs, when, links)


@router.get(
    "/by-code/{code}",
    summary="One station by its code 按编码查询站点",
    response_class=Response,
    responses={200: {"model": StationFeature}, **SUCCEEDED, **problems(400, 404, 410, 503)},
)
def get_station_by_code(
    request: Request,
    session: SessionDep,
    code: str,
    crs: CrsParam = Datum.WGS84,
) -> Response:
    """The station with this code, with an ETag; merged or relocated it leads on to its successor, removed it is 410."""
    return answers.station(request, upkeep.read_by_code(session, code), crs, opening.moment(session))


@router.get(
    "/{station_id}",
    summary="One station 查询站点",
    response_class=Response,
    responses={200: {"model": StationFeature}, **SUCCEEDED, **problems(400, 401, 404, 410, 503)},
)
def get_station(
    request: Request,
    session: SessionDep,
    who: PerhapsDep,
    station_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})],
    crs: CrsParam = Datum.WGS84,
) -> Response:
    """With an ETag; a key shows unpublished ones it may see, and what is `pending`. Merged or relocated it leads on."""
    found = upkeep.read(session, who, station_id)
    more = {"pending": list(found.pending)} if who else {}
    return answers.station(request, found.row, crs, opening.moment(session), **more)
