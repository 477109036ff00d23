"""Coverage, gaps and siting as arithmetic, with PostGIS, shapely and scipy's exact optimum as oracles."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import bmat, csr_array, identity
from sqlalchemy import text
from sqlmodel import Session

from geo import coverage, demand, field, gaps, grid, siting
from geo.access import Principal
from geo.coverage_measure import Ground, Reach, Region, measure, quantile, quantile_of_equals, within
from geo.demand import Demand
from geo.distance import earth_centred_many
from tests.conftest import ACTOR, rolled_back

WGS84 = Geod(ellps="WGS84")
SQUARE = shapely.box(113.6, 34.7, 113.8, 34.9)
NOBODY = np.zeros(0)


def packed(*values: float) -> bytes:
    return np.array(values, dtype=">f8").tobytes()


def region(shape: shapely.Geometry, level: str = "district") -> Region:
    polygons = shapely.get_parts(shape)
    area = sum(abs(WGS84.geometry_area_perimeter(each)[0]) for each in polygons) / 1e6
    return Region(level, "410199", "试验区", area, shapely.to_wkb(shape))


def ground(stations: list[tuple[float, float]], points: list[tuple[float, float, float]]) -> Ground:
    lon, lat = zip(*stations, strict=True) if stations else ((), ())
    columns = zip(*points, strict=True) if points else ((), (), ())
    first, second, third = (packed(*column) for column in columns)
    return Ground(
        packed(*lon),
        packed(*lat),
        b"410000410100410199" * len(lon),
        np.inf,
        (first, second, third),
    )


def measured(ground: Ground, reach: Reach) -> dict[str, Any]:
    (found,) = measure([region(SQUARE)], ground, reach, 20_000)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "shape",
    [
        SQUARE,
        shapely.Point(113.7, 34.8).buffer(0.1).difference(shapely.Point(113.7, 34.8).buffer(0.04)),
        shapely.MultiPolygon([shapely.box(80, 40, 80.3, 40.2), shapely.Point(80.6, 40.5).buffer(0.1)]),
        shapely.Polygon([(120, 20), (120.3, 20.05), (120.1, 20.1), (120.2, 20.3)]),
    ],
    ids=["square", "ring", "two", "spike"],
)
def test_cells_are_those_whose_centre_lies_in_the_region_and_their_areas_add_up(shape):
    cells = grid.over(shape, 100.0)
    lon, lat = np.meshgrid(cells.lons, cells.lats)
    assert (
        cells.inside == shapely.contains_xy(shape, lon, lat)
    ).mean() > 0.9998  # a long edge bends a little between rows
    assert cells.inside.sum() * cells.cell_km2 == pytest.approx(region(shape).area_km2, rel=0.002)


@given(st.floats(3, 54))
def test_a_cell_is_as_large_as_it_says_at_every_latitude(south):
    cells = grid.over(shapely.box(100, south, 100.1, south + 0.1), 250.0)
    box = shapely.box(cells.lon_edges[0], cells.lat_edges[-2], cells.lon_edges[1], cells.lat_edges[-1])
    assert abs(WGS84.geometry_area_perimeter(box)[0]) == pytest.approx(250.0**2, rel=1e-4)


def test_a_region_smaller_than_a_cell_is_one_cell():
    assert grid.over(shapely.Point(113.7, 34.8).buffer(1e-5), 500.0).inside.sum() == 1


@given(st.lists(st.tuples(st.floats(113, 114), st.floats(34, 35)), min_size=1, max_size=20))
def test_the_field_is_the_geodesic_to_the_nearest_station(stations):
    lon, lat = map(np.array, zip(*stations, strict=True))
    found = field.Field(lon, lat).distance(np.array([113.5]), np.array([34.5]))[0]
    assert found == pytest.approx(min(WGS84.inv(113.5, 34.5, *each)[2] for each in stations), abs=0.05)


def test_without_a_station_nothing_is_covered_and_no_distance_is_told():
    found = measured(ground([], [(113.7, 34.8, 5.0)]), Reach(1_000, 1.0))
    assert (found["area_share"], found["demand_share"], found["stations"]) == (0, 0, 0)
    assert found["median_distance_m"] is found["p90_distance_m"] is found["demand_median_distance_m"] is None


def test_a_station_across_the_border_covers_and_is_not_counted():
    outside = ground([(113.599, 34.8)], [(113.601, 34.8, 10.0), (113.79, 34.8, 30.0)])
    found = measured(outside, Reach(1_000, 1.0))
    assert found["demand_share"] == 0.25
    assert found["area_share"] > 0
    other = outside.of(region(SQUARE)._replace(adcode="410198"))
    assert not other.any()


def test_a_detour_covers_as_much_as_a_radius_so_many_times_smaller():
    near = ground([(113.7, 34.8)], [(113.7, 34.8, 1.0)])
    direct = measured(near, Reach(1_000, 1.0))
    winding = measured(near, Reach(1_300, 1.3))
    assert winding["area_share"] == pytest.approx(direct["area_share"], abs=2e-4)
    assert winding["median_distance_m"] == pytest.approx(direct["median_distance_m"] * 1.3, rel=0.01)


def test_where_stations_beyond_what_was_read_could_be_nearer_nothing_is_claimed():
    narrow = Ground(packed(113.0), packed(34.0), b"410000410100410199", 30_000.0, (b"", b"", b""))
    assert measure([region(SQUARE)], narrow, Reach(1_000, 1.0), 20_000) == [None]
    assert gaps.find(region(SQUARE), narrow, Reach(1_000, 1.0), 20_000, 10) is None


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0.001, 1e4)), min_size=1), st.sampled_from([0.1, 0.5, 0.9]))
def test_a_quantile_leaves_so_much_weight_below_and_the_rest_above(pairs, share):
    values, weights = map(np.array, zip(*pairs, strict=True))
    found = quantile(values, weights, share)
    assert found is not None
    assert weights[values <= found + 0.051].sum() >= share * weights.sum() * (1 - 1e-9)
    assert weights[values < found - 0.051].sum() <= share * weights.sum() * (1 + 1e-9)


@given(st.lists(st.floats(0, 1e5), min_size=1), st.sampled_from([0.1, 0.5, 0.9]))
def test_a_quantile_of_equals_is_the_one_with_equal_weights(values, share):
    assert quantile_of_equals(np.array(values), share) == quantile(np.array(values), np.ones(len(values)), share)


def test_cells_stand_where_their_degrees_say():
    cells = grid.over(SQUARE, 1_000.0)
    assert cells.earth == pytest.approx(earth_centred_many(*cells.centres), abs=1e-6)


def test_towns_are_spread_without_gaining_or_losing_anybody():
    towns = Demand(np.array([113.66, 110.0]), np.array([34.75, 30.0]), np.array([1_000_000.0, 2_000.0]))
    people = demand.spread(towns)
    assert people.weight.sum() == pytest.approx(1_002_000)
    large = people.at(people.lon > 112)
    assert len(large.lon) == 200
    reach = [WGS84.inv(113.66, 34.75, *each)[2] for each in zip(large.lon, large.lat, strict=True)]
    assert 7_000 < max(reach) < np.sqrt(200 / np.pi) * 1_010
    assert list(people.at(people.lon < 112).lon) == [110.0]
    assert len(demand.bundled().lon) > 100_000


def test_gaps_are_polygons_of_inhabited_uncovered_cells_with_most_demand_first():
    stations = ground(
        [(113.62, 34.72)], [(113.62, 34.72, 50.0), (113.75, 34.85, 500.0), (113.76, 34.85, 100.0), (113.65, 34.85, 7.0)]
    )
    found = gaps.find(region(SQUARE), stations, Reach(1_000, 1.0), 150_000, 10)
    assert found is not None
    features = found["features"]
    assert [feature["properties"]["demand"] for feature in features] == [600.0, 7.0]
    assert found["gaps"] == 2
    for feature in features:
        shape: Any = shapely.geometry.shape(feature["geometry"])
        assert shape.is_valid
        assert shape.exterior.is_ccw
        area = abs(WGS84.geometry_area_perimeter(shape)[0]) / 1e6
        assert area == pytest.approx(feature["properties"]["area_km2"], rel=0.01)
        far = feature["properties"]
        assert shape.covers(shapely.Point(far["farthest_lon"], far["farthest_lat"]))
        geodesic = WGS84.inv(113.62, 34.72, far["farthest_lon"], far["farthest_lat"])[2]
        assert far["farthest_m"] == pytest.approx(geodesic, abs=1)
    # A disc of a kilometre, not the whole square: fields and waters are left out.
    assert features[1]["properties"]["area_km2"] == pytest.approx(np.pi, rel=0.03)
    assert found["inhabited_uncovered_km2"] < 0.1 * found["uncovered_km2"]


def optimum(covers: csr_array, weight: np.ndarray, count: int) -> float:
    """The exact answer to maximal covering location: which candidates x, which points y <= the sum of their x."""
    candidates, points = covers.shape
    limits: Any = bmat([[covers.T.astype(float), -identity(points)]])
    chosen = np.concatenate([np.ones(candidates), np.zeros(points)])[None]
    rules = [LinearConstraint(limits.tocsr(), 0, np.inf), LinearConstraint(chosen, 0, count)]
    gain = np.concatenate([np.zeros(candidates), -weight])
    solved = milp(gain, constraints=rules, integrality=np.ones(len(gain), int), bounds=Bounds(0, 1))
    assert solved.success
    return float(-solved.fun)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 6))
def test_greedy_siting_keeps_its_promise_beside_the_exact_optimum(seed, count):
    chance = np.random.default_rng(seed)
    covers = csr_array(chance.random((25, 40)) < 0.12)
    weight = chance.integers(1, 100, 40).astype(float)
    chosen = siting.greedy(covers, weight, count)
    best, got = optimum(covers, weight, count), sum(chosen.gains)
    assert got <= best + 1e-6
    assert best <= chosen.best_possible + 1e-6
    assert got >= (1 - 1 / np.e) * best - 1e-6
    assert chosen.gains == sorted(chosen.gains, reverse=True)
    reached = covers[chosen.order].toarray().any(axis=0)
    assert got == pytest.approx(weight[reached].sum())
    assert len(set(chosen.order)) == len(chosen.order) <= count


def test_suggested_places_add_what_they_say_when_they_are_measured_with_a_station_there():
    chance = np.random.default_rng(7)
    points = [(113.6 + 0.2 * x, 34.7 + 0.2 * y, w) for x, y, w in chance.random((300, 3)) + np.array([0, 0, 0.1])]
    before = ground([(113.7, 34.8)], points)
    chosen = siting.choose(region(SQUARE), before, Reach(1_500, 1.2), 5, None)
    was = measured(before, Reach(1_500, 1.2))
    assert chosen["share_before"] == pytest.approx(was["demand_share"], abs=1e-6)
    spots = [tuple(feature["geometry"]["coordinates"]) for feature in chosen["features"]]
    for rank in range(1, 6):
        now = ground([(113.7, 34.8), *spots[:rank]], points)
        found = measured(now, Reach(1_500, 1.2))
        assert found["demand_share"] == pytest.approx(chosen["features"][rank - 1]["properties"]["share"], abs=2e-6)
    assert chosen["share_after"] <= chosen["optimum_at_most"] <= 1


def test_premises_are_chosen_by_name_and_those_elsewhere_are_left_out():
    points = [(113.65, 34.75, 10.0), (113.75, 34.85, 20.0)]
    offered = siting.Premises(packed(113.65, 113.75, 115.0), packed(34.75, 34.85, 34.8), ("甲", "乙", "外"))
    chosen = siting.choose(region(SQUARE), ground([], points), Reach(1_000, 1.0), 5, offered)
    assert [feature["properties"]["name"] for feature in chosen["features"]] == ["乙", "甲"]
    assert chosen["candidate_count"] == 2
    assert chosen["features"][1]["properties"]["share"] == 1.0


def test_where_everybody_is_served_no_place_is_suggested():
    chosen = siting.choose(region(SQUARE), ground([(113.7, 34.8)], [(113.7, 34.8, 1.0)]), Reach(1_000, 1.0), 5, None)
    assert (chosen["features"], chosen["share_before"], chosen["at_least_of_optimum"]) == ([], 1.0, 1.0)


@pytest.fixture(scope="module")
def scattered(shared_engine) -> Iterator[Session]:
    """Stations strewn over and around thirty districts that were drawn by lot."""
    with rolled_back(shared_engine, as_owner=True) as session:
        session.execute(text("SELECT setseed(0.42), set_config('yizhan.actor', :who, true)"), {"who": ACTOR.name})
        session.execute(
            text(
                """
                CREATE TEMPORARY TABLE lot ON COMMIT DROP AS
                SELECT adcode, geom FROM region WHERE level = 'district' ORDER BY md5(adcode || 'a lot') LIMIT 30;
                INSERT INTO station (name, kind, location, submitted_lon, submitted_lat, publication_status)
                SELECT 'x', 'other', g::geography, ST_X(g), ST_Y(g), 'published'
                  FROM (SELECT (ST_Dump(ST_GeneratePoints(ST_Expand(ST_Envelope(geom), 0.02), 60, 7))).geom AS g
                          FROM lot) p;
                """
            )
        )
        yield session


def test_coverage_agrees_with_the_exact_buffers_of_postgis_on_thirty_districts(scattered: Session):
    exact = text(
        """
        SELECT ST_Area(ST_Intersection(r.geom, ST_Union(ST_Buffer(s.location, :radius, 'quad_segs=16')::geometry))
                       ::geography) / ST_Area(r.geom::geography)
          FROM region r JOIN station s ON ST_DWithin(s.location::geometry, r.geom, 0.05)
         WHERE r.level = 'district' AND r.adcode = :adcode GROUP BY r.geom"""
    )
    admin = Principal("admin", "admin", "yz_test")
    shares = []
    for adcode in scattered.scalars(text("SELECT adcode FROM lot ORDER BY adcode")).all():
        asked = coverage.Asked(adcode, "district", radius_m=1_000, demand="geonames")
        found = coverage.measured(scattered, admin, asked)
        shares.append(found["area_share"])
        oracle = scattered.scalar(exact, {"radius": 1_000, "adcode": adcode})
        assert found["area_share"] == pytest.approx(oracle, abs=0.005), (adcode, found["cell_m"])
    assert len(shares) == 30
    assert max(shares) > 0.9 > 0.1 > min(shares)  # towns and deserts
    assert within(SQUARE, Demand(NOBODY, NOBODY, NOBODY)).weight.sum() == 0
