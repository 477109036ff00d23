"""What riders say at the door, the poster they scan there, and the union's alerts that follow."""

from html import escape
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlmodel import Session
from starlette.responses import HTMLResponse, Response

from api import addresses, answers, paging
from api.deps import CursorParam, SessionDep, UpTo500, WhoDep, json_body
from api.frequency import Frequency
from api.routes.upkeep import StationId
from api.schemas import problems
from api.schemas_checkins import AlertList, CheckInOut
from geo import alerts, checkins, permits, posters, stations
from geo.access import Operation
from geo.alerts import AlertClosing
from geo.checkins import CheckInDraft, Receipt

router = APIRouter()
SVG, HTML = "image/svg+xml", "text/html"
IS_JSON = [Depends(json_body)]


def frequency_of(request: Request) -> Frequency:
    """The counts of this process."""
    found: Frequency = request.app.state.frequency
    return found


FrequencyDep = Annotated[Frequency, Depends(frequency_of)]


@router.post(
    "/v1/stations/{station_id}/check-ins",
    status_code=201,
    tags=["riders"],
    summary="Say what you found 签到与反馈",
    response_class=Response,
    dependencies=IS_JSON,
    responses={201: {"model": CheckInOut}, **problems(400, 404, 413, 415, 422, 429, 503)},
)
def check_in(
    request: Request, session: SessionDep, frequency: FrequencyDep, station_id: StationId, draft: CheckInDraft
) -> Response:
    """No key. The position is used for `distance_band` and forgotten; a scanned poster is a claim, not a proof."""
    frequency.note(request.client.host if request.client else "", station_id)
    receipt = checkins.record(session, station_id, draft, request.app.state.secret)
    return kept(station_id, draft, receipt)


def kept(station_id: str, draft: CheckInDraft, receipt: Receipt) -> Response:
    """What was kept of a check-in."""
    visit = {"method": "qr_scan", "proof": "claim", "counted": receipt.counted} if receipt.claimed else None
    body = {
        **{"id": str(receipt.row["id"]), "station_id": station_id, "at": stations.instant(receipt.row["at"])},
        **{"outcome": draft.outcome, "facility": draft.facility, "distance_band": receipt.distance_band},
        "visit": visit,
    }
    place = f"/v1/stations/{station_id}/check-ins/{receipt.row['id']}"
    answer = answers.json(body, Location=place)
    answer.status_code = 201
    return answer


@router.get(
    "/v1/stations/{station_id}/qr.svg",
    tags=["riders"],
    summary="The code of a station's poster 站点二维码",
    response_class=Response,
    responses={200: {"content": {SVG: {"schema": {"type": "string"}}}}, **problems(400, 404, 503)},
)
def draw_poster_code(request: Request, session: SessionDep, station_id: StationId) -> Response:
    """SVG. It leads to the check-in of this station and holds a signed token, until it is taken back."""
    card = stations.get(session, station_id)
    return Response(posters.drawn(address_of(request, session, card["id"])), media_type=SVG)


@router.get(
    "/v1/stations/{station_id}/poster",
    tags=["riders"],
    summary="A page to print and put on the door 打印海报",
    response_class=HTMLResponse,
    responses={200: {"content": {HTML: {"schema": {"type": "string"}}}}, **problems(400, 404, 503)},
)
def show_poster(request: Request, session: SessionDep, station_id: StationId) -> HTMLResponse:
    """The station's name and code, its poster code, and what a scan says of a rider: nothing."""
    card = stations.get(session, station_id)
    code = posters.drawn(address_of(request, session, card["id"])).decode()
    told = {"name": escape(card["name"]), "code": escape(card["code"])}
    warning = STAYS_HERE if addresses.stays_here(request) else ""
    return HTMLResponse(POSTER.format(**told, drawing=code, warning=warning))


@router.delete(
    "/v1/stations/{station_id}/poster",
    status_code=204,
    tags=["hosts"],
    summary="Take a poster back 作废海报",
    response_class=Response,
    responses=problems(400, 401, 403, 404, 503),
)
def revoke_poster(session: SessionDep, who: WhoDep, station_id: StationId) -> Response:
    """Its token is refused from now on; the next code asked for is another."""
    posters.revoke(session, permits.see(session, station_id, who, Operation.EDIT)["id"])
    return Response(status_code=204)


@router.get(
    "/v1/alerts",
    tags=["unions"],
    summary="What two riders found within a day 告警队列",
    response_class=Response,
    responses={200: {"model": AlertList}, **problems(400, 401, 403, 503)},
)
def list_alerts(
    request: Request,
    session: SessionDep,
    who: WhoDep,
    limit: Annotated[UpTo500, Query()] = 50,
    cursor: CursorParam = None,
) -> Response:
    """Open alerts of the key's region, oldest first: locked in posted hours, or not found."""
    after = paging.read_pair(request, cursor) if cursor else None
    rows, more = paging.cut(alerts.queue(session, who, limit=limit + 1, after=after), limit)
    last = f"{rows[-1]['raised_at'].isoformat()}|{rows[-1]['alert_id']}" if more else None
    names = ("kind", "check_ins", "station_id", "code", "name", "adcode", "managed_by")
    items = [
        {"id": row["alert_id"], "raised_at": stations.instant(row["raised_at"])} | {name: row[name] for name in names}
        for row in rows
    ]
    return answers.json({"items": items, "links": paging.links(request, "application/json", last)})


@router.post(
    "/v1/alerts/{alert_id}/close",
    status_code=204,
    tags=["unions"],
    summary="Close an alert 处理告警",
    response_class=Response,
    dependencies=IS_JSON,
    responses=problems(400, 401, 403, 404, 413, 415, 422, 503),
)
def close_alert(session: SessionDep, who: WhoDep, alert_id: str, closing: AlertClosing) -> Response:
    """With what was done about it; the same found again raises another."""
    alerts.close(session, who, alert_id, closing)
    return Response(status_code=204)


def address_of(request: Request, session: Session, station_id: object) -> str:
    """What the code leads to; the token stands in the fragment, which no browser sends and no log holds."""
    poster = posters.in_force(session, stations.get(session, str(station_id))["id"])
    return f"{addresses.base(request)}/web/check-in.html#{station_id}.{posters.token(poster, request.app.state.secret)}"


POSTER = """<!doctype html>
<html lang="zh"><meta charset="utf-8"><title>{name}</title>
<style>
body {{ font: 18pt/1.4 sans-serif; text-align: center; margin: 2cm }} svg {{ width: 10cm; height: 10cm }}
p {{ font-size: 12pt; color: #444 }}
#warning {{ background: #fdf1d3; color: #5c3c00; padding: .5cm }} @media print {{ #warning {{ display: none }} }}
</style>
{warning}
<h1>{name}</h1>
{drawing}
<div>扫码签到 · Scan to check in</div>
<p>{code}<br>不记录姓名、手机号和位置 · No name, no number, no position is kept</p>
</html>
"""
STAYS_HERE = """<p id="warning" role="alert">此二维码只在本机有效：请设置 YIZHAN_PUBLIC_URL 后再打印。<br>
This code leads to this computer only: set YIZHAN_PUBLIC_URL before you print it.</p>"""
