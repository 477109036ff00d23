"""Nearest is what a brute force on the ellipsoid says it is."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Geod
from sqlalchemy import Engine, text

from geo import db, distance, opening, search
from geo.datum import Datum, convert
from geo.search import Wanted
from geo.vocabulary import EntryMode, Facility, StationKind
from tests.factories import ZHENGZHOU, organisation, station

GEOD = Geod(ellps="WGS84")
STATIONS = 20_000
FACILITIES = (Facility.DRINKING_WATER, Facility.MICROWAVE, Facility.TOILET, Facility.SHOWER, Facility.AED)
SHARE = (0.95, 0.6, 0.4, 0.01, 0.05)
KINDS = (StationKind.BANK_HAVEN, StationKind.UNION_STATION, StationKind.DRIVER_HOME)
CENTRES = ((113.66, 34.75), (116.40, 39.91), (121.47, 31.23), (87.61, 43.83), (75.99, 39.47), (109.51, 18.25))
# The far corners, a point at sea, the middle of the desert: where the first steps find nothing.
EDGES = ((75.9, 39.4), (109.5, 18.2), (122.9, 30.6), (83.5, 39.0), (134.7, 48.3), (114.17, 22.32))


@dataclass
class Network:
    """The stations of the oracle, in the order of their ids, as arrays."""

    engine: Engine
    ids: list[str]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    has: dict[Facility, NDArray[np.bool_]]
    kind: NDArray[np.str_]
    walk_in: NDArray[np.bool_]
    usable: NDArray[np.bool_]
    chord: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.chord = np.array([distance.earth_centred(x, y) for x, y in zip(self.lon, self.lat, strict=True)])

    def nearest(self, lon: float, lat: float, passing: NDArray[np.bool_], *, limit: int, radius_m: float):
        """(id, metres) of the nearest by Karney's geodesic, ties by id.

        Chords only thin the candidates: a geodesic of up to 50 km is longer than its chord by less than 0.01 %.
        """
        chords = np.linalg.norm(self.chord - np.array(distance.earth_centred(lon, lat)), axis=1)
        chords[~(passing & self.usable)] = np.inf
        reach = np.partition(chords, limit - 1)[limit - 1] * 1.001 + 1
        found = np.flatnonzero(chords <= min(reach, radius_m))
        if not len(found):
            return []
        metres = GEOD.inv(np.full(len(found), lon), np.full(len(found), lat), self.lon[found], self.lat[found])[2]
        ranked = sorted((m, self.ids[i]) for m, i in zip(metres, found, strict=True) if m <= radius_m)
        return [(key, m) for m, key in ranked[:limit]]


@pytest.fixture(scope="module")
def network(clone: Callable[[], str]) -> Iterator[Network]:
    rng = np.random.default_rng(7)
    centre = np.array(CENTRES)[rng.integers(0, len(CENTRES), STATIONS)]
    spread = np.where(rng.random(STATIONS) < 0.7, 0.05, 0.6)[:, None]
    places = centre + rng.normal(size=(STATIONS, 2)) * spread
    shared = rng.integers(0, STATIONS, STATIONS // 10)
    places[shared] = places[shared[0]]  # two thousand branches at one address
    has = {name: rng.random(STATIONS) < share for name, share in zip(FACILITIES, SHARE, strict=True)}
    kind = rng.choice(np.array(KINDS, dtype="U32"), STATIONS)
    walk_in, usable = rng.random(STATIONS) < 0.5, rng.random(STATIONS) < 0.9
    working = [",".join(name for name, mask in has.items() if mask[n]) for n in range(STATIONS)]
    engine = db.make_engine(clone())
    with db.session(engine, as_owner=True) as session:
        # Without what triggers derive of each: its divisions, history and feed are nothing to these tests.
        session.execute(text("ALTER TABLE station DISABLE TRIGGER USER"))
        session.execute(
            text(
                "INSERT INTO station (id, number, code, name, kind, location, submitted_lon, submitted_lat,"
                " entry_modes, working_facilities, publication_status) OVERRIDING SYSTEM VALUE"
                " SELECT md5(n::text)::uuid, n, station_code_v1(n), 's' || n, kind,"
                " ST_MakePoint(x, y)::geography, x, y,"
                " CASE WHEN walk_in THEN ARRAY['walk_in', 'staffed'] ELSE ARRAY['qr'] END,"
                " string_to_array(working, ','), CASE WHEN usable THEN 'published' ELSE 'draft' END"
                " FROM unnest(CAST(:x AS float8[]), CAST(:y AS float8[]), CAST(:kind AS text[]),"
                " CAST(:walk_in AS bool[]), CAST(:working AS text[]), CAST(:usable AS bool[]))"
                " WITH ORDINALITY AS t(x, y, kind, walk_in, working, usable, n)".replace("::", r"\:\:")
            ),
            {
                "x": places[:, 0].tolist(),
                "y": places[:, 1].tolist(),
                "kind": kind.tolist(),
                "walk_in": walk_in.tolist(),
                "working": working,
                "usable": usable.tolist(),
            },
        )
        session.execute(text("ALTER TABLE station ENABLE TRIGGER USER"))
        ids = [
            str(key)
            for key in session.scalars(
                text("SELECT md5(n\\:\\:text)\\:\\:uuid FROM generate_series(1, :n) n"), {"n": STATIONS}
            )
        ]
    with db.session(engine, as_owner=True) as session:
        session.execute(text("ANALYZE station"))
    yield Network(engine, ids, places[:, 0], places[:, 1], has, kind, walk_in, usable)
    engine.dispose()


EVERYTHING = np.ones(STATIONS, dtype=bool)
CASES: dict[str, tuple[Wanted, Callable[[Network], NDArray[np.bool_]]]] = {
    "anything": (Wanted(), lambda net: EVERYTHING),
    "two facilities": (
        Wanted(facility=[Facility.MICROWAVE, Facility.TOILET]),
        lambda net: net.has[Facility.MICROWAVE] & net.has[Facility.TOILET],
    ),
    "one in a hundred": (Wanted(facility=[Facility.SHOWER]), lambda net: net.has[Facility.SHOWER]),
    "either": (
        Wanted(facility_any=[Facility.SHOWER, Facility.AED]),
        lambda net: net.has[Facility.SHOWER] | net.has[Facility.AED],
    ),
    "kind and entry": (
        Wanted(kind=[StationKind.BANK_HAVEN, StationKind.DRIVER_HOME], entry=[EntryMode.WALK_IN]),
        lambda net: (net.kind != StationKind.UNION_STATION.value) & net.walk_in,
    ),
    "impossible": (Wanted(facility=[Facility.LAUNDRY]), lambda net: ~EVERYTHING),
}


def riders(count: int) -> list[tuple[float, float]]:
    rng = np.random.default_rng(11)
    centre = np.array(CENTRES)[rng.integers(0, len(CENTRES), count)]
    points = centre + rng.normal(size=(count, 2)) * rng.choice([0.03, 0.5], count)[:, None]
    return [*EDGES, *((float(x), float(y)) for x, y in points)][:count]


def test_nearest_equals_the_brute_force_oracle(network: Network):
    rng = random.Random(5)
    with db.session(network.engine) as session:
        session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))  # planning took half the time
        now = opening.moment(session)
        for lon, lat in riders(2_000):
            name, (wanted, passing) = rng.choice(list(CASES.items()))
            limit, radius_m = rng.choice(((10, None), (10, None), (10, 1_000.0), (50, None), (50, 20_000.0)))
            datum = rng.choice(list(Datum))
            where = convert(*convert(lon, lat, Datum.WGS84, datum), datum, Datum.WGS84)
            found = search.nearest(session, *where, limit=limit, radius_m=radius_m, wanted=wanted, when=now)
            expected = network.nearest(*where, passing(network), limit=limit, radius_m=radius_m or search.FARTHEST_M)
            assert [str(row["id"]) for row in found.stations] == [key for key, _ in expected], (name, where)
            told = [row["distance_m"] for row in found.stations]
            assert np.allclose(told, [metres for _, metres in expected], rtol=0, atol=1e-3), (name, where)


def test_stations_at_one_position_come_in_the_order_of_their_ids(network: Network):
    values, counts = np.unique(network.lon, return_counts=True)
    lon = values[counts.argmax()]
    at = np.flatnonzero((network.lon == lon) & network.usable)
    lat = network.lat[at[0]]
    with db.session(network.engine) as session:
        found = search.nearest(session, float(lon), float(lat), limit=50)
    assert len(at) > 1_000
    assert [str(row["id"]) for row in found.stations] == sorted(network.ids[i] for i in at)[:50]
    assert {row["distance_m"] for row in found.stations} == {0}
    assert {row["bearing_deg"] for row in found.stations} == {None}


def test_the_answer_says_how_far_it_looked(network: Network):
    with db.session(network.engine) as session:
        assert search.nearest(session, *CENTRES[0]).searched_radius_m == 2_000
        assert search.nearest(session, 83.5, 39.0).searched_radius_m == 50_000
        assert search.nearest(session, *CENTRES[0], radius_m=700).searched_radius_m == 700


@pytest.mark.parametrize(
    "state",
    [
        {"publish": False},
        *({"operational_status": status} for status in ("planned", "temporarily_closed", "suspended", "relocated")),
    ],
)
def test_nearest_ignores_what_is_not_open_for_use(session, state):
    station(session, **state)
    assert search.nearest(session, *ZHENGZHOU).stations == []


def test_limited_service_is_open_for_use(session):
    station(session, operational_status="limited")
    assert len(search.nearest(session, *ZHENGZHOU).stations) == 1


def test_a_facility_that_does_not_work_does_not_pass(session):
    for n, status in enumerate(("working", "faulty", "out_of_stock", "expired", "unknown")):
        station(session, name=f"站{n}", facilities=[{"facility": "microwave", "status": status}])
    found = search.nearest(session, *ZHENGZHOU, wanted=Wanted(facility=[Facility.MICROWAVE]))
    assert [row["name"] for row in found.stations] == ["站0"]


def test_only_where_no_registration_is_required(session):
    for name, required in (("须登记", True), ("不登记", False), ("不详", None)):
        station(session, name=name, registration_required=required)
    found = search.nearest(session, *ZHENGZHOU, wanted=Wanted(no_registration=True))
    assert [row["name"] for row in found.stations] == ["不登记"]


def test_only_those_an_organisation_manages(session):
    organisation(session, "a")
    station(session, name="甲", organisation="a")
    station(session, name="乙")
    found = search.nearest(session, *ZHENGZHOU, wanted=Wanted(managed_by=["a"]))
    assert [row["name"] for row in found.stations] == ["甲"]


def test_the_bearing_is_from_the_rider_to_the_station(session):
    station(session)
    lon, lat = ZHENGZHOU
    (east,) = search.nearest(session, lon - 0.01, lat).stations
    (north,) = search.nearest(session, lon, lat - 0.01).stations
    assert (round(east["bearing_deg"]), round(north["bearing_deg"])) == (90, 0)
