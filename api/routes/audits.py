"""The union's audits: what was found, and what became of it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from api import answers, paging
from api.deps import CursorParam, SessionDep, UpTo500, WhoDep, json_body, split_commas
from api.deps_coverage import RegionQuery
from api.schemas import problems
from api.schemas_audits import FindingList, FindingOut
from geo import audits, findings
from geo.findings import Audit, Decision, State

router = APIRouter(prefix="/v1/audits", tags=["unions"])

PAIR = r"^[0-9a-f-]{36}(\.[0-9a-f-]{36})?$"


class AuditQuery(RegionQuery):
    """A region, and findings in which states."""

    state: Annotated[list[State], BeforeValidator(split_commas)] = Field([], description="any of these")
    limit: UpTo500 = 50
    cursor: CursorParam = None


@router.get(
    "/{audit}",
    summary="Findings of an audit 核查发现",
    response_class=Response,
    responses={200: {"model": FindingList}, **problems(400, 401, 403, 404, 503)},
)
def list_findings(
    request: Request, session: SessionDep, who: WhoDep, audit: Audit, asked: Annotated[AuditQuery, Query()]
) -> Response:
    """The gravest first, each explained in Chinese and English; last those accepted that are mended by now."""
    last = paging.read(request, asked.cursor) if asked.cursor else None
    everything = audits.found(session, who, audit, region=asked.region, level=asked.level)
    found = [each for each in everything if not asked.state or each.state in asked.state]
    page, more = paging.cut(found[paging.after_key([each.id for each in found], last) :], asked.limit)
    links = paging.links(request, "application/json", page[-1].id if more else None)
    items = [answers.finding(each) for each in page]
    return answers.json({"total": len(found), "states": findings.tally(everything), "items": items, "links": links})


@router.post(
    "/{audit}/findings/{finding_id}",
    summary="Decide about a finding 处理核查发现",
    response_class=Response,
    dependencies=[Depends(json_body)],
    responses={200: {"model": FindingOut}, **problems(400, 401, 403, 404, 409, 413, 415, 422, 503)},
)
def decide_finding(
    session: SessionDep,
    who: WhoDep,
    audit: Audit,
    finding_id: Annotated[str, Path(pattern=PAIR)],
    decision: Decision,
) -> Response:
    """Accepted, rejected with a reason, or open again. That it is mended the registry sees by itself.

    Of duplicates `keep` names the one that stays; the other is merged into it: visits, ids and history are kept, and
    who asks for the merged one is led on (308).
    """
    return answers.json(answers.finding(audits.decide(session, who, audit, finding_id, decision)))
