import json
import random
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError
from sqlmodel import Session

from geo import db, regions
from geo.errors import InvalidInput, RegionNotFound, UnreadableFile

ACTOR = db.Actor("test")
KNOWN = {
    "二七广场": (113.6605, 34.7528, "410000 410100 410103"),
    "天安门": (116.3975, 39.9087, "110000 110000 110101"),
    "香港中环": (114.1577, 22.2819, "810000 810000 810101"),
    "澳门大三巴": (113.5409, 22.1976, "820000 820000 820000"),
    "台北101": (121.5645, 25.0340, "710000 710000 710009"),
    "东莞": (113.7518, 23.0207, "440000 441900 441900"),
    "仙桃": (113.4545, 30.3625, "420000 429004 429004"),
    "三沙永兴岛": (112.335, 16.834, "460000 460300 460321"),
    "a quay of Shanghai outside every polygon": (121.791709, 31.363951, "310000 310000 310151"),
    "the East China Sea": (123.5, 30.0, "- - -"),
    "Seoul": (126.98, 37.56, "- - -"),
}


def square(west: float, south: float, size: float = 1) -> dict[str, Any]:
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def feature(level: str, adcode: str, geometry: Any, name: str = "某地", **more: Any) -> dict[str, Any]:
    properties = {"level": level, "adcode": adcode, "name": name, **more}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


# A province of one city of two districts; 二七广场 lies in the first.
PROVINCE, CITY = feature("province", "410000", square(113, 34)), feature("city", "410100", square(113, 34))
WEST = {"type": "Polygon", "coordinates": [[[113, 34], [113.7, 34], [113.7, 35], [113, 35], [113, 34]]]}
EAST = {"type": "Polygon", "coordinates": [[[113.7, 34], [114, 34], [114, 35], [113.7, 35], [113.7, 34]]]}
DISTRICTS = [feature("district", "410198", WEST), feature("district", "410199", EAST)]


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Path]:
    """Writes features as a GeoJSON file."""

    def write(*features: Any) -> Path:
        path = tmp_path / "divisions.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
        return path

    return write


def codes(located: regions.Located) -> str:
    places = (located.province, located.city, located.district)
    return " ".join(place.adcode if place else "-" for place in places)


def station(session: Session, lon: float = 113.6605, lat: float = 34.7528) -> None:
    insert = (
        "INSERT INTO station (name, kind, location, submitted_lon, submitted_lat)"
        " VALUES ('驿站', 'other', geography(ST_MakePoint(:lon, :lat)), :lon, :lat)"
    )
    session.execute(text(insert), {"lon": lon, "lat": lat})


def district_of_the_station(engine: Engine) -> tuple[str | None, int]:
    with db.session(engine) as session:
        district, revision = session.execute(text("SELECT district, revision FROM station")).one()
        return district, revision


@pytest.mark.parametrize("place", KNOWN)
def test_a_known_place_lies_where_everyone_knows(session: Session, place: str):
    lon, lat, expected = KNOWN[place]
    assert codes(regions.locate(session, lon, lat)) == expected


def test_located_divisions_have_names(session: Session):
    found = regions.locate(session, 116.3975, 39.9087)
    assert found.province == regions.Place("province", "110000", "北京市")
    assert found.city == regions.Place("city", "110000", "北京市")
    assert found.district == regions.Place("district", "110101", "东城区")


def test_a_quay_is_uncertain_and_the_sea_is_not(session: Session):
    assert regions.locate(session, 121.791709, 31.363951).near_boundary
    assert not regions.locate(session, 123.5, 30.0).near_boundary


def test_a_border_is_near_a_boundary_and_the_deep_inside_is_not(session: Session):
    assert regions.locate(session, 85.66, 40.1762).near_boundary  # halfway along the longest edge, 174 km
    assert not regions.locate(session, 84.0, 38.5).near_boundary  # the Taklamakan


