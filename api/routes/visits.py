"""Visits: hosts record them, one or many at a time, and take them back; everybody reads the totals."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import Field
from starlette.responses import Response

from api import counting, errors
from api.deps import Asked, PerhapsDep, SessionDep, WhoDep, bearer, json_body
from api.routes.upkeep import IS_JSON, StationId
from api.schemas import problems
from api.schemas_visits import OddityList, StationVisits, VisitFigures, VisitOut, VisitReport
from geo import audit_counts, visit_figures, visits
from geo.visit_draft import VisitDraft
from geo.visit_figures import Bucket, GroupBy, Scope, Span
from geo.visits import MEDIA_TYPES, ReversalDraft
from geo.vocabulary import StationKind, VisitMethod

router = APIRouter(prefix="/v1", tags=["hosts"])

TEXT = {"schema": {"type": "string"}}
ROWS: dict[str, Any] = {"schema": {"type": "array", "items": {"type": "object"}}}
BODY = {"required": True, "content": {"application/json": ROWS, "application/x-ndjson": TEXT, "text/csv": TEXT}}
MADE: dict[int | str, dict[str, Any]] = {
    200: {"model": VisitOut, "description": "it was there already"},
    201: {"model": VisitOut},
    **problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
}


def key_given(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> str:
    """The key itself: the ledger looks it up with the station, in the same statement."""
    return given.credentials if given else ""


KeyDep = Annotated[str, Depends(key_given)]


async def rows_given(request: Request) -> tuple[bytes, str]:
    """A body of many visits and what it is. Refuses other media types with 415."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise errors.unsupported_media_type(", ".join(MEDIA_TYPES))
    return await request.body(), media_type


class SpanQuery(Asked):
    """From which day to which, both included."""

    first: date = Field(alias="from", description="the first day, in Asia/Shanghai")
    last: date = Field(alias="to", description="the last day")
    bucket: Bucket = Bucket.DAY

    def span(self) -> Span:
        """The days as the figures take them. Raises `InvalidQuery`."""
        return Span(self.first, self.last, self.bucket)


class FiguresQuery(SpanQuery):
    """Of which stations, split by what."""

    region: str | None = Field(None, pattern=r"^\d{6}$", description="six-digit adcode")
    level: str | None = Field(None, pattern="^(country|province|city|district)$", description="level of `region`")
    kind: StationKind | None = None
    organisation: str | None = Field(None, description="its stations and those of all below it")
    method: VisitMethod | None = None
    group_by: GroupBy | None = None
    format: Literal["json", "csv"] = "json"

    def scope(self) -> Scope:
        """Which stations, as the figures take them."""
        names = ("region", "level", "kind", "organisation", "method", "group_by")
        return Scope(**{name: getattr(self, name) for name in names})


@router.post(
    "/stations/{station_id}/visits",
    status_code=201,
    summary="Record visits of a station 上报服务人次",
    response_class=Response,
    dependencies=IS_JSON,
    responses=MADE,
)
def record_visit(session: SessionDep, _: WhoDep, key: KeyDep, station_id: StationId, draft: VisitDraft) -> Response:
    """Append-only and idempotent: the same `id` again is answered by the first, with other content by 409."""
    return counting.visit(visits.record(session, key, station_id, draft))


@router.post(
    "/visits",
    summary="Record many visits 批量上报服务人次",
    response_class=Response,
    responses={200: {"model": VisitReport}, **problems(400, 401, 413, 415, 422, 503)},
    openapi_extra={"requestBody": BODY},
)
def record_visits(
    session: SessionDep, _: WhoDep, key: KeyDep, given: Annotated[tuple[bytes, str], Depends(rows_given)]
) -> Response:
    """Up to 10,000 rows, each with `station_id`, as JSON, NDJSON or CSV: a verdict a row, and the good ones count."""
    return counting.verdicts(visits.record_many(session, key, *given))


@router.post(
    "/stations/{station_id}/visits/{visit_id}/reversal",
    status_code=201,
    summary="Take a visit back 冲正",
    response_class=Response,
    dependencies=[Depends(json_body)],
    responses=MADE,
)
def reverse_visit(
    session: SessionDep,
    who: WhoDep,
    key: KeyDep,
    station_id: StationId,
    visit_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})],
    draft: ReversalDraft,
) -> Response:
    """Nothing is deleted: a second row takes away what the first one counted."""
    return counting.visit(visits.reverse(session, who, key, station_id, visit_id, draft))


@router.get(
    "/stations/{station_id}/visits",
    summary="Visits of a station 站点服务人次",
    response_class=Response,
    responses={200: {"model": StationVisits}, **problems(400, 401, 404, 503)},
)
def count_station_visits(
    session: SessionDep, who: PerhapsDep, station_id: StationId, asked: Annotated[SpanQuery, Query()]
) -> Response:
    """Every bucket of the span; null where nothing was reported. The official total is the most trusted method's."""
    return counting.of_station(visit_figures.of_station(session, who, station_id, asked.span()), asked.bucket)


@router.get(
    "/stations/{station_id}/visits/anomalies",
    summary="What looks odd about a station's counts 站点人次异常",
    response_class=Response,
    responses={200: {"model": OddityList}, **problems(400, 401, 403, 404, 503)},
)
def list_visit_anomalies(session: SessionDep, who: WhoDep, station_id: StationId) -> Response:
    """Of the last half year, each explained; for who manages the station and for the union of its region."""
    return counting.oddities(audit_counts.of_station(session, who, station_id))


@router.get(
    "/stats/visits",
    tags=["unions"],
    summary="Visits of many stations 服务人次统计",
    response_class=Response,
    responses={
        200: {"model": VisitFigures, "content": {"text/csv": TEXT}},
        **problems(400, 401, 404, 503),
    },
)
def count_visits(session: SessionDep, who: PerhapsDep, asked: Annotated[FiguresQuery, Query()]) -> Response:
    """By region, kind, organisation or method; the public is not told numbers of 1 to 4."""
    cells = visit_figures.of_many(session, who, asked.scope(), asked.span())
    if asked.format == "csv":
        return counting.table(cells)
    return counting.of_many(cells, asked.bucket, asked.group_by)
