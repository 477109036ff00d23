"""The examples of planning, as in `api.examples`."""

from typing import Any

from api.examples import Shown

ABOUT = {"radius_m": 1000.0, "detour": 1.0, "at": None, "demand_source": "geonames", "distance": "straight line"}
FIGURES: dict[str, Any] = {
    **{"cell_m": 100.0, "area_share": 0.412, "demand_share": 0.683, "median_distance_m": 1210.4},
    **{"p90_distance_m": 4120.9, "demand_median_distance_m": 640.2, "demand_p90_distance_m": 1830.7},
    "within": [{"distance_m": 500.0, "area_share": 0.14, "demand_share": 0.31}],
    **{"demand": 1540000.0, "stations_per_km2": 0.3306, "stations_per_10000": 0.5195, "close_pairs": 2},
}
JINSHUI = {"region": "410105", "level": "district", "name": "金水区", "stations": 80, "area_km2": 242.0} | FIGURES
DONGCHENG = {"region": "110101", "level": "district", "name": "东城区", "stations": 80, "area_km2": 41.8} | FIGURES


def divisions(region: str, item: dict[str, Any]) -> dict[str, Any]:
    """Coverage by district."""
    return {"region": region, "level": "city", "by": "district", "items": [item]} | ABOUT


def gaps(region: str, lon: float, lat: float) -> dict[str, Any]:
    """One gap."""
    ring = [[lon, lat], [lon + 0.01, lat], [lon + 0.01, lat + 0.01], [lon, lat]]
    rest = {
        "rank": 1,
        "demand": 21000.0,
        "area_km2": 4.2,
        "adcode": region,
        "division": None,
        "farthest_lon": lon,
        "farthest_lat": lat,
        "farthest_m": 1900.0,
    }
    gap = {"type": "Feature", "id": 1, "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": rest}
    about = {"region": region, "level": "city", "cell_m": 100.0, "gaps": 1, "uncovered_demand": 21000.0}
    about |= {"uncovered_km2": 61.3, "inhabited_uncovered_km2": 4.2}
    return {"type": "FeatureCollection", "crs": "wgs84", "features": [gap]} | about | ABOUT


def sites(region: str, candidates: str, name: str | None, lon: float, lat: float) -> dict[str, Any]:
    """One suggestion."""
    place = {"adcode": region, "division": None}
    rest = {"rank": 1, **place, "name": name, "gain_share": 0.021, "share": 0.704, "gain_demand": 32340.0}
    site = {"type": "Feature", "id": 1, "geometry": {"type": "Point", "coordinates": [lon, lat]}, "properties": rest}
    about = {"region": region, "level": "city", "candidates": candidates, "candidate_count": 5120}
    about |= {"share_before": 0.683, "share_after": 0.704, "optimum_at_most": 0.704, "at_least_of_optimum": 1.0}
    return {"type": "FeatureCollection", "crs": "wgs84", "features": [site]} | about | ABOUT


def points(purpose: str) -> dict[str, Any]:
    """What was uploaded."""
    box = [113.66, 34.75, 113.7, 34.78]
    return {"purpose": purpose, "points": 2, "weight": 2100.0, "loaded_at": "2026-09-14T10:00:00+08:00", "bbox": box}


def collection(name: str, lon: float, lat: float) -> dict[str, Any]:
    """A body of one point."""
    geometry = {"type": "Point", "coordinates": [lon, lat]}
    feature = {"type": "Feature", "geometry": geometry, "properties": {"name": name, "weight": 1200}}
    return {"type": "FeatureCollection", "features": [feature]}


PARAMETERS = {
    "purpose": Shown("demand", "premises"),
    "radius_m": Shown(1000, 500),
    "detour": Shown(1.0, 1.3),
    "by": Shown("district", "district"),
    "n": Shown(10, 5),
}
PARAMETERS_OF = {
    name: Shown("410105", "110101") for name in ("measure_coverage region", "find_gaps region", "suggest_sites region")
} | {
    **{"list_coverage region": Shown("410100", "110000"), "suggest_sites candidates": Shown("cells", "cells")},
    **{f"{name} level": Shown("district", "district") for name in ("measure_coverage", "find_gaps", "suggest_sites")},
    **{"list_coverage level": Shown("city", "province"), "list_coverage by": Shown("district", "district")},
    **{f"{name} limit": Shown(20, 10) for name in ("find_gaps",)},
}
BODIES = {
    "put_points text/csv": Shown("经度,纬度,权重\n113.66,34.75,1200\n", "lon,lat,name\n116.39,39.90,Branch 1\n"),
    "put_points application/geo+json": Shown(
        collection("花园路", 113.66, 34.75), collection("Chang'an Avenue", 116.39, 39.9)
    ),
}
ANSWERS = {
    "measure_coverage": Shown(JINSHUI | ABOUT, DONGCHENG | ABOUT),
    "list_coverage": Shown(divisions("410100", JINSHUI), divisions("110000", DONGCHENG)),
    "find_gaps": Shown(gaps("410100", 113.66, 34.75), gaps("110000", 116.39, 39.9)),
    "suggest_sites": Shown(
        sites("410100", "premises", "花园路支行", 113.66, 34.75), sites("110000", "cells", None, 116.39, 39.9)
    ),
    **dict.fromkeys(["put_points", "get_points"], Shown(points("demand"), points("premises"))),
}