def test_near_boundary_is_500_m_from_the_exact_border(session: Session):
    # Points around 200 corners of outlines. The oracle measures to whole outlines, never to pieces; what is within
    # half a metre of the limit is left to either. Outside every polygon the limit is 2 km.
    corners = "SELECT ST_X(p), ST_Y(p) FROM region, ST_StartPoint(ST_ExteriorRing(ST_GeometryN(geom, 1))) p"
    choose = random.Random(7)
    sample = choose.sample(session.execute(text(f"{corners} WHERE level = 'district' ORDER BY adcode")).all(), 200)
    oracle = text(
        "WITH p AS (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS spot)"
        " SELECT min(ST_Distance(geography(ST_Segmentize(ST_Boundary(r.geom), 0.01)), geography(p.spot))) AS border,"
        " bool_or(ST_Intersects(r.geom, p.spot)) AS inside"
        " FROM p JOIN region r ON r.level = 'district' AND r.geom && ST_Expand(p.spot, 0.1)"
    )
    answers = []
    for corner_lon, corner_lat in sample:
        lon, lat = corner_lon + choose.gauss(0, 0.008), corner_lat + choose.gauss(0, 0.008)
        exact = session.execute(oracle, {"lon": lon, "lat": lat}).one()
        reach = 500 if exact.inside else 2000
        if abs(exact.border - reach) > 0.5:
            answers.append(regions.locate(session, lon, lat).near_boundary)
            assert answers[-1] == (exact.border <= reach), (lon, lat, exact)
    assert 50 < sum(answers) < len(answers) - 50


def test_46_codes_stand_at_several_levels_and_mean_the_highest(session: Session):
    query = "SELECT adcode, array_agg(level) FROM region GROUP BY adcode HAVING count(*) > 1"
    several = session.execute(text(query)).all()
    assert len(several) == 46
    for adcode, levels in several:
        found = [regions.filter_level(session, adcode, level) for level in regions.LEVELS if level in levels]
        assert len(found) == len(levels)
        assert regions.filter_level(session, adcode) == found[0]
        assert regions.get(session, adcode).level == found[0]
        assert regions.get(session, adcode, level=found[-1]).level == found[-1]


@pytest.mark.parametrize(("adcode", "level"), [("419999", None), ("410000", "city"), ("", None)])
def test_an_unknown_code_is_not_found(session: Session, adcode: str, level: str | None):
    for ask in (regions.filter_level, regions.get, regions.outline):
        with pytest.raises(RegionNotFound, match=f"division {adcode}"):
            ask(session, adcode, level=level)


def test_an_unknown_parent_is_not_found(session: Session):
    with pytest.raises(RegionNotFound):
        regions.browse(session, parent="419999")


def test_a_division_is_described(session: Session):
    found = regions.get(session, "410103")
    assert (found.name, found.level, found.children) == ("二七区", "district", 0)
    assert [(place.level, place.name) for place in found.parents] == [
        ("country", "中华人民共和国"),
        ("province", "河南省"),
        ("city", "郑州市"),
    ]
    assert found.area_km2 == pytest.approx(159, abs=5)
    west, south, east, north = found.bbox
    assert west < 113.6605 < east
    assert south < 34.7528 < north
    country = regions.get(session, "100000")
    assert (country.children, country.parents) == (34, ())
    assert country.area_km2 == pytest.approx(9.5e6, rel=0.01)


def test_every_district_has_all_its_parents(session: Session):
    districts = regions.browse(session, level="district", limit=5000)
    assert len(districts) == 2891
    for district in districts:
        assert [place.level for place in district.parents] == ["country", "province", "city"]
        assert district.parents[1].adcode == district.adcode[:2] + "0000"
        city = district.parents[2].adcode
        assert city in (district.adcode[:4] + "00", district.adcode, district.adcode[:2] + "0000")


def test_browsing_walks_every_division_once(session: Session):
    seen: list[regions.RegionRecord] = []
    while page := regions.browse(session, after=(seen[-1].level, seen[-1].adcode) if seen else None):
        assert len(page) <= 500
        seen += page
    keys = [(regions.LEVELS.index(record.level), record.adcode) for record in seen]
    assert keys == sorted(set(keys))
    assert len(keys) == 1 + 34 + 375 + 2891


