"""Administration: organisations and their keys."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from api import answers, paging
from api.deps import Asked, CursorParam, SessionDep, UpTo500, WhoDep, json_body
from api.schemas import KeyOut, OrganisationOut, problems
from api.schemas_custody import KeyList, KeyRotated, KeySelf, OrganisationCard, OrganisationList
from geo import keys, organisations, stations
from geo.keys import RotationDraft
from geo.organisations import KeyDraft, OrganisationDraft, OrganisationPatch
from geo.vocabulary import OrganisationKind

router = APIRouter(tags=["administration"])
IS_JSON = [Depends(json_body)]


class OrganisationsQuery(Asked):
    """Which organisations."""

    parent: str | None = Field(None, description="its children")
    below: bool = Field(default=False, description="with `parent`: everything under it")
    kind: OrganisationKind | None = None
    region: str | None = Field(None, pattern=r"^\d{6}$", description="adcode it is for")
    q: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(None, description="part of name or code")


@router.get(
    "/v1/organisations",
    summary="Organisations, as a tree 机构列表",
    response_class=Response,
    responses={200: {"model": OrganisationList}, **problems(400, 401, 404, 503)},
)
def list_organisations(
    request: Request,
    session: SessionDep,
    who: WhoDep,
    asked: Annotated[OrganisationsQuery, Query()],
    limit: Annotated[UpTo500, Query()] = 100,
    cursor: CursorParam = None,
) -> Response:
    """In the order of their codes: head offices and branches, unions from the nation to the district."""
    after = paging.read(request, cursor) if cursor else None
    found = organisations.browse(session, limit=limit + 1, after=after, **asked.model_dump())
    rows, more = paging.cut(found, limit)
    links = paging.links(request, "application/json", str(rows[-1]["code"]) if more else None)
    return answers.json({"items": [dict(row) for row in rows], "links": links})


@router.get(
    "/v1/organisations/{code}",
    summary="One organisation 查询机构",
    response_class=Response,
    responses={200: {"model": OrganisationCard}, **problems(400, 401, 404, 503)},
)
def get_organisation(session: SessionDep, who: WhoDep, code: str) -> Response:
    """Where it stands in the tree, and how many stations it manages itself."""
    return answers.json(dict(organisations.card(session, code)))


@router.patch(
    "/v1/organisations/{code}",
    summary="Change an organisation 修改机构",
    response_class=Response,
    dependencies=IS_JSON,
    responses={200: {"model": OrganisationCard}, **problems(400, 401, 403, 404, 409, 413, 415, 422, 503)},
)
def amend_organisation(session: SessionDep, who: WhoDep, code: str, patch: OrganisationPatch) -> Response:
    """Its name, parent, region or credit code; what is left out stays, null clears. The tree has no rings."""
    organisations.require_admin(who)
    return answers.json(dict(organisations.amend(session, code, patch)))


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


@router.get(
    "/v1/organisations/{code}/keys",
    summary="The keys of an organisation 密钥列表",
    response_class=Response,
    responses={200: {"model": KeyList}, **problems(400, 401, 403, 404, 503)},
)
def list_keys(session: SessionDep, who: WhoDep, code: str) -> Response:
    """Oldest first, with the day each was last used; never a secret. For an admin, and for the organisation itself."""
    keys.require_keeper(session, who, code)
    rows = keys.browse(session, code)
    instants = ("created_at", "expires_at", "revoked_at")
    return answers.json(
        {"items": [{**row, **{name: stations.instant(row[name]) for name in instants}} for row in rows]}
    )


@router.get(
    "/v1/keys/self",
    summary="Whose key this is 密钥身份",
    response_class=Response,
    responses={200: {"model": KeySelf}, **problems(400, 401, 503)},
)
def tell_key(session: SessionDep, who: WhoDep) -> Response:
    """What the key that asks may do, and where: for a page that signs somebody in."""
    return answers.json(keys.told(session, who))


@router.post(
    "/v1/keys/{prefix}/rotation",
    status_code=201,
    summary="Replace a key without a gap 轮换密钥",
    response_class=Response,
    dependencies=IS_JSON,
    responses={201: {"model": KeyRotated}, **problems(400, 401, 403, 404, 413, 415, 422, 503)},
)
def rotate_key(session: SessionDep, who: WhoDep, prefix: str, draft: RotationDraft) -> Response:
    """A new key like it; the old one lives on for the overlap. A key may replace itself."""
    keys.require_holder(session, who, prefix)
    key, ends = keys.rotate(session, prefix, overlap_h=draft.overlap_h)
    made = KeyRotated(key=key, prefix=organisations.prefix_of(key), old_expires_at=stations.instant(ends) or "")
    return answers.created(made, f"/v1/keys/{made.prefix}")


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
