"""The examples of closures and faults at scale; see `api.examples`."""

from typing import Any

from api.examples import ANSWERS as KNOWN
from api.examples import CLOSURE_ID, HAVEN_ID, STOP_ID, Shown, listed

HISTORY = ("list_history", "list_organisation_history")
BATCH = "3c6f0d5e-8a0b-4f5e-9d0a-2b7f4c1e6a90"
CLOSED: dict[str, Any] = {
    **{"id": CLOSURE_ID, "station": HAVEN_ID, "code": "YZ0000000176", "name": "劳动者港湾(建行郑州金水支行)"},
    **{"managed_by": "ccb-zz", "starts_at": "2026-09-18T18:00:00+08:00", "ends_at": "2026-09-20T06:00:00+08:00"},
    **{"reason": "台风", "replacement_id": None, "batch": BATCH, "current": True},
}
SHUT = CLOSED | {
    **{"station": STOP_ID, "code": "YZ0000000259", "name": "Outdoor Workers' Stop", "managed_by": "union-bj"},
    **{"reason": "Typhoon", "ends_at": None},
}
FAULT: dict[str, Any] = {
    **{"station": HAVEN_ID, "code": "YZ0000000176", "name": "劳动者港湾(建行郑州金水支行)", "managed_by": "ccb-zz"},
    **{"facility": "microwave", "status": "faulty", "note": "等配件", "since": "2026-09-12T16:20:05+08:00"},
    **{"checked_at": "2026-09-14T09:00:00+08:00", "age_h": 80.5, "due_at": "2026-09-15T16:20:05+08:00"},
    "overdue": True,
}
EMPTY = FAULT | {"facility": "medicine", "status": "out_of_stock", "note": None, "age_h": 2.0, "overdue": False}

PARAMETERS_OF: dict[str, Shown] = {
    "reopen_region batch": Shown(BATCH, CLOSURE_ID),
    "list_organisation_history code": Shown("ccb-zz", "union-bj"),
    "list_closures state": Shown("current", "coming"),
    "list_faults facility": Shown("microwave", "medicine"),
}
BODIES: dict[str, Shown] = {
    "close_region": Shown(
        {
            **{"region": "410100", "starts_at": "2026-09-18T18:00:00+08:00", "ends_at": "2026-09-20T06:00:00+08:00"},
            "reason": "台风",
        },
        {"region": "110000", "starts_at": "2027-02-05T18:00:00+08:00", "reason": "Spring Festival"},
    ),
}
CSV = Shown(
    "id,station,at,revision,actor,organisation,reason,field,before,after\n",
    "id,station,at,revision,actor,organisation,reason,field,before,after\n",
)
ANSWERS: dict[str, Shown] = {
    "list_closures": listed("/v1/closures", CLOSED, SHUT),
    "close_region": Shown({"batch": BATCH, "stations": 312}, {"batch": BATCH, "stations": 40}),
    "reopen_region": Shown({"stations": 312}, {"stations": 40}),
    "list_faults": listed("/v1/faults", FAULT, EMPTY),
    "list_organisation_history": KNOWN["list_history"],
    **dict.fromkeys((f"{name} text/csv" for name in HISTORY), CSV),
}