def test_children_are_direct_unless_a_level_is_asked(session: Session):
    assert [record.adcode for record in regions.browse(session, parent="110000")] == ["110000"]
    assert len(regions.browse(session, parent="110000", level="district")) == 16
    assert {record.level for record in regions.browse(session, parent="410000")} == {"city"}
    assert regions.browse(session, parent="410103") == []
    assert len(regions.browse(session, parent="100000", level="district", limit=5000)) == 2891


def test_outlines_are_simpler_and_lose_no_island(session: Session):
    exact = regions.outline(session, "460300", tolerance_deg=0).geometry
    simple = regions.outline(session, "460300", tolerance_deg=0.05).geometry
    assert exact["type"] == simple["type"] == "MultiPolygon"
    assert len(exact["coordinates"]) == len(simple["coordinates"])
    assert len(json.dumps(simple)) < len(json.dumps(exact))
    provinces = regions.outlines(session, "province", tolerance_deg=0.05)
    assert [outline.adcode for outline in provinces] == sorted(outline.adcode for outline in provinces)
    assert len(provinces) == 34


def test_boundary_lines_are_there_to_be_drawn(session: Session):
    drawn = regions.lines(session)
    assert {line["type"] for line in drawn} == {"MultiLineString"}
    assert min(lat for line in drawn for part in line["coordinates"] for _, lat in part) < 4


def test_every_geometry_is_valid_and_in_wgs84(session: Session):
    for table, column in (
        ("region", "geom"),
        ("region_part", "geom"),
        ("region_line", "geom"),
        ("region_border", "line"),
    ):
        query = f"SELECT DISTINCT ST_SRID(geometry({column})), ST_IsValid(geometry({column})) FROM {table}"
        assert session.execute(text(query)).all() == [(4326, True)], table


@pytest.mark.parametrize("provinces", ["41|81", pytest.param("..", marks=pytest.mark.long)])
def test_loading_again_changes_nothing(fresh_engine: Engine, source: Callable[..., Path], provinces: str):
    wanted = re.compile(f"(156({provinces})....)?")  # boundary lines, too, which have no code
    features = [f for f in regions._features(regions.BUNDLED) if wanted.fullmatch(f["properties"]["gb"])]
    columns = "level, adcode, name, parent_level, parent_adcode, area_km2, md5(ST_AsBinary(geom))"
    checksum = f"SELECT md5(string_agg(concat_ws(' ', {columns}), ',' ORDER BY level, adcode)) FROM region"
    own = text(f"{checksum} WHERE left(adcode, 2) ~ '{provinces}'")
    counts = text("SELECT (SELECT count(*) FROM region_part), (SELECT count(*) FROM region_border)")
    with db.session(fresh_engine, ACTOR, as_owner=True) as session:
        station(session)
        before = session.scalar(own)
        report, cut = regions.load(session, source(*features)), session.execute(counts).one()
        assert report == regions.load(session, source(*features))
        assert (session.scalar(own), session.execute(counts).one()) == (before, cut)
    assert str(report).endswith("outlines mended, 0 stations relocated.")
    assert provinces != ".." or report == regions.LoadReport(34, 375, 2891, lines=28, mended=3, relocated=0)
    assert district_of_the_station(fresh_engine) == ("410103", 1)


def test_loading_relocates_the_stations_already_there(fresh_engine: Engine, source: Callable[..., Path]):
    with db.session(fresh_engine, ACTOR) as session:
        station(session)
    with db.session(fresh_engine, db.Actor("operator"), as_owner=True) as session:
        report = regions.load(session, source(*DISTRICTS, CITY, PROVINCE))
        assert report == regions.LoadReport(1, 1, 2, lines=0, mended=0, relocated=1)
        history = session.execute(text("SELECT actor, after ->> 'district' FROM station_history ORDER BY id")).all()
        assert history == [("test", "410103"), ("operator", "410198")]
        assert regions.get(session, "100000").children == 1
    assert district_of_the_station(fresh_engine) == ("410198", 2)


