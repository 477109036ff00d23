"""The examples of organisations, keys, custody and the review's turns; see `api.examples`."""

from api.examples import CHANGED, HAVEN, HAVEN_ID, STOP, STOP_ID, Shown, listed, same

KEY = "yz_3f9a1c5e7b20"
CHILD = {
    **{"code": "ccb-zz-js", "name": "建设银行郑州金水支行", "kind": "bank", "parent": "ccb-zz"},
    **{"region": "410105", "uscc": None, "children": 0, "stations": 12},
}
UNION = {
    **{"code": "union-bj", "name": "Beijing Federation of Trade Unions", "kind": "trade_union", "parent": "union-cn"},
    **{"region": "110000", "uscc": None, "children": 16, "stations": 3},
}
KEPT = {
    **{"prefix": KEY, "organisation": "ccb-zz", "role": "host", "region": None, "revoked_at": None},
    **{"created_at": "2026-03-01T09:00:00+08:00", "expires_at": None, "last_used_on": "2026-09-12", "alive": True},
}
WAITING = {
    **{"id": "c2a1f0de-0b0c-4b6e-9a55-3a8f0a4f1f10", "station": HAVEN_ID, "code": "YZ0000000176"},
    **{"name": "劳动者港湾(建行郑州金水支行)", "from_organisation": "ccb-zz", "to_organisation": "icbc-zz"},
    **{"asked_by": "ccb-zz", "reason": "网点移交", "created_at": "2026-09-12T16:20:05+08:00"},
}
CLAIMED = WAITING | {
    **{"station": STOP_ID, "code": "YZ0000000259", "name": "Outdoor Workers' Stop", "from_organisation": None},
    **{"to_organisation": "post-bj", "asked_by": "post-bj", "reason": "It is in our office"},
}
HANDS = Shown(HAVEN | {"crs": "wgs84", "pending": ["managed_by"]}, STOP | {"crs": "wgs84", "pending": ["managed_by"]})
TURN = {"organisation": "union-zz", "at": "2026-09-12T16:20:05+08:00"}
REVIEWED = {"id": HAVEN_ID, "publication_status": "published", "message": None}
REFUSED = {"id": STOP_ID, "publication_status": None, "message": "There is no such station."}

PARAMETERS_OF: dict[str, Shown] = {
    f"{name} code": Shown("ccb-zz", "union-bj") for name in ("get_organisation", "amend_organisation", "list_keys")
}

BODIES: dict[str, Shown] = {
    "amend_organisation": Shown({"name": "中国建设银行郑州分行", "region": "410100"}, {"parent": None}),
    "rotate_key": Shown({"overlap_h": 72}, {}),
    "transfer_station": Shown({"to": "icbc-zz", "reason": "网点移交"}, {"to": "post-bj", "host_ref": "P-12"}),
    "claim_station": Shown({"host_ref": "41010299", "reason": "我行网点"}, {"organisation": "post-bj"}),
    "decide_claim": Shown(
        {"decision": "accept", "reason": "已核实"}, {"decision": "refuse", "reason": "It is the post office's"}
    ),
    "succeed_station": Shown(
        {"successor_id": STOP_ID, "how": "relocated", "reason": "迁至新址"},
        {"successor_id": HAVEN_ID, "how": "merged", "reason": "The same room, entered twice"},
    ),
    "review_stations": Shown(
        {"stations": [HAVEN_ID], "decision": "publish", "reason": "已核实"},
        {"stations": [HAVEN_ID, STOP_ID], "decision": "return", "reason": "No address"},
    ),
    "assign_review": Shown({}, {"organisation": "union-bj"}),
}

ANSWERS: dict[str, Shown] = {
    "list_organisations": listed("/v1/organisations", CHILD, UNION),
    "get_organisation": Shown(CHILD, UNION),
    "amend_organisation": Shown(CHILD, UNION),
    "list_keys": Shown({"items": [KEPT]}, {"items": [KEPT | {"role": "auditor", "region": "110000"}]}),
    "tell_key": Shown(
        {**{"prefix": KEY, "organisation": "union-zz", "name": "郑州市总工会"}, "role": "auditor", "region": "410100"},
        {**{"prefix": KEY, "organisation": "union", "name": "National union"}, "role": "auditor", "region": None},
    ),
    "rotate_key": same(
        {"key": f"{KEY}_(shown this once)", "prefix": KEY, "old_expires_at": "2026-09-15T16:20:05+08:00"}
    ),
    "list_transfers": listed("/v1/transfers", WAITING, CLAIMED),
    **dict.fromkeys(["transfer_station", "decline_transfer", "claim_station", "decide_claim"], CHANGED),
    **dict.fromkeys(["transfer_station 202", "claim_station 202"], HANDS),
    "succeed_station": CHANGED,
    "review_stations": Shown({"items": [REVIEWED]}, {"items": [REVIEWED, REFUSED]}),
    "assign_review": Shown(TURN | {"reviewer": KEY}, TURN | {"organisation": "union-bj", "reviewer": None}),
}
