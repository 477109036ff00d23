"""The examples of the OpenAPI document, each in Chinese and in English; `api.document` puts them in.

A test holds every example to its schema, and asks for one in each language of every operation.
"""

from typing import Any, NamedTuple

from api.schemas import NearProperties


class Shown(NamedTuple):
    """The same thing shown in Chinese and in English."""

    zh: Any
    en: Any


def same(value: object) -> Shown:
    """What is the same in both languages."""
    return Shown(value, value)


HAVEN_ID, STOP_ID = "0b5d7f0c-6d5e-4c3a-9a57-1f2f6d0f4c11", "7c1e4b52-0f3d-4f6e-8f0a-2a9c5d1b7e44"
CLOSURE_ID = "5e0f7a31-9a44-4d0b-8d3f-66c1a3f0b7d2"

HAVEN_DRAFT = {
    "name": "劳动者港湾(建行郑州金水支行)",
    "host_ref": "41010201",
    "kind": "bank_haven",
    "lon": 113.6654,
    "lat": 34.7579,
    "crs": "gcj02",
    "address": "郑州市金水区花园路1号",
    "opening_hours": "Mo-Fr 09:00-17:00; PH off",
    "facilities": ["drinking_water", {"facility": "microwave", "status": "faulty", "note": "等配件"}],
    "entry_modes": ["walk_in"],
}
STOP_DRAFT = {
    "name": "Outdoor Workers' Stop, Chang'an Avenue",
    "host_ref": "CA-7",
    "lon": 116.3912,
    "lat": 39.9067,
    "address": "7 West Chang'an Avenue, Beijing",
    "opening_hours": "24/7",
    "facilities": ["drinking_water", "phone_charging", "toilet"],
    "entry_modes": ["qr"],
    "serves": ["courier", "sanitation"],
}

# What a station may leave unsaid.
UNSAID = dict.fromkeys(
    [
        *("brand", "tier", "host_ref", "address", "stated_district", "opening_hours", "staffed_hours", "hours_note"),
        *("registration_required", "capacity", "floor_area_m2", "level", "entrance_note", "phone", "host", "sponsor"),
        *("supervising_union", "opens_at", "closes_at", "verified_at"),
    ]
) | {"external_ids": {}, "entry_modes": [], "serves": [], "facilities": [], "closures": []}
PUBLISHED = {
    "hours_calendar": "literal",
    "operational_status": "open",
    "publication_status": "published",
    "near_boundary": False,
    "synthetic": False,
    "revision": 3,
    "created_at": "2026-03-01T09:00:00+08:00",
    "updated_at": "2026-09-12T16:20:05+08:00",
}
CHECKED = {"status": "working", "checked_at": "2026-09-12T16:20:05+08:00"}