def test_readers_see_the_old_divisions_until_the_new_ones_are_committed(
    fresh_engine: Engine, source: Callable[..., Path]
):
    with db.session(fresh_engine, ACTOR, as_owner=True) as loading:
        regions.load(loading, source(*DISTRICTS, CITY, PROVINCE))
        with db.session(fresh_engine) as session:
            assert codes(regions.locate(session, 113.6605, 34.7528)) == "410000 410100 410103"
    with db.session(fresh_engine) as session:
        assert codes(regions.locate(session, 113.6605, 34.7528)) == "410000 410100 410198"


def run_until_it_waits(work: Callable[[], None], session: Session) -> threading.Thread:
    """Starts work in a thread and returns when it waits for a lock (or is done)."""
    thread = threading.Thread(target=work)
    thread.start()
    waiting = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
    waiting += " WHERE NOT l.granted AND d.datname = current_database()"
    while thread.is_alive() and not session.scalar(text(waiting)):
        time.sleep(0.01)
    return thread


def test_a_station_written_during_a_load_is_in_the_new_divisions(fresh_engine: Engine, source: Callable[..., Path]):
    def write() -> None:
        with db.session(fresh_engine, ACTOR) as session:
            station(session)

    with db.session(fresh_engine, ACTOR, as_owner=True) as loading:
        regions.load(loading, source(*DISTRICTS, CITY, PROVINCE))
        writer = run_until_it_waits(write, loading)
    writer.join()
    assert district_of_the_station(fresh_engine) == ("410198", 1)


def test_a_load_waits_for_a_station_being_written(fresh_engine: Engine, source: Callable[..., Path]):
    def load() -> None:
        with db.session(fresh_engine, ACTOR, as_owner=True) as session:
            regions.load(session, source(*DISTRICTS, CITY, PROVINCE))

    with db.session(fresh_engine, ACTOR) as writing:
        station(writing)
        loader = run_until_it_waits(load, writing)
    loader.join()
    assert district_of_the_station(fresh_engine) == ("410198", 2)


def test_the_application_may_not_change_divisions(session: Session, source: Callable[..., Path]):
    with pytest.raises(ProgrammingError, match="permission denied"):
        regions.load(session, source(*DISTRICTS, CITY, PROVINCE))


def test_what_the_children_leave_over_belongs_to_their_parent(owner_session: Session, source: Callable[..., Path]):
    regions.load(owner_session, source(PROVINCE, CITY, feature("district", "410198", WEST)))
    assert codes(regions.locate(owner_session, 113.5, 34.5)) == "410000 410100 410198"
    assert codes(regions.locate(owner_session, 113.9, 34.5)) == "410000 410100 -"
    regions.load(owner_session, source(PROVINCE, feature("district", "410198", WEST)))
    assert codes(regions.locate(owner_session, 113.5, 34.5)) == "410000 - 410198"
    assert regions.get(owner_session, "410198").parents[-1].level == "province"
    regions.load(owner_session, source(PROVINCE))
    assert codes(regions.locate(owner_session, 113.5, 34.5)) == "410000 - -"


def test_where_districts_overlap_the_lower_code_wins(owner_session: Session, source: Callable[..., Path]):
    overlapping = [feature("district", code, square(113, 34)) for code in ("410199", "410102", "410150")]
    regions.load(owner_session, source(PROVINCE, CITY, *overlapping))
    assert codes(regions.locate(owner_session, 113.5, 34.5)) == "410000 410100 410102"


def test_crossing_rings_are_mended_heights_dropped_and_gb_understood(
    owner_session: Session, source: Callable[..., Path]
):
    bow = {"type": "Polygon", "coordinates": [[[113, 34, 9], [114, 35, 9], [114, 34, 9], [113, 34.9, 9], [113, 34, 9]]]}
    named = {"level": "city", "gb": "156410100", "name": "某市"}
    city = {"type": "Feature", "properties": named, "geometry": bow}
    line = {"type": "LineString", "coordinates": [[113, 34], [114, 35]]}
    report = regions.load(owner_session, source(PROVINCE, city, feature("province", "", line)))
    assert report == regions.LoadReport(1, 1, 0, lines=1, mended=1, relocated=0)
    assert len(regions.outline(owner_session, "410100").geometry["coordinates"]) == 2
    assert len(regions.lines(owner_session)) == 1


