"""Links that open the three map apps of China at a station, each in its own datum and axis order."""

from urllib.parse import quote

from geo import datum
from geo.datum import Datum

# Sources: the URI interfaces of the three (lbs.amap.com/api/uri-api, lbsyun.baidu.com uri, lbs.qq.com uri_v1).
# Baidu wants a content below its title: 驿站.
# AMap takes GCJ-02 as lng,lat; Baidu BD-09 as lat,lng; Tencent GCJ-02 as lat,lng.
LINKS = {
    "amap": "https://uri.amap.com/navigation?to={gcj_lon},{gcj_lat},{title}"
    "&mode=walk&coordinate=gaode&src=yizhan&callnative=1",
    "baidu": "https://api.map.baidu.com/marker?location={bd_lat},{bd_lon}&title={title}&content=%E9%A9%BF%E7%AB%99"
    "&coord_type=bd09ll&output=html&src=webapp.yizhan.registry",
    "tencent": "https://apis.map.qq.com/uri/v1/routeplan?type=walk&to={title}&tocoord={gcj_lat},{gcj_lon}"
    "&referer=yizhan",
}
_QUOTED = [quote(bytes([byte]), safe="") for byte in range(256)]
_SEPARATORS = str.maketrans(dict.fromkeys(",:;|", " "))


def links(lon: float, lat: float, name: str) -> dict[str, str]:
    """Links to AMap, Baidu and Tencent for a WGS-84 point, degrees."""
    gcj_lon, gcj_lat = datum.convert(lon, lat, Datum.WGS84, Datum.GCJ02)
    bd_lon, bd_lat = datum.convert(lon, lat, Datum.WGS84, Datum.BD09)
    places = {"gcj_lon": gcj_lon, "gcj_lat": gcj_lat, "bd_lon": bd_lon, "bd_lat": bd_lat}
    written = {name: str(round(degrees, 6)) for name, degrees in places.items()}
    return {app: link.format(**written, title=title(name)) for app, link in LINKS.items()}


def title(name: str) -> str:
    """A name as it stands in the links, percent-encoded.

    Commas, colons and semicolons are separators inside their values, so a name must not bring its own.
    """
    return "".join([_QUOTED[byte] for byte in name.translate(_SEPARATORS).encode()])
