"""The union's planning: how much is served, where the holes are, where the next station should go."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from api import answers
from api.deps import CrsParam, SessionDep, WhoDep
from api.deps_coverage import POINTS_BODY, CoverageQuery, DivisionsQuery, GapsQuery, SitingQuery, points_body
from api.schemas import problems
from api.schemas_coverage import CoverageByDivision, CoverageOut, GapCollection, PointsOut, SiteCollection
from geo import coverage, points
from geo.datum import Datum

router = APIRouter(prefix="/v1/coverage", tags=["unions"])

Purpose = Literal["demand", "premises"]
ERRORS = problems(400, 401, 403, 404, 503)


@router.get(
    "",
    summary="Coverage of a region 区域覆盖率",
    response_class=Response,
    responses={200: {"model": CoverageOut}, **ERRORS},
)
def measure_coverage(session: SessionDep, who: WhoDep, asked: Annotated[CoverageQuery, Query()]) -> Response:
    """Share of area and of demand within the radius, and how far the nearest station is; straight lines x `detour`.

    Published stations that are open or limited count, those across the border too; closures only with `at`.
    """
    return answers.json(coverage.measured(session, who, asked.asked(session)))


@router.get(
    "/divisions",
    summary="Coverage of each division of a region 各区划覆盖率",
    response_class=Response,
    responses={200: {"model": CoverageByDivision}, **ERRORS},
)
def list_coverage(session: SessionDep, who: WhoDep, asked: Annotated[DivisionsQuery, Query()]) -> Response:
    """For a map coloured by coverage; the whole country by district takes most of a minute the first time."""
    return answers.json(coverage.by_division(session, who, asked.asked(session), asked.by))


@router.get(
    "/gaps",
    summary="Where people live out of reach 覆盖空白区",
    response_class=Response,
    responses={200: {"model": GapCollection}, **ERRORS},
)
def find_gaps(session: SessionDep, who: WhoDep, asked: Annotated[GapsQuery, Query()]) -> Response:
    """Connected cells within the radius of a demand point and of no station; most demand first."""
    return answers.shapes(coverage.holes(session, who, asked.asked(session), limit=asked.limit), asked.crs)


@router.get(
    "/siting",
    summary="Where the next stations should go 选址建议",
    response_class=Response,
    responses={200: {"model": SiteCollection}, **ERRORS},
)
def suggest_sites(session: SessionDep, who: WhoDep, asked: Annotated[SitingQuery, Query()]) -> Response:
    """The places that add most covered demand, each with what it adds; `optimum_at_most` bounds any other choice.

    A host may ask with its own premises: which of my branches should open a station?
    """
    count, candidates = asked.n, asked.candidates
    found = coverage.suggest(session, who, asked.asked(session), count=count, candidates=candidates)
    return answers.shapes(found, asked.crs)


@router.put(
    "/points/{purpose}",
    summary="Upload demand points or premises 上传需求点或候选网点",
    response_class=Response,
    responses={200: {"model": PointsOut}, **problems(400, 401, 413, 415, 422, 503)},
    openapi_extra=POINTS_BODY,
)
def put_points(
    session: SessionDep,
    who: WhoDep,
    purpose: Purpose,
    content: Annotated[bytes, Depends(points_body)],
    crs: CrsParam = Datum.WGS84,
) -> Response:
    """CSV (lon, lat, weight, name; 经度 纬度 权重 名称) or GeoJSON points; they replace those before."""
    return answers.points(points.replace(session, who.organisation, purpose, content, crs), purpose)


@router.get(
    "/points/{purpose}",
    summary="What was uploaded 已上传的点",
    response_class=Response,
    responses={200: {"model": PointsOut}, **problems(400, 401, 404, 503)},
)
def get_points(session: SessionDep, who: WhoDep, purpose: Purpose) -> Response:
    """How many points the organisation keeps, their weight and their box."""
    return answers.points(points.summary(session, who.organisation, purpose), purpose)


@router.delete(
    "/points/{purpose}",
    status_code=204,
    summary="Forget uploaded points 删除已上传的点",
    response_class=Response,
    responses=problems(400, 401, 404, 503),
)
def discard_points(session: SessionDep, who: WhoDep, purpose: Purpose) -> Response:
    """Coverage goes back to the bundled demand."""
    points.discard(session, who.organisation, purpose)
    return Response(status_code=204)
