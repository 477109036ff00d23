"""The host's door: registering stations and keeping them up."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path
from starlette.responses import Response

from api import answers
from api.deps import NeededRevisionDep, RevisionDep, SessionDep, WhoDep, json_body
from api.schemas import PendingFeature, problems
from geo import upkeep
from geo.closures import ClosureDraft
from geo.stations import FacilityDraft, FacilityState, StationDraft, trimmed
from geo.succession import SuccessionDraft
from geo.vocabulary import Facility

router = APIRouter(tags=["hosts"])

StationId = Annotated[str, Path(json_schema_extra={"format": "uuid"})]
IS_JSON = [Depends(json_body)]
ANSWERS: dict[int | str, dict[str, Any]] = {200: {"model": PendingFeature}, **problems(400, 401, 403, 404, 503)}
WAITING: dict[int | str, dict[str, Any]] = {202: {"model": PendingFeature, "description": "waits for review"}}


@router.post(
    "/v1/stations",
    status_code=201,
    summary="Register a station 登记站点",
    response_class=Response,
    dependencies=IS_JSON,
    responses={201: {"model": PendingFeature}, **problems(400, 401, 403, 409, 413, 415, 422, 503)},
)
def register_station(session: SessionDep, who: WhoDep, draft: StationDraft) -> Response:
    """Enter a station of the caller's own organisation, as a draft that the public does not see."""
    return answers.outcome(session, upkeep.register(session, who, draft))


@router.put(
    "/v1/organisations/{code}/stations/{host_ref:path}",
    summary="Enter or change a station by the host's own number 按网点号登记或更新站点",
    response_class=Response,
    dependencies=IS_JSON,
    responses={
        **ANSWERS,
        201: {"model": PendingFeature, "description": "entered"},
        **WAITING,
        **problems(409, 412, 413, 415, 422),
    },
)
def put_station(
    session: SessionDep,
    who: WhoDep,
    code: str,
    host_ref: Annotated[str, trimmed(100), Path()],
    draft: StationDraft,
    revision: RevisionDep,
) -> Response:
    """Idempotent: the same again changes nothing. What the body leaves out stays as it is."""
    return answers.outcome(session, upkeep.put(session, who, code, host_ref, draft, revision=revision))


@router.patch(
    "/v1/stations/{station_id}",
    summary="Change a station 修改站点",
    response_class=Response,
    dependencies=IS_JSON,
    responses={**ANSWERS, **WAITING, **problems(409, 412, 413, 415, 422, 428)},
)
def amend_station(
    session: SessionDep,
    who: WhoDep,
    station_id: StationId,
    patch: Annotated[dict[str, Any], Body(media_type="application/merge-patch+json")],
    revision: NeededRevisionDep,
) -> Response:
    """A merge patch (RFC 7396): null clears. On a published station name, kind, host and place wait for review."""
    return answers.outcome(session, upkeep.amend(session, who, station_id, patch, revision=revision))


@router.post(
    "/v1/stations/{station_id}/submit",
    summary="Ask for publication 提交审核",
    response_class=Response,
    responses={**ANSWERS, **problems(409, 412)},
)
def submit_station(session: SessionDep, who: WhoDep, station_id: StationId, revision: RevisionDep) -> Response:
    """A draft, or one that was returned, goes to the union's queue."""
    return answers.outcome(session, upkeep.submit(session, who, station_id, revision=revision))


@router.post(
    "/v1/stations/{station_id}/withdraw",
    summary="Take back what waits for review 撤回",
    response_class=Response,
    responses={**ANSWERS, **problems(409, 412)},
)
def withdraw_station(session: SessionDep, who: WhoDep, station_id: StationId, revision: RevisionDep) -> Response:
    """A submission becomes a draft again; of a published station, what waits is withdrawn."""
    return answers.outcome(session, upkeep.withdraw(session, who, station_id, revision=revision))


@router.post(
    "/v1/stations/{station_id}/closures",
    status_code=201,
    summary="Plan a closure 临时关闭",
    response_class=Response,
    dependencies=IS_JSON,
    responses={201: {"model": PendingFeature}, **problems(400, 401, 403, 404, 412, 413, 415, 422, 503)},
)
def close_station(
    session: SessionDep, who: WhoDep, station_id: StationId, draft: ClosureDraft, revision: RevisionDep
) -> Response:
    """It closes and opens again by itself, to the minute."""
    outcome, closure_id = upkeep.close(session, who, station_id, draft, revision=revision)
    return answers.outcome(session, outcome, location=f"/v1/stations/{station_id}/closures/{closure_id}")


@router.delete(
    "/v1/stations/{station_id}/closures/{closure_id}",
    summary="End or call off a closure 取消关闭",
    response_class=Response,
    responses={**ANSWERS, **problems(412)},
)
def reopen_station(
    session: SessionDep, who: WhoDep, station_id: StationId, closure_id: str, revision: RevisionDep
) -> Response:
    """One under way ends now; one to come does not happen."""
    return answers.outcome(session, upkeep.reopen(session, who, station_id, closure_id, revision=revision))


@router.put(
    "/v1/stations/{station_id}/facilities/{facility}",
    summary="Say how a facility is 更新设施状态",
    response_class=Response,
    dependencies=IS_JSON,
    responses={**ANSWERS, **problems(412, 413, 415, 422)},
)
def report_facility(
    session: SessionDep,
    who: WhoDep,
    station_id: StationId,
    facility: Facility,
    state: FacilityState,
    revision: RevisionDep,
) -> Response:
    """Riders see it at once; a filter passes only what is working."""
    draft = FacilityDraft(facility=facility, **state.model_dump())
    return answers.outcome(session, upkeep.report_facility(session, who, station_id, draft, revision=revision))


@router.post(
    "/v1/stations/{station_id}/succession",
    summary="Let another station take its place 迁址或合并",
    response_class=Response,
    dependencies=IS_JSON,
    responses={**ANSWERS, **problems(409, 412, 413, 415, 422)},
)
def succeed_station(
    session: SessionDep, who: WhoDep, station_id: StationId, draft: SuccessionDraft, revision: RevisionDep
) -> Response:
    """Relocated or merged: from now on 308 to the successor, by id and by code. It is for good."""
    return answers.outcome(session, upkeep.succeed(session, who, station_id, draft, revision=revision))
