"""What happened: to a station, and to all those of an organisation."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from sqlalchemy import RowMapping
from starlette.responses import Response

from api import answers, paging
from api.deps import Asked, CursorParam, SessionDep, UpTo500, WhoDep
from api.routes.upkeep import StationId
from api.schemas import HistoryList, problems
from geo import history
from geo.history import Span
from geo.instant import Instant

router = APIRouter(tags=["history"])
CSV = {"text/csv": {"schema": {"type": "string"}}}


class HistoryQuery(Asked):
    """Which entries, and how."""

    since: Instant | None = Field(None, description="from this instant on")
    until: Instant | None = Field(None, description="before this instant")
    actor: str | None = Field(None, description="a key's prefix, or `operator`")
    field: str | None = Field(None, description="only entries that changed it, such as `opening_hours`")
    format: Literal["json", "csv"] = "json"
    limit: UpTo500 = Field(50, description="how many, at most 500")

    def span(self) -> Span:
        """These as the history takes them."""
        return Span(self.since, self.until, self.actor, self.field)


def page(request: Request, found: list[RowMapping], asked: HistoryQuery) -> Response:
    """A page of entries: JSON, or CSV with the next page in the `Link` header."""
    rows, more = paging.cut(found, asked.limit)
    links = paging.links(request, "application/json", str(rows[-1]["id"]) if more else None)
    if asked.format == "csv":
        following = {"Link": f'<{links[1]["href"]}>; rel="next"'} if more else {}
        return Response(history.as_csv(rows), media_type="text/csv", headers=following)
    return answers.json({"items": [answers.entry(row) for row in rows], "links": links})


@router.get(
    "/v1/stations/{station_id}/history",
    summary="What happened to a station 变更历史",
    response_class=Response,
    responses={200: {"model": HistoryList, "content": CSV}, **problems(400, 401, 403, 404, 503)},
)
def list_history(
    request: Request,
    session: SessionDep,
    who: WhoDep,
    station_id: StationId,
    asked: Annotated[HistoryQuery, Query()],
    cursor: CursorParam = None,
) -> Response:
    """Newest first: who, which organisation, when, why, and before and after of each field; JSON or CSV."""
    before = int(paging.read(request, cursor)) if cursor else None
    found = history.of_station(session, who, station_id, asked.span(), limit=asked.limit + 1, before=before)
    return page(request, found, asked)


@router.get(
    "/v1/organisations/{code}/history",
    summary="What an organisation did, and what happened to its stations 机构变更历史",
    response_class=Response,
    responses={200: {"model": HistoryList, "content": CSV}, **problems(400, 401, 403, 404, 503)},
)
def list_organisation_history(
    request: Request,
    session: SessionDep,
    who: WhoDep,
    code: str,
    asked: Annotated[HistoryQuery, Query()],
    cursor: CursorParam = None,
) -> Response:
    """Newest first, those below it included: for the organisation itself, those above it, and an admin."""
    before = int(paging.read(request, cursor)) if cursor else None
    found = history.of_organisation(session, who, code, asked.span(), limit=asked.limit + 1, before=before)
    return page(request, found, asked)
