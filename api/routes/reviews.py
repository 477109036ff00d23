"""The union's door: what waits for review, deciding it, and what happened to a station."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api import answers, paging
from api.deps import CursorParam, RevisionDep, SessionDep, UpTo500, WhoDep, json_body
from api.routes.upkeep import ANSWERS, StationId
from api.schemas import HistoryList, ReviewList, problems
from geo import opening, reviews, upkeep
from geo.reviews import ReviewDraft

router = APIRouter(tags=["unions"])


@router.get(
    "/v1/reviews",
    summary="What waits for review, oldest first 审核队列",
    response_class=Response,
    responses={200: {"model": ReviewList}, **problems(400, 401, 403, 503)},
)
def list_reviews(
    request: Request,
    session: SessionDep,
    who: WhoDep,
    limit: Annotated[UpTo500, Query()] = 50,
    cursor: CursorParam = None,
) -> Response:
    """Submissions, and proposals for published stations, of the key's region; none of its own line's."""
    after = paging.read_pair(request, cursor) if cursor else None
    rows, more = paging.cut(reviews.queue(session, who, limit=limit + 1, after=after), limit)
    last = f"{rows[-1]['since'].isoformat()}|{rows[-1]['id']}" if more else None
    items = [answers.waiting(row, opening.moment(session)) for row in rows]
    return answers.json({"items": items, "links": paging.links(request, "application/json", last)})


@router.post(
    "/v1/stations/{station_id}/review",
    summary="Publish, return or delist 审核",
    response_class=Response,
    dependencies=[Depends(json_body)],
    responses={**ANSWERS, **problems(409, 412, 413, 415, 422)},
)
def review_station(
    session: SessionDep, who: WhoDep, station_id: StationId, draft: ReviewDraft, revision: RevisionDep
) -> Response:
    """Of a published station with a proposal, publish accepts the proposal and return refuses it."""
    return answers.outcome(session, upkeep.review(session, who, station_id, draft, revision=revision))


@router.get(
    "/v1/stations/{station_id}/history",
    summary="What happened to a station 变更历史",
    response_class=Response,
    responses={200: {"model": HistoryList}, **problems(400, 401, 403, 404, 503)},
)
def list_history(
    request: Request,
    session: SessionDep,
    who: WhoDep,
    station_id: StationId,
    limit: Annotated[UpTo500, Query()] = 50,
    cursor: CursorParam = None,
) -> Response:
    """Newest first: who, which organisation, when, why, and before and after of each field."""
    before = int(paging.read(request, cursor)) if cursor else None
    rows, more = paging.cut(upkeep.history(session, who, station_id, limit=limit + 1, before=before), limit)
    links = paging.links(request, "application/json", str(rows[-1]["id"]) if more else None)
    return answers.json({"items": [answers.entry(row) for row in rows], "links": links})