HAVEN: dict[str, Any] = {
    "type": "Feature",
    "id": HAVEN_ID,
    "geometry": {"type": "Point", "coordinates": [113.6654, 34.7579]},
    "properties": UNSAID
    | PUBLISHED
    | {
        "code": "YZ0000000176",
        "name": "劳动者港湾(建行郑州金水支行)",
        "kind": "bank_haven",
        "brand": "劳动者港湾",
        "managed_by": "ccb-zz",
        "host_ref": "41010201",
        "address": "郑州市金水区花园路1号",
        **{"adcode": "410105", "district": "金水区", "city": "郑州市", "province": "河南省"},
        "opening_hours": "Mo-Fr 09:00-17:00; PH off",
        "open": True,
        "closes_at": "2026-09-14T17:00:00+08:00",
        "entry_modes": ["walk_in"],
        "facilities": [{"facility": "drinking_water"} | CHECKED, {"facility": "microwave"} | CHECKED],
        "navigation": {
            "amap": "https://uri.amap.com/navigation?to=113.671504,34.756793,劳动者港湾&mode=walk&coordinate=gaode",
            "baidu": "https://api.map.baidu.com/marker?location=34.762761,113.677998&title=劳动者港湾&coord_type=bd09ll",
            "tencent": "https://apis.map.qq.com/uri/v1/routeplan?type=walk&tocoord=34.756793,113.671504",
        },
    },
}
STOP: dict[str, Any] = {
    "type": "Feature",
    "id": STOP_ID,
    "geometry": {"type": "Point", "coordinates": [116.3912, 39.9067]},
    "properties": UNSAID
    | PUBLISHED
    | {
        "code": "YZ0000000259",
        "name": "Outdoor Workers' Stop, Chang'an Avenue",
        "kind": "union_station",
        "managed_by": "union-bj",
        "host_ref": "CA-7",
        "address": "7 West Chang'an Avenue, Beijing",
        **{"adcode": "110101", "district": "东城区", "city": "北京市", "province": "北京市"},
        "opening_hours": "24/7",
        "open": True,
        "entry_modes": ["qr"],
        "serves": ["courier", "sanitation"],
        "facilities": [{"facility": "phone_charging"} | CHECKED, {"facility": "toilet"} | CHECKED],
        "navigation": {
            "amap": "https://uri.amap.com/navigation?to=116.397441,39.908101,Stop&mode=walk&coordinate=gaode",
            "baidu": "https://api.map.baidu.com/marker?location=39.914445,116.403815&title=Stop&coord_type=bd09ll",
            "tencent": "https://apis.map.qq.com/uri/v1/routeplan?type=walk&tocoord=39.908101,116.397441",
        },
    },
}
NEARBY = {"distance_m": 42.17, "bearing_deg": 318.4}
STATION = Shown(HAVEN | {"crs": "wgs84"}, STOP | {"crs": "wgs84"})
CHANGED = Shown(HAVEN | {"crs": "wgs84", "pending": []}, STOP | {"crs": "wgs84", "pending": []})
WAITS = Shown(HAVEN | {"crs": "wgs84", "pending": ["name"]}, STOP | {"crs": "wgs84", "pending": ["position"]})


def page(path: str, media_type: str = "application/json") -> list[dict[str, str]]:
    """The links of a page that is the last one."""
    return [{"rel": "self", "type": media_type, "href": f"https://yizhan.example{path}"}]


def listed(path: str, zh: object, en: object) -> Shown:
    """A page of one item."""
    return Shown({"items": [zh], "links": page(path)}, {"items": [en], "links": page(path)})


def stations(feature: dict[str, Any]) -> dict[str, Any]:
    """A page of the list of stations."""
    links = page("/v1/stations", "application/geo+json")
    about = {"crs": "wgs84", "as_of": "2026-09-14T10:00:00+08:00", "links": links}
    return {"type": "FeatureCollection", **about, "features": [feature]}


def nearest(feature: dict[str, Any]) -> dict[str, Any]:
    """An answer of nearest."""
    shown = feature["properties"] | NEARBY
    near = feature | {"properties": {name: shown[name] for name in NearProperties.model_fields}}
    about = {"crs": "wgs84", "searched_radius_m": 2000.0, "as_of": "2026-09-14T10:00:00+08:00"}
    return {"type": "FeatureCollection", **about, "features": [near]}


def cells(place: list[float], count: int) -> dict[str, Any]:
    """Stations counted by cells: one of them."""
    cell = {"type": "Feature", "geometry": {"type": "Point", "coordinates": place}, "properties": {"stations": count}}
    about = {"crs": "wgs84", "as_of": "2026-09-14T10:00:00+08:00", "stations": count}
    return {"type": "FeatureCollection", **about, "features": [cell]}


def changes(feature: dict[str, Any], *, deleted: bool) -> dict[str, Any]:
    """A page of the change feed."""
    change = {"id": feature["id"], "revision": 4, "deleted": deleted, "station": None if deleted else feature}
    return {"crs": "wgs84", "items": [change], "cursor": "mZx3Q0oXJk1v7Yw4fDc0NzQ"}


COUNTRY = {"level": "country", "adcode": "100000", "name": "中国"}
HENAN = {"level": "province", "adcode": "410000", "name": "河南省"}
BEIJING = {"level": "province", "adcode": "110000", "name": "北京市"}
ZHENGZHOU = {
    **{"level": "city", "adcode": "410100", "name": "郑州市", "parents": [COUNTRY, HENAN]},
    **{"area_km2": 7567.2, "bbox": [112.72, 34.26, 114.22, 34.99], "children": 12, "geometry": None},
}
DONGCHENG = {
    **{"level": "district", "adcode": "110101", "name": "东城区", "parents": [COUNTRY, BEIJING]},
    **{"area_km2": 41.8, "bbox": [116.37, 39.86, 116.44, 39.97], "children": 0, "geometry": None},
}


