"""Stations that change hands: transfers both sides agree to, claims the union decides."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api import answers, paging
from api.deps import CursorParam, RevisionDep, SessionDep, UpTo500, WhoDep, json_body
from api.routes.upkeep import ANSWERS, StationId
from api.schemas import PendingFeature, problems
from api.schemas_custody import CustodyList
from geo import custody
from geo.custody import ClaimDecision, ClaimDraft, TransferDraft

router = APIRouter(tags=["custody"])

IS_JSON = [Depends(json_body)]
AGREED: dict[int | str, dict[str, Any]] = {202: {"model": PendingFeature, "description": "waits for the other side"}}


@router.get(
    "/v1/transfers",
    summary="Transfers and claims that wait 待办移交与认领",
    response_class=Response,
    responses={200: {"model": CustodyList}, **problems(400, 401, 503)},
)
def list_transfers(
    request: Request,
    session: SessionDep,
    who: WhoDep,
    limit: Annotated[UpTo500, Query()] = 50,
    cursor: CursorParam = None,
) -> Response:
    """Oldest first: from and to the caller's organisation and those below; for an auditor, claims in its region."""
    after = paging.read(request, cursor) if cursor else None
    rows, more = paging.cut(custody.browse(session, who, limit=limit + 1, after=after), limit)
    links = paging.links(request, "application/json", str(rows[-1]["id"]) if more else None)
    return answers.json({"items": [answers.with_instants(row) for row in rows], "links": links})


@router.post(
    "/v1/stations/{station_id}/transfer",
    summary="Agree to a change of the managing organisation 移交站点",
    response_class=Response,
    dependencies=IS_JSON,
    responses={**ANSWERS, **AGREED, **problems(409, 412, 413, 415, 422)},
)
def transfer_station(
    session: SessionDep, who: WhoDep, station_id: StationId, draft: TransferDraft, revision: RevisionDep
) -> Response:
    """Both sides say it, in whatever order: 202 after the first, 200 when the station has changed hands."""
    return answers.outcome(session, custody.transfer(session, who, station_id, draft, revision=revision))


@router.delete(
    "/v1/stations/{station_id}/transfer",
    summary="Refuse or take back a transfer or claim 拒绝或撤回移交",
    response_class=Response,
    responses={**ANSWERS, **problems(412)},
)
def decline_transfer(session: SessionDep, who: WhoDep, station_id: StationId, revision: RevisionDep) -> Response:
    """Either side may; the station stays where it is."""
    return answers.outcome(session, custody.decline(session, who, station_id, revision=revision))


@router.post(
    "/v1/stations/{station_id}/claim",
    summary="Ask for a station that nobody manages 认领站点",
    response_class=Response,
    dependencies=IS_JSON,
    responses={**ANSWERS, **AGREED, **problems(409, 412, 413, 415, 422)},
)
def claim_station(
    session: SessionDep, who: WhoDep, station_id: StationId, draft: ClaimDraft, revision: RevisionDep
) -> Response:
    """It waits in the queue of the region's union, which decides."""
    return answers.outcome(session, custody.claim(session, who, station_id, draft, revision=revision))


@router.post(
    "/v1/stations/{station_id}/claim/decision",
    summary="Grant or refuse a claim 审批认领",
    response_class=Response,
    dependencies=IS_JSON,
    responses={**ANSWERS, **problems(409, 412, 413, 415, 422)},
)
def decide_claim(
    session: SessionDep, who: WhoDep, station_id: StationId, decided: ClaimDecision, revision: RevisionDep
) -> Response:
    """For the union of the station's region, never for a claim of its own line."""
    return answers.outcome(session, custody.decide_claim(session, who, station_id, decided, revision=revision))
