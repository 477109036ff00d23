"""The examples of check-ins, posters and alerts, in Chinese and in English."""

from typing import Any

from api.examples import HAVEN_ID, STOP_ID, Shown, listed, same

ALERT_ID = "9d1b2c60-7f0e-4b5c-8a41-0c6f3f5d2e17"
PAGE = "<!doctype html><title>签到 Check in</title>"
CODE = '<svg xmlns="http://www.w3.org/2000/svg"/>'


def _kept(station_id: str, **said: Any) -> dict[str, Any]:
    kept = {"id": "2f6c8a1e-5b0d-4c52-9f10-3f0a6f1b7c44", "station_id": station_id, "at": "2026-09-14T10:00:00+08:00"}
    return kept | {"facility": None, "distance_band": "at_the_door", "visit": None} | said


def _alert(station_id: str, code: str, name: str, adcode: str, manager: str) -> dict[str, Any]:
    about = {"id": ALERT_ID, "kind": "not_found", "raised_at": "2026-09-14T10:00:00+08:00", "check_ins": 2}
    return about | {"station_id": station_id, "code": code, "name": name, "adcode": adcode, "managed_by": manager}


PARAMETERS: dict[str, Shown] = {"alert_id": same(ALERT_ID)}
BODIES: dict[str, Shown] = {
    "check_in": Shown(
        {
            **{"outcome": "facility_faulty", "facility": "microwave", "note": "不加热"},
            **{"lon": 113.6654, "lat": 34.7579, "crs": "gcj02", "visitor": "Zk3v0b1Qm8xY7cR2tLw9sA"},
        },
        {"outcome": "used_ok", "visitor": "Zk3v0b1Qm8xY7cR2tLw9sA"},
    ),
    "close_alert": Shown({"reason": "已到现场，换了门牌"}, {"reason": "Visited; a new sign is up"}),
}
ANSWERS: dict[str, Shown] = {
    "check_in": Shown(
        _kept(HAVEN_ID, outcome="facility_faulty", facility="microwave"),
        _kept(STOP_ID, outcome="used_ok", visit={"method": "qr_scan", "proof": "claim", "counted": True}),
    ),
    "draw_poster_code": same(CODE),
    "show_poster": same(PAGE),
    "list_alerts": listed(
        "/v1/alerts",
        _alert(HAVEN_ID, "YZ0000000176", "劳动者港湾(建行郑州金水支行)", "410105", "ccb-zz"),
        _alert(STOP_ID, "YZ0000000259", "Outdoor Workers' Stop", "110101", "union-bj"),
    ),
}