def outline(place: dict[str, Any], ring: list[list[float]]) -> dict[str, Any]:
    """Outlines for a map: one division."""
    shape = {"type": "MultiPolygon", "coordinates": [[ring]]}
    feature = {"type": "Feature", "id": place["adcode"], "properties": {"kind": "division", **place}, "geometry": shape}
    return {"type": "FeatureCollection", "crs": "wgs84", "features": [feature]}


def located(province: dict[str, str], adcode: str, district: str) -> dict[str, Any]:
    """Where a point lies."""
    place = {"level": "district", "adcode": adcode, "name": district}
    return {"crs": "wgs84", "province": province, "city": None, "district": place, "near_boundary": False}


def history(reason: str, organisation: str, before: object, after: object) -> dict[str, Any]:
    """An entry of a station's history."""
    who = {"actor": "yz_3f9a1c5e7b20", "organisation": organisation, "reason": reason}
    return {"id": 5121, "revision": 3, "at": "2026-09-12T16:20:05+08:00", **who, "before": before, "after": after}


# By the name of the parameter, wherever it stands.
PARAMETERS: dict[str, Shown] = {
    "station_id": Shown(HAVEN_ID, STOP_ID),
    "closure_id": same(CLOSURE_ID),
    "code": Shown("YZ0000000176", "YZ0000000259"),
    "host_ref": Shown("41010201", "CA-7"),
    "prefix": same("yz_3f9a1c5e7b20"),
    "facility": Shown("microwave", "phone_charging"),
    "adcode": Shown("410100", "110101"),
    "lon": Shown(113.6654, 116.3912),
    "lat": Shown(34.7579, 39.9067),
    "crs": Shown("gcj02", "wgs84"),
    "q": Shown("劳动者港湾", "Chang'an"),
    "region": Shown("410100", "110000"),
    "parent": Shown("410000", "110000"),
    "level": Shown("city", "province"),
    "limit": Shown(20, 10),
    "If-Match": same('"3-9f1c2a07"'),
    "If-None-Match": same('"3-9f1c2a07"'),
}

# By the operation's id and, where the same word is something else there, its parameter.
PARAMETERS_OF: dict[str, Shown] = {
    "find_nearest_stations facility": Shown(["microwave", "drinking_water"], ["phone_charging"]),
    "count_stations_by_cell facility": Shown(["microwave"], ["phone_charging", "toilet"]),
    "count_stations_by_cell bbox": Shown("112.7,34.2,114.3,35.0", "115.4,39.4,117.5,41.1"),
    "count_stations_by_cell cell_deg": Shown(0.1, 0.25),
    "list_stations facility": Shown(["microwave"], ["phone_charging", "toilet"]),
    "put_station code": Shown("ccb-zz", "union-bj"),
    "create_key code": Shown("ccb-zz", "union-bj"),
}

# By the operation's id.
BODIES: dict[str, Shown] = {
    "register_station": Shown(HAVEN_DRAFT, STOP_DRAFT),
    "put_station": Shown(HAVEN_DRAFT, STOP_DRAFT),
    "amend_station": Shown({"opening_hours": "24/7", "phone": None}, {"name": "Workers' Stop", "capacity": 12}),
    "close_station": Shown(
        {"starts_at": "2026-10-01T00:00:00+08:00", "ends_at": "2026-10-08T00:00:00+08:00", "reason": "装修"},
        {"starts_at": "2026-10-01T00:00:00+08:00", "reason": "Water pipes burst; open again when they are mended"},
    ),
    "report_facility": Shown({"status": "faulty", "note": "等配件"}, {"status": "working", "note": "Repaired today"}),
    "review_station": Shown(
        {"decision": "publish", "reason": "已实地核实"},
        {"decision": "return", "reason": "The position is across the river"},
    ),
    "create_organisation": Shown(
        {"code": "ccb-zz", "name": "中国建设银行郑州分行", "kind": "bank", "region": "410100"},
        {"code": "union-bj", "name": "Beijing Federation of Trade Unions", "kind": "trade_union", "region": "110000"},
    ),
    "create_key": Shown(
        {"role": "host"}, {"role": "auditor", "region": "110000", "expires_at": "2027-12-31T23:59:59+08:00"}
    ),
}