POINT = {"type": "Point", "coordinates": [113, 34]}
METRES = {"type": "Polygon", "coordinates": [[[6e5, 3e6], [7e5, 3e6], [7e5, 4e6], [6e5, 3e6]]]}
FLAT = {"type": "Polygon", "coordinates": [[[113, 34], [114, 34], [113, 34], [113, 34]]]}
REFUSED: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "unknown level": (feature("county", "410104", WEST), ("properties", "level"), "province, city or district"),
    "the country": (feature("country", "100000", WEST), ("properties", "level"), "province, city or district"),
    "short adcode": (feature("district", "4101", WEST), ("properties", "adcode"), "six digits"),
    "other digits": (feature("district", "４１０１０４", WEST), ("properties", "adcode"), "six digits"),
    "no name": (feature("district", "410104", WEST, " "), ("properties", "name"), "a name"),
    "no geometry": (feature("district", "410104", None), ("geometry",), "Polygon or MultiPolygon with an adcode"),
    "a point": (feature("district", "410104", POINT), ("geometry",), "Polygon or MultiPolygon with an adcode"),
    "no area": (feature("district", "410104", FLAT), ("geometry",), "Polygon or MultiPolygon with an adcode"),
    "not closed": (
        feature("district", "410104", {"type": "Polygon", "coordinates": [[[113, 34], [114, 34], [114, 35]]]}),
        ("geometry",),
        "Polygon or MultiPolygon with an adcode",
    ),
    "no adcode": (feature("district", "", WEST), ("geometry",), "LineString or MultiLineString without an adcode"),
    "metres": (feature("district", "410104", METRES), ("geometry",), "degrees WGS-84"),
    "swapped axes": (feature("district", "410104", square(34, 113)), ("geometry",), "degrees WGS-84"),
    "a duplicate": (CITY, ("properties", "adcode"), "each division once: feature 1 is the same"),
    "another province": (feature("city", "420100", WEST), ("properties", "adcode"), "its province 420000"),
    "not a feature": ("410104", ("properties", "level"), "province, city or district"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_feature_is_refused_by_number_field_and_expectation(source: Callable[..., Path], case: str):
    bad, where, expected = REFUSED[case]
    with pytest.raises(InvalidInput) as caught:
        regions.read(source(PROVINCE, CITY, bad))
    problem = caught.value.problems[0]
    assert problem.loc == ("features", 2, *where)
    assert expected in problem.message


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"type": "Feature"}', '{"type": "FeatureCollection", "features": []}']
)
def test_what_is_no_collection_of_divisions_is_unreadable(tmp_path: Path, content: str):
    path = tmp_path / "divisions.geojson"
    path.write_text(content)
    with pytest.raises(UnreadableFile, match=r"divisions\.geojson"):
        regions.read(path)


def test_a_file_that_is_not_there_is_unreadable(tmp_path: Path):
    for path in (tmp_path / "nowhere.geojson", tmp_path):
        with pytest.raises(UnreadableFile, match="cannot be read"):
            regions.read(path)


def test_a_refused_file_leaves_everything_as_it_was(owner_session: Session, source: Callable[..., Path]):
    with pytest.raises(InvalidInput):
        regions.load(owner_session, source(PROVINCE, feature("county", "410104", WEST)))
    assert regions.is_loaded(owner_session)
    assert regions.get(owner_session, "410103").name == "二七区"


def test_an_empty_registry_knows_that_it_is(owner_session: Session):
    owner_session.execute(db.sql("region_clear"))
    assert not regions.is_loaded(owner_session)
    assert codes(regions.locate(owner_session, 113.6605, 34.7528)) == "- - -"
