"""The examples of audits and figures, as in `api.examples`."""

from typing import Any

from api.examples import HAVEN_ID, STOP_ID, Shown, page

SUBJECT = {
    **{"id": HAVEN_ID, "code": "YZ0000000176", "name": "劳动者港湾(建行郑州金水支行)", "managed_by": "ccb-zz"},
    **{"adcode": "410105", "lon": 113.6654, "lat": 34.7579},
}
WORDS = {
    "zh": "填报属于二七区，实际位于金水区，在二七区界外 0.9 公里。",
    "en": "It says Erqi and stands in Jinshui, 0.9 km outside.",
}
FINDING: dict[str, Any] = {
    **{"id": HAVEN_ID, "audit": "mislocated", "score": 904.2, "station": SUBJECT, "other": None, "explanation": WORDS},
    **{"terms": {"outside_m": 904.2, "near_boundary": False}, "facts": {"stated_district": "二七区"}},
}
OPEN = {"state": "open", "reason": None, "decided_by": None, "decided_at": None}
WHO = {"decided_by": "yz_3f9a1c5e7b20", "decided_at": "2026-09-14T10:00:00+08:00"}
REJECTED = {"state": "rejected", "reason": "Checked on the spot: the outline is coarse here"} | WHO


def listed(state: dict[str, Any]) -> dict[str, Any]:
    """A page of one finding."""
    states = {"open": 1, "explained": 4, "accepted": 0, "rejected": 1, "mended": 2}
    links = page("/v1/audits/mislocated?region=410100")
    return {"total": 1, "states": states, "items": [FINDING | state], "links": links}


PARAMETERS = {
    "audit": Shown("mislocated", "duplicates"),
    "finding_id": Shown(HAVEN_ID, f"{HAVEN_ID}.{STOP_ID}"),
    "state": Shown(["open"], ["accepted"]),
    "group_by": Shown(["region"], ["kind"]),
    "week": Shown("2026-W40", "2026-W40"),
    "year": Shown(2026, 2026),
}
PARAMETERS_OF: dict[str, Shown] = {}
BODIES = {
    "decide_finding": Shown(
        {"state": "accepted", "reason": "请管理单位更正"},
        {"state": "rejected", "reason": "Checked on the spot: the outline is coarse here"},
    ),
}
WEEK = {"week": "2026-W40", "since": "2026-09-28T00:00:00+08:00", "until": "2026-10-05T00:00:00+08:00"}
PLACE = {"region": "410100", "level": "city", "name": "郑州市"}
VISITS = {
    **{"total": 5210, "lower_bound": False, "reporting": 61, "silent": 21, "by_method": {"staff_tally": 5210}},
    "by_day": [
        {"day": "2026-09-28", "visits": 812, "stations": 61},
        {"day": "2026-09-29", "visits": None, "stations": 0},
    ],
    "by": {"kind": [{"kind": "union_station", "visits": 5210}]},
}
WEEKLY = {
    **{**PLACE, **WEEK, "as_of": "2026-10-05T09:00:00+08:00"},
    **{"stations": 82, "by": {"kind": [{"kind": "union_station", "stations": 82}]}},
    "visits": VISITS,
    **{
        "happened": {"entered": 3, "published": 2},
        "coverage": {"stations": 80, "demand_share": 0.12},
    },
    "open_findings": {"mislocated": 5},
}
NATIONAL = {
    **{"stations": 186100, "open_24h": 12100, "smart": 11800, "battery_swap": 2010, "medicine": 110000},
    **{"legal_aid": 20100, "visits_a_day": 2310000.0, "visits": 840840000, "visits_lower_bound": True},
    **{"visits_from": "2026-01-01", "visits_to": "2026-12-30", "reporting_stations": 121000},
    "as_of": "2026-12-31T18:00:00+08:00",
    "sentence": {"zh": "全国共有户外劳动者服务站点 186,100 个……", "en": "186,100 stations for outdoor workers, …"},
}
BY_KIND = [{"kind": "union_station", "stations": 82}]
BY_REGION = [
    {"region": "410105", "name": "金水区", "stations": 40},
    {"region": "410103", "name": "二七区", "stations": 42},
]
CSV = Shown("region,name,stations\n410105,金水区,40\n", "kind,stations\nunion_station,82\n")
ANSWERS = {
    "count_stations": Shown(PLACE | {"total": 82, "items": BY_REGION}, PLACE | {"total": 82, "items": BY_KIND}),
    "count_stations text/csv": CSV,
    "tell_national_figures": Shown(NATIONAL, NATIONAL),
    "write_weekly_report": Shown(WEEKLY, WEEKLY),
    "write_weekly_report text/csv": Shown(
        "section,item,value\nreport,name,郑州市\n", "section,item,value\nreport,week,2026-W40\n"
    ),
    "write_weekly_report text/html": Shown("<h1>郑州市 2026-W40 驿站周报</h1>", "<h1>Weekly report</h1>"),
    "list_findings": Shown(listed(OPEN), listed(REJECTED)),
    "decide_finding": Shown(FINDING | {"state": "accepted", "reason": "请管理单位更正"} | WHO, FINDING | REJECTED),
}
