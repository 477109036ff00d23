"""Administrative divisions: which there are, what they look like, and which one a point lies in."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api import answers, paging
from api.deps import CursorParam, PointQuery, SessionDep, UpTo500
from api.schemas import OutlineCollection, RegionList, RegionLocated, RegionOut, problems
from geo import regions
from geo.datum import Datum
from geo.regions import Level

router = APIRouter(prefix="/v1/regions", tags=["regions"])

Adcode = Annotated[str, Path(pattern=r"^\d{6}$", examples=["410100"])]
LevelParam = Annotated[Level | None, Query(description="needed where a code stands at two levels")]


@router.get(
    "",
    summary="Divisions by level or parent 行政区划列表",
    response_class=Response,
    responses={200: {"model": RegionList}, **problems(400, 404, 503)},
)
def list_regions(
    request: Request,
    session: SessionDep,
    level: LevelParam = None,
    parent: Annotated[str | None, Query(pattern=r"^\d{6}$", description="its children")] = None,
    q: Annotated[
        str | None, Query(min_length=1, max_length=50, description="part of the name, or how the code begins")
    ] = None,
    limit: Annotated[UpTo500, Query()] = 100,
    cursor: CursorParam = None,
) -> Response:
    """From the country down, then by code; with `parent` its children, with `level` too all of that level below."""
    level_of, adcode = paging.read(request, cursor).split("/") if cursor else ("", "")
    after = (level_of, adcode) if cursor else None
    found = regions.browse(session, parent=parent, level=level, q=q, after=after, limit=limit + 1)
    last = f"{found[limit - 1].level}/{found[limit - 1].adcode}" if len(found) > limit else None
    items = [asdict(region) for region in found[:limit]]
    return answers.json({"crs": Datum.WGS84, "items": items, "links": paging.links(request, "application/json", last)})


@router.get(
    "/outlines",
    summary="Simplified outlines of a level, for maps 行政区划轮廓",
    response_class=Response,
    responses={200: {"model": OutlineCollection}, **problems(400, 404, 503)},
)
def list_outlines(
    request: Request,
    session: SessionDep,
    level: Level = "province",
    parent: Annotated[str | None, Query(pattern=r"^\d{6}$", description="only those below it, drawn finer")] = None,
) -> Response:
    """GeoJSON in WGS-84: a polygon for each division, and the boundary lines that bound none (kind `line`)."""
    lines = [] if parent else regions.lines(session, level)
    return answers.outlines(request, regions.outlines(session, level, parent=parent), lines, level)


@router.get(
    "/locate",
    summary="The divisions of a point 坐标所属行政区划",
    response_class=Response,
    responses={200: {"model": RegionLocated}, **problems(400, 503)},
)
def locate_point(session: SessionDep, asked: Annotated[PointQuery, Query()]) -> Response:
    """Province, city and district; all null at sea. Within 500 m of a border the district is uncertain."""
    return answers.json({"crs": asked.crs, **asdict(regions.locate(session, *asked.position()))})


@router.get(
    "/{adcode}",
    summary="One division 查询行政区划",
    response_class=Response,
    responses={200: {"model": RegionOut}, **problems(400, 404, 503)},
)
def get_region(
    request: Request,
    session: SessionDep,
    adcode: Adcode,
    level: LevelParam = None,
    geometry: Annotated[bool, Query(description="with its outline")] = False,  # noqa: FBT002 - a query parameter
) -> Response:
    """Name, level, parents, area and bounding box; the higher level where a code stands at two."""
    body = asdict(regions.get(session, adcode, level=level))
    if geometry:
        body["geometry"] = regions.outline(session, adcode, level=level).geometry
    return answers.division(request, body)
