"""The union's door: what waits for review, whose turn it is, and deciding it."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from api import answers, paging
from api.deps import Asked, CursorParam, RevisionDep, SessionDep, UpTo500, WhoDep, json_body
from api.routes.upkeep import ANSWERS, StationId
from api.schemas import ReviewList, problems
from api.schemas_custody import Assignment, BatchReviewed
from geo import assignments, opening, reviews, upkeep
from geo.assignments import AssignmentDraft
from geo.reviews import BatchReviewDraft, Queue, ReviewDraft
from geo.vocabulary import StationKind

router = APIRouter(tags=["unions"])


class QueueQuery(Asked):
    """Which part of the queue."""

    region: str | None = Field(None, pattern=r"^\d{6}$", description="adcode within the key's own")
    what: Literal["submission", "proposal", "claim"] | None = None
    managed_by: str | None = Field(None, description="code of the organisation that manages or claims it")
    kind: StationKind | None = None
    assigned: str | None = Field(None, description="`me`, `none`, or the code of an organisation")


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
    asked: Annotated[QueueQuery, Query()],
    limit: Annotated[UpTo500, Query()] = 50,
    cursor: CursorParam = None,
) -> Response:
    """Submissions, proposals for published stations and claims, of the key's region; none of its own line's."""
    after = paging.read_pair(request, cursor) if cursor else None
    found = reviews.queue(session, who, limit=limit + 1, after=after, part=Queue(**asked.model_dump()))
    rows, more = paging.cut(found, limit)
    last = f"{rows[-1]['since'].isoformat()}|{rows[-1]['id']}" if more else None
    items = [answers.waiting(row, opening.moment(session)) for row in rows]
    return answers.json({"items": items, "links": paging.links(request, "application/json", last)})


@router.post(
    "/v1/reviews",
    summary="Decide the same of many stations 批量审核",
    response_class=Response,
    dependencies=[Depends(json_body)],
    responses={200: {"model": BatchReviewed}, **problems(400, 401, 403, 413, 415, 422, 503)},
)
def review_stations(session: SessionDep, who: WhoDep, draft: BatchReviewDraft) -> Response:
    """Up to 500, each on its own: what cannot be decided is named and holds up no other."""
    return answers.json({"items": [asdict(one) for one in upkeep.review_many(session, who, draft)]})


@router.put(
    "/v1/reviews/{station_id}/assignee",
    summary="Take a review on, or assign it 领取或指派审核",
    response_class=Response,
    dependencies=[Depends(json_body)],
    responses={200: {"model": Assignment}, **problems(400, 401, 403, 404, 409, 413, 415, 422, 503)},
)
def assign_review(session: SessionDep, who: WhoDep, station_id: StationId, draft: AssignmentDraft) -> Response:
    """Without an organisation the caller takes it on, for a day; with one it is the turn of one of its own line."""
    made = assignments.assign(session, who, station_id, draft)
    return answers.json(answers.assignment(made.organisation, made.reviewer, made.at))


@router.delete(
    "/v1/reviews/{station_id}/assignee",
    status_code=204,
    summary="Let others take a review on 放弃审核任务",
    response_class=Response,
    responses=problems(400, 401, 403, 404, 409, 503),
)
def release_review(session: SessionDep, who: WhoDep, station_id: StationId) -> Response:
    """It is nobody's turn any more."""
    assignments.release(session, who, station_id)
    return Response(status_code=204)


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
