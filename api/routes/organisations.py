"""Administration: organisations and their keys."""

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api import answers
from api.deps import SessionDep, WhoDep, json_body
from api.schemas import KeyOut, OrganisationOut, problems
from geo import organisations
from geo.organisations import KeyDraft, OrganisationDraft

router = APIRouter(tags=["administration"])
IS_JSON = [Depends(json_body)]


@router.post(
    "/v1/organisations",
    status_code=201,
    summary="Enter an organisation 登记机构",
    response_class=Response,
    dependencies=IS_JSON,
    responses={201: {"model": OrganisationOut}, **problems(400, 401, 403, 404, 409, 413, 415, 422, 503)},
)
def create_organisation(session: SessionDep, who: WhoDep, draft: OrganisationDraft) -> Response:
    """A bank, a union, a host; its code is permanent."""
    organisations.require_admin(who)
    made = organisations.create(session, draft)
    return answers.created(OrganisationOut.model_validate(made, from_attributes=True), f"/v1/organisations/{made.code}")


@router.post(
    "/v1/organisations/{code}/keys",
    status_code=201,
    summary="Make an API key 创建密钥",
    response_class=Response,
    dependencies=IS_JSON,
    responses={201: {"model": KeyOut}, **problems(400, 401, 403, 404, 413, 415, 422, 503)},
)
def create_key(session: SessionDep, who: WhoDep, code: str, draft: KeyDraft) -> Response:
    """The secret is shown this once. Several live keys let one be replaced without a gap."""
    organisations.require_admin(who)
    key = organisations.create_key(session, code, **draft.model_dump())
    prefix = organisations.prefix_of(key)
    return answers.created(KeyOut(key=key, prefix=prefix), f"/v1/keys/{prefix}")


@router.delete(
    "/v1/keys/{prefix}",
    status_code=204,
    summary="End a key at once 吊销密钥",
    response_class=Response,
    responses=problems(400, 401, 403, 404, 503),
)
def revoke_key(session: SessionDep, who: WhoDep, prefix: str) -> Response:
    """Holds in every server process from the next request on."""
    organisations.require_admin(who)
    organisations.revoke_key(session, prefix)
    return Response(status_code=204)
