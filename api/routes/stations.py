"""Stations one by one and in lists."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, TypedDict
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from api import answers, paging, reading
from api.deps import CrsParam, ListQuery, after_of, perhaps_authenticate
from api.schemas import StationCollection, StationFeature, problems
from api.schemas_custody import SUCCEEDED
from geo import opening, search, stations, upkeep
from geo.datum import Datum
from geo.directory import Directory
from geo.opening import Card, Moment
from geo.search import Listing
from geo.upkeep import Outcome

router = APIRouter(prefix="/v1/stations", tags=["stations"])
CSV = {"content": {"text/csv": {"schema": {"type": "string"}}}}


@router.get(
    "",
    summary="List stations by place, name, kind or manager 站点列表",
    response_class=Response,
    responses={200: {"model": StationCollection, **CSV}, **problems(400, 404, 503)},
)
def list_stations(request: Request, asked: Annotated[ListQuery, Query()]) -> Response:
    """Published stations in the order of their ids; follow `links` of rel `next` for more."""
    after, listing = after_of(request, asked.cursor), asked.listing()
    bounds: Bounds = {"limit": asked.limit + 1, "after": after}
    ask = partial(page_found, request, asked, listing, bounds)
    return reading.either(request, ask, partial(page_recalled, request, asked, listing, bounds))


class Bounds(TypedDict):
    """Of a page: how many at most, behind which id."""

    limit: int
    after: UUID | None


def page_found(request: Request, asked: ListQuery, listing: Listing, bounds: Bounds, session: Session) -> Response:
    """A page from the database."""
    when = opening.moment(session, asked.instant())
    return page_of(request, asked, search.page(session, listing, **bounds, when=when), when)


def page_recalled(request: Request, asked: ListQuery, listing: Listing, bounds: Bounds, known: Directory) -> Response:
    """A page from memory."""
    when = known.moment(asked.instant())
    return page_of(request, asked, known.page(listing, **bounds, when=when), when, known.as_of)


def page_of(
    request: Request, asked: ListQuery, found: Sequence[Card], when: Moment, as_of: datetime | None = None
) -> Response:
    """The page that was asked for, of one row more than it holds."""
    rows, more = paging.cut(list(found), asked.limit)
    media_type = "text/csv" if asked.format == "csv" else answers.GEOJSON
    links = paging.links(request, media_type, str(rows[-1]["id"]) if more else None)
    if asked.format == "csv":
        return answers.sheet(rows, asked.crs, links)
    return answers.page(rows, asked.crs, when, links, as_of=as_of or when.at)


@router.get(
    "/by-code/{code}",
    summary="One station by its code 按编码查询站点",
    response_class=Response,
    responses={200: {"model": StationFeature}, **SUCCEEDED, **problems(400, 401, 404, 410, 503)},
)
def get_station_by_code(request: Request, code: str, crs: CrsParam = Datum.WGS84) -> Response:
    """The station with this code, with an ETag; merged or relocated it leads on to its successor, removed it is 410."""

    def ask(session: Session) -> Response:
        who = perhaps_authenticate(request, session)
        return found(request, session, upkeep.read_by_code(session, who, code), crs, pending=who is not None)

    return reading.either(request, ask, lambda known: recalled(request, known, code, crs))


def found(request: Request, session: Session, outcome: Outcome, crs: Datum, *, pending: bool) -> Response:
    """A station from the database; who has a key is also told what waits for review."""
    more = {"pending": list(outcome.pending)} if pending else {}
    return answers.station(request, outcome.row, crs, opening.moment(session), **more)


def recalled(request: Request, known: Directory, key: str, crs: Datum) -> Response:
    """A station from memory, which says how old that is."""
    row = known.find(key)
    return answers.station(request, row, crs, known.moment(), as_of=stations.instant(known.as_of))


@router.get(
    "/{station_id}",
    summary="One station 查询站点",
    response_class=Response,
    responses={200: {"model": StationFeature}, **SUCCEEDED, **problems(400, 401, 404, 410, 503)},
)
def get_station(
    request: Request,
    station_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})],
    crs: CrsParam = Datum.WGS84,
) -> Response:
    """With an ETag; a key shows unpublished ones it may see, and what is `pending`. Merged or relocated it leads on."""

    def ask(session: Session) -> Response:
        who = perhaps_authenticate(request, session)
        return found(request, session, upkeep.read(session, who, station_id), crs, pending=who is not None)

    return reading.either(request, ask, lambda known: recalled(request, known, station_id, crs))
