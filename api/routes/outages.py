"""Closures and faults at scale: which there are, by age, and a whole region closed at once."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from api import answers, paging
from api.deps import Asked, CursorParam, SessionDep, UpTo500, WhoDep, json_body
from api.schemas import problems
from api.schemas_outages import ClosureList, FaultList, RegionClosed, RegionReopened
from geo import outages
from geo.outages import SLA_H, Part, RegionClosureDraft
from geo.vocabulary import Facility

router = APIRouter(tags=["outages"])
LISTED = problems(400, 401, 503)


class PartQuery(Asked):
    """Which part of what the key reaches."""

    region: str | None = Field(None, pattern=r"^\d{6}$", description="adcode")
    managed_by: str | None = Field(None, description="code of the managing organisation")

    def part(self) -> Part:
        """This as the house takes it."""
        return Part(self.region, self.managed_by)


class ClosuresQuery(PartQuery):
    """Which closures."""

    state: Literal["current", "coming"] | None = Field(None, description="both when left out")
    limit: UpTo500 = Field(50, description="how many, at most 500")


class FaultsQuery(PartQuery):
    """Which faults, and how soon they have to be mended."""

    facility: Facility | None = None
    sla_h: float = Field(SLA_H, gt=0, le=8_760, allow_inf_nan=False, description="hours within which it is due")
    overdue: bool = Field(default=False, description="only those past that")
    limit: UpTo500 = Field(50, description="how many, at most 500")


@router.get(
    "/v1/closures",
    summary="Closures under way and to come 关闭安排",
    response_class=Response,
    responses={200: {"model": ClosureList}, **LISTED},
)
def list_closures(
    request: Request,
    session: SessionDep,
    who: WhoDep,
    asked: Annotated[ClosuresQuery, Query()],
    cursor: CursorParam = None,
) -> Response:
    """By their beginning: a host's own and those below, an auditor's region, all for an admin."""
    after = paging.read_pair(request, cursor) if cursor else None
    found = outages.closures(session, who, asked.part(), limit=asked.limit + 1, state=asked.state, after=after)
    rows, more = paging.cut(found, asked.limit)
    last = f"{rows[-1]['starts_at'].isoformat()}|{rows[-1]['id']}" if more else None
    items = [answers.with_instants(row) for row in rows]
    return answers.json({"items": items, "links": paging.links(request, "application/json", last)})


@router.post(
    "/v1/closures",
    status_code=201,
    summary="Close a region for a typhoon or a holiday 区域批量关闭",
    response_class=Response,
    dependencies=[Depends(json_body)],
    responses={201: {"model": RegionClosed}, **problems(400, 401, 404, 413, 415, 422, 503)},
)
def close_region(session: SessionDep, who: WhoDep, draft: RegionClosureDraft) -> Response:
    """Every published station in use there, as far as the key reaches; it opens again by itself, or all at once."""
    batch, stations = outages.close_region(session, who, draft)
    return answers.created(RegionClosed(batch=str(batch), stations=stations), f"/v1/closures/{batch}")


@router.delete(
    "/v1/closures/{batch}",
    summary="Call off the closure of a region 取消区域关闭",
    response_class=Response,
    responses={200: {"model": RegionReopened}, **problems(400, 401, 404, 503)},
)
def reopen_region(session: SessionDep, who: WhoDep, batch: str) -> Response:
    """What is under way ends now, what is to come does not happen."""
    return answers.json({"stations": outages.reopen_region(session, who, batch)})


@router.get(
    "/v1/faults",
    summary="Facilities out of order, the oldest first 设施故障",
    response_class=Response,
    responses={200: {"model": FaultList}, **LISTED},
)
def list_faults(
    request: Request,
    session: SessionDep,
    who: WhoDep,
    asked: Annotated[FaultsQuery, Query()],
    cursor: CursorParam = None,
) -> Response:
    """Since when, and by when it is due: a fault reported again is as old as it was."""
    after = tuple(paging.read(request, cursor).split("|")) if cursor else None
    more_of: dict[str, Any] = {"facility": asked.facility, "sla_h": asked.sla_h, "overdue": asked.overdue}
    found = outages.faults(session, who, asked.part(), limit=asked.limit + 1, after=after, **more_of)
    rows, more = paging.cut(found, asked.limit)
    last = "|".join((rows[-1]["since"].isoformat(), str(rows[-1]["station"]), rows[-1]["facility"])) if more else None
    links = paging.links(request, "application/json", last)
    return answers.json({"items": [answers.fault(row) for row in rows], "links": links})