# By the operation's id, and its status where one says more than the others.
ANSWERS: dict[str, Shown] = {
    "check_health": same({"status": "alive"}),
    "check_readiness": Shown(
        {"status": "ready", "reasons": [], "warnings": []},
        {"status": "ready", "reasons": [], "warnings": ["The holiday calendar (2026-12-31) ends in 40 days"]},
    ),
    "check_readiness 503": same({"status": "starting", "reasons": ["The database does not answer"], "warnings": []}),
    "list_vocabulary": Shown(
        {"tier": [{"value": "basic", "en": "Basic", "zh": "普通型", "osm": None}]},
        {"facility": [{"value": "toilet", "en": "Toilet", "zh": "厕所", "osm": "toilets=yes"}]},
    ),
    "find_nearest_stations": Shown(nearest(HAVEN), nearest(STOP)),
    "count_stations_by_cell": Shown(cells([113.64, 34.75], 271), cells([116.4, 39.9], 612)),
    "show_metrics": same('yizhan_request_seconds_count{operation="find_nearest_stations",status="200"} 1042.0\n'),
    "list_changes": Shown(changes(HAVEN, deleted=False), changes(STOP, deleted=True)),
    "list_stations text/csv": same("code,managed_by,name,…\nYZ0000000176,ccb-zz,劳动者港湾,…\n"),
    "list_stations": Shown(stations(HAVEN), stations(STOP)),
    **dict.fromkeys(["get_station", "get_station_by_code"], STATION),
    **dict.fromkeys(
        [
            *("register_station", "put_station", "amend_station", "submit_station", "withdraw_station"),
            *("close_station", "reopen_station", "report_facility", "review_station"),
        ],
        CHANGED,
    ),
    **dict.fromkeys(["put_station 202", "amend_station 202"], WAITS),
    "list_regions": Shown(
        *({"crs": "wgs84", "items": [place], "links": page("/v1/regions")} for place in (ZHENGZHOU, DONGCHENG))
    ),
    "get_region": Shown(ZHENGZHOU, DONGCHENG),
    "list_outlines": Shown(
        outline(HENAN, [[110.35, 31.38], [116.65, 31.38], [116.65, 36.37], [110.35, 31.38]]),
        outline(BEIJING, [[115.42, 39.44], [117.51, 39.44], [117.51, 41.06], [115.42, 39.44]]),
    ),
    "locate_point": Shown(located(HENAN, "410105", "金水区"), located(BEIJING, "110101", "东城区")),
    "list_reviews": listed(
        "/v1/reviews",
        {"what": "submission", "since": "2026-09-10T08:00:00+08:00", "changes": {}, "station": HAVEN},
        {
            **{"what": "proposal", "since": "2026-09-10T08:00:00+08:00"},
            "changes": {"name": {"before": "Workers' Stop", "after": "Outdoor Workers' Stop"}},
            "station": STOP,
        },
    ),
    "list_history": listed(
        f"/v1/stations/{HAVEN_ID}/history",
        history("已核实", "union-zz", {"publication_status": "submitted"}, {"publication_status": "published"}),
        history("Longer in summer", "union-bj", {"opening_hours": None}, {"opening_hours": "24/7"}),
    ),
    "create_organisation": Shown(
        {
            **{"code": "ccb-zz", "name": "中国建设银行郑州分行", "kind": "bank"},
            **{"parent": None, "region": "410100", "uscc": None},
        },
        {
            **{"code": "union-bj", "name": "Beijing Federation of Trade Unions", "kind": "trade_union"},
            **{"parent": None, "region": "110000", "uscc": None},
        },
    ),
    "create_key": same({"key": "yz_3f9a1c5e7b20_(shown this once)", "prefix": "yz_3f9a1c5e7b20"}),
}
