"""The examples of visits, in Chinese and in English."""

from datetime import date
from typing import Any

from api.examples import HAVEN_ID, STOP_ID, Shown, same
from geo.anomalies import Flag, explained
from geo.audit_counts import Oddity
from geo.vocabulary import VisitMethod

VISIT_ID = "7b1f0c8e-52d4-4f1b-9d0e-1c5a7e0f2b63"
OTHER_ID = "0d3c9a55-8e0b-47c1-b7a6-4f2e6d1a9c10"
DAY = "2026-09-14T00:00:00+08:00"


def _visit(station_id: str, **said: Any) -> dict[str, Any]:
    told = {"id": VISIT_ID, "station_id": station_id, "count": 38, "started_at": DAY, "ended_at": None}
    told |= {"method": "people_counter", "complete": True, "by_group": None, "organisation": "ccb-zz", "device": None}
    told |= {"reverses": None, "reason": None, "flags": [], "explanations": []}
    return told | {"recorded_at": "2026-09-15T08:00:00+08:00"} | said


def _bucket(**said: Any) -> dict[str, Any]:
    told = {"start": "2026-09-01", "visits": 1042, "lower_bound": False, "by_method": {"people_counter": 1042}}
    return told | {"suppressed": False} | said


QUIET = _bucket(start="2026-10-01", visits=None, by_method={})
ROWS = [{"station_id": HAVEN_ID, "id": VISIT_ID, "count": 38, "started_at": DAY, "method": "people_counter"}]
PARAMETERS: dict[str, Shown] = {"visit_id": same(VISIT_ID)}
PARAMETERS_OF: dict[str, Shown] = {
    f"{operation} {name}": same(value)
    for operation in ("count_station_visits", "count_visits")
    for name, value in {"group_by": "kind", "from": "2026-09-01", "to": "2026-10-31", "bucket": "month"}.items()
}
BODIES: dict[str, Shown] = {
    "record_visit": Shown(
        {"id": VISIT_ID, "count": 38, "started_at": DAY, "method": "people_counter", "device": "门口计数器"},
        {"id": VISIT_ID, "started_at": "2026-09-14T12:30:00+08:00", "method": "access_control"},
    ),
    "record_visits application/json": Shown(ROWS, [ROWS[0] | {"station_id": STOP_ID}]),
    "record_visits application/x-ndjson": same(f'{{"station_id": "{HAVEN_ID}", "id": "{VISIT_ID}"}}\n'),
    "record_visits text/csv": same(
        f"station_id,id,count,started_at,method\n{HAVEN_ID},{VISIT_ID},38,{DAY},staff_tally\n"
    ),
    "reverse_visit": Shown({"id": OTHER_ID, "reason": "多报一天"}, {"id": OTHER_ID, "reason": "Counted twice"}),
}
HIGH = Oddity(Flag.ABOVE_MEDIAN, date(2026, 9, 3), date(2026, 9, 3), 1, 400, VisitMethod.STAFF_TALLY, 38.0)
ODD = {"flags": ["closed_day"], "explanations": explained(["closed_day"])}
REVERSED = {"id": OTHER_ID, "count": -38, "reverses": VISIT_ID}
ANSWERS: dict[str, Shown] = {
    "record_visit": Shown(_visit(HAVEN_ID, **ODD), _visit(STOP_ID, count=1, method="access_control")),
    "record_visits": same(
        {
            "counts": {"recorded": 1, "known": 0, "refused": 0},
            "rows": [{"row": 1, "verdict": "recorded", "id": VISIT_ID, "status": 201, "flags": [], "errors": []}],
            "explanations": [],
        }
    ),
    "reverse_visit": Shown(
        _visit(HAVEN_ID, **REVERSED, reason="多报一天"), _visit(STOP_ID, **REVERSED, reason="Counted twice")
    ),
    "list_visit_anomalies": same(
        {"items": [HIGH.words() | vars(HIGH) | {"first": "2026-09-03", "last": "2026-09-03"}]}
    ),
    "count_station_visits": same({"bucket": "month", "buckets": [_bucket(), QUIET]}),
    "count_visits": same(
        {"bucket": "month", "group_by": "kind", "buckets": [_bucket(group="bank_haven", stations=31)]}
    ),
    "count_visits text/csv": same(
        "start,group,stations,visits,lower_bound,suppressed\n2026-09-01,,31,1042,False,False\n"
    ),
}
