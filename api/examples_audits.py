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
    return {"total": 1, "items": [FINDING | state], "links": page("/v1/audits/mislocated?region=410100")}


PARAMETERS = {
    "audit": Shown("mislocated", "duplicates"),
    "finding_id": Shown(HAVEN_ID, f"{HAVEN_ID}.{STOP_ID}"),
    "state": Shown("open", "accepted"),
}
PARAMETERS_OF: dict[str, Shown] = {}
BODIES = {
    "decide_finding": Shown(
        {"state": "accepted", "reason": "请管理单位更正"},
        {"state": "rejected", "reason": "Checked on the spot: the outline is coarse here"},
    ),
}
ANSWERS = {
    "list_findings": Shown(listed(OPEN), listed(REJECTED)),
    "decide_finding": Shown(FINDING | {"state": "accepted", "reason": "请管理单位更正"} | WHO, FINDING | REJECTED),
}
