"""Links that open the three map apps of China at a station, each in its own datum and axis order."""

from urllib.parse import quote, urlencode

from geo import datum
from geo.datum import Datum


def links(lon: float, lat: float, name: str) -> dict[str, str]:
    """Links to AMap (GCJ-02, lng,lat), Baidu (BD-09, lat,lng) and Tencent (GCJ-02, lat,lng) for a WGS-84 point.

    Sources: the URI interfaces of the three (lbs.amap.com/api/uri-api, lbsyun.baidu.com uri, lbs.qq.com uri_v1).
    """
    gcj_lon, gcj_lat = datum.convert(lon, lat, Datum.WGS84, Datum.GCJ02)
    bd_lon, bd_lat = datum.convert(lon, lat, Datum.WGS84, Datum.BD09)
    # Commas, colons and semicolons are separators inside their values, so a name must not bring its own.
    title = name.translate({ord(mark): " " for mark in ",:;|"})
    amap = {"to": f"{gcj_lon:.6f},{gcj_lat:.6f},{title}", "mode": "walk", "coordinate": "gaode", "src": "yizhan"}
    baidu = {"location": f"{bd_lat:.6f},{bd_lon:.6f}", "title": title, "content": title, "coord_type": "bd09ll"}
    tencent = {"type": "walk", "to": title, "tocoord": f"{gcj_lat:.6f},{gcj_lon:.6f}", "referer": "yizhan"}
    return {
        "amap": _link("https://uri.amap.com/navigation", amap | {"callnative": "1"}),
        "baidu": _link("https://api.map.baidu.com/marker", baidu | {"output": "html", "src": "webapp.yizhan.registry"}),
        "tencent": _link("https://apis.map.qq.com/uri/v1/routeplan", tencent),
    }


def _link(address: str, values: dict[str, str]) -> str:
    return f"{address}?{urlencode(values, safe=',', quote_via=quote)}"
