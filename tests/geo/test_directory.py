"""The directory answers nearest as PostGIS does, whatever has changed in between."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from api import answers
from geo import db, directory_rows, errors, opening, search, stations
from geo.datum import Datum
from geo.directory import Directory
from geo.directory_changes import Changes
from geo.follower import Follower
from geo.search import Ask, Listing, Wanted
from geo.vocabulary import EntryMode, Facility, Serves, StationKind
from tests.conftest import ACTOR
from tests.factories import ZHENGZHOU, organisation, station

STATIONS = 1_500
PLACES = ((113.66, 34.75), (116.40, 39.91), (113.94, 22.53), (87.61, 43.83))
HOURS = (
    *("Mo-Fr 09:00-17:00", "24/7", "06:00-22:00; PH off", "Mo-Su 22:00-02:00", None, "Sa,Su 08:00-20:00"),
    "Mo-Fr 07:30-12:00,13:00-18:30",
)
STATUSES = ("open", "open", "open", "limited", "temporarily_closed", "suspended")


def make_network(engine: Engine, rng: random.Random) -> list[str]:
    """Stations in four towns and between them, many at one position; their ids."""
    rows: list[dict[str, Any]] = []
    for number in range(STATIONS):
        lon, lat = rng.choice(PLACES)
        spread = rng.choice((0.0, 0.0, 0.02, 0.3))
        rows.append(
            {
                "name": f"站 {number}, “{rng.choice('甲乙丙')}” \\ 50%",
                "lon": lon + rng.gauss(0, 1) * spread,
                "lat": lat + rng.gauss(0, 1) * spread,
                "kind": rng.choice(list(StationKind)).value,
                "brand": rng.choice((None, '爱心"驿站"', "港湾")),
                "address": rng.choice((None, "路 1 号\t东侧")),
                "hours": rng.choice(HOURS),
                "calendar": rng.choice(("literal", "prc_workdays")),
                "entry": [mode.value for mode in rng.sample(list(EntryMode), rng.randrange(3))],
                "serves": [word.value for word in rng.sample(list(Serves), rng.randrange(3))],
                "registration": rng.choice((None, True, False)),
                "managed_by": rng.choice((None, "bank-a", "bank-b")),
                "status": rng.choice(STATUSES),
                "publication": rng.choice(("published", "published", "published", "draft")),
            }
        )
    with db.session(engine, ACTOR) as session:
        for code in ("bank-a", "bank-b"):
            organisation(session, code)
        made = [
            str(key)
            for row in rows
            for key in session.scalars(
                text(
                    "INSERT INTO station (name, location, submitted_lon, submitted_lat, kind, brand, address,"
                    " opening_hours, hours_calendar, entry_modes, serves, registration_required, managed_by,"
                    " operational_status, publication_status) VALUES (:name, CAST(ST_MakePoint(:lon, :lat) AS"
                    " geography), :lon, :lat, :kind, :brand, :address, :hours, :calendar, CAST(:entry AS text[]),"
                    " CAST(:serves AS text[]), :registration, :managed_by, :status, :publication) RETURNING id"
                ),
                row,
            )
        ]
    return made


@dataclass
class Network:
    """A network with its directory, followed by hand."""

    engine: Engine
    ids: list[str]
    follower: Follower
    rng: random.Random = field(default_factory=lambda: random.Random(5))

    @property
    def directory(self) -> Directory:
        self.follower.refresh()
        return self.follower.directory


@pytest.fixture(scope="module")
def network(clone) -> Iterator[Network]:
    engine = db.make_engine(clone())
    ids = make_network(engine, random.Random(3))
    yield Network(engine, ids, Follower(engine))
    engine.dispose()


def some(rng: random.Random, words: Iterable[Any], most: int = 2) -> list[Any]:
    return rng.sample(list(words), rng.randint(1, most))


def random_wanted(rng: random.Random) -> Wanted:
    offered = [Facility.DRINKING_WATER, Facility.MICROWAVE, Facility.TOILET, Facility.SHOWER]
    filters: dict[str, Any] = {
        "facility": rng.sample(offered, rng.randint(1, 2)),
        "facility_any": rng.sample(offered, rng.randint(1, 2)),
        "kind": some(rng, StationKind, 4),
        "serves": some(rng, Serves, 4),
        "entry": some(rng, EntryMode, 3),
        "managed_by": rng.choice((["bank-a"], ["bank-a", "bank-b"], ["nobody"])),
        "no_registration": True,
        "open": True,
    }
    chosen = rng.sample(sorted(filters), rng.choice((0, 0, 1, 1, 1, 2, 3)))
    return Wanted(**{name: filters[name] for name in chosen})


def random_ask(rng: random.Random, ids: list[str], session: Session) -> Ask:
    lon, lat = rng.choice(PLACES)
    spread = rng.choice((0.0, 0.01, 0.1, 0.5, 3.0))
    lon, lat = lon + rng.gauss(0, 1) * spread, lat + rng.gauss(0, 1) * spread
    if rng.random() < 0.1:  # on the very spot of a station
        lon, lat = session.execute(
            text("SELECT ST_X(location\\:\\:geometry), ST_Y(location\\:\\:geometry) FROM station WHERE id = :id"),
            {"id": rng.choice(ids)},
        ).one()
    at = datetime(2026, rng.randint(1, 12), rng.randint(1, 28), rng.randrange(24), tzinfo=UTC)
    at += timedelta(seconds=rng.choice((0, 0, 1, 1_799, 3_599)))
    return Ask(
        lon,
        lat,
        crs=rng.choice(list(Datum)),
        limit=rng.choice((1, 3, 10, 50)),
        radius_m=rng.choice((None, None, 1.0, 800.0, 20_000.0, 50_000.0)),
        wanted=random_wanted(rng),
        at=rng.choice((at, datetime.now(UTC))),
    )


def by_sql(session: Session, ask: Ask) -> dict[str, Any]:
    """What PostGIS says, as nearest answers it."""
    found = search.nearest(
        session,
        ask.lon,
        ask.lat,
        limit=ask.limit,
        radius_m=ask.radius_m,
        wanted=ask.wanted,
        when=opening.moment(session, ask.at),
    )
    answer: dict[str, Any] = orjson.loads(answers.nearest(found, ask.crs).body)
    for row, feature in zip(found.stations, answer["features"], strict=True):
        feature["metres"] = row["distance_m"]
    return answer


def assert_equal(answer: bytes, expected: dict[str, Any], ask: Ask) -> None:
    """Equal but for the last digit of distance and bearing, which may be rounded otherwise."""
    given = orjson.loads(answer)
    assert [each["id"] for each in given["features"]] == [each["id"] for each in expected["features"]], ask
    for one, other in zip(given["features"], expected["features"], strict=True):
        metres, bearing = one["properties"].pop("distance_m"), one["properties"].pop("bearing_deg")
        assert metres == pytest.approx(other.pop("metres"), abs=0.006)
        assert metres == pytest.approx(other["properties"].pop("distance_m"), abs=0.0101)
        told = other["properties"].pop("bearing_deg")
        if metres > 0.01:
            assert abs((bearing - told + 180) % 360 - 180) < 0.11, (bearing, told, ask)
        elif told is None:
            assert bearing is None
    assert given == expected, ask


def change(network: Network, session: Session) -> None:
    """One change of any kind, to a random station."""
    rng, key = network.rng, network.rng.choice(network.ids)
    lon, lat = rng.choice(PLACES)
    now = datetime.now(UTC)
    starts = rng.choice((now - timedelta(days=1), now + timedelta(days=1), datetime(2026, 5, 1, tzinfo=UTC)))
    given = {
        "id": key,
        "lon": lon + rng.gauss(0, 1) * 0.02,
        "lat": lat + rng.gauss(0, 1) * 0.02,
        "name": f"改 {rng.randrange(10**6)}",
        "hours": rng.choice(HOURS),
        "facility": rng.choice(("drinking_water", "microwave", "toilet", "shower")),
        "working": rng.choice(("working", "working", "faulty", "unknown")),
        "note": rng.choice((None, '坏了\t"半个" \\ 月')),
        "status": rng.choice(STATUSES),
        "starts": starts.replace(microsecond=0),
        "ends": rng.choice((None, starts.replace(microsecond=0) + timedelta(days=3))),
    }
    statement = rng.choice(CHANGES)
    session.execute(text(statement), {name: value for name, value in given.items() if f":{name}" in statement})


CHANGES = (
    "UPDATE station SET name = :name WHERE id = :id",
    "UPDATE station SET location = CAST(ST_MakePoint(:lon, :lat) AS geography) WHERE id = :id",
    "UPDATE station SET opening_hours = :hours WHERE id = :id",
    "UPDATE station SET operational_status = :status WHERE id = :id",
    "UPDATE station SET publication_status = CASE publication_status WHEN 'published' THEN 'delisted_inactive'"
    " ELSE 'published' END WHERE id = :id",
    "INSERT INTO closure (station_id, starts_at, ends_at, reason) VALUES (:id, :starts, :ends, '修')",
    "UPDATE closure SET cancelled_at = now() WHERE cancelled_at IS NULL AND station_id IN"
    " (SELECT station_id FROM closure ORDER BY random() LIMIT 1)",
    *[
        "INSERT INTO station_facility (station_id, facility, status, note) VALUES (:id, :facility, :working, :note)"
        " ON CONFLICT (station_id, facility) DO UPDATE SET status = excluded.status, note = excluded.note"
    ]
    * 3,
)


def test_the_directory_answers_as_postgis_whatever_changes(network: Network):
    rng, compared, answered = network.rng, 0, 0
    with db.session(network.engine, ACTOR) as session:  # more at once than are looked through one by one
        for _ in range(500):
            change(network, session)
    for _ in range(50):
        with db.session(network.engine, ACTOR) as session:
            for _ in range(rng.choice((1, 1, 5, 20))):
                change(network, session)
        directory = network.directory
        with db.session(network.engine) as session:
            asks = [random_ask(rng, network.ids, session) for _ in range(12)]
            for ask, answer in zip(asks, directory.nearest(asks), strict=True):
                expected = by_sql(session, ask)
                answered += len(expected["features"])
                assert_equal(answer, expected, ask)
                compared += 1
    assert compared == 600
    assert answered > 2_000


def test_each_published_station_is_found_by_id_and_code_as_postgis_has_it(network: Network):
    directory = network.directory
    with db.session(network.engine) as session:
        when = opening.moment(session)
        for key in network.ids[:300]:
            try:
                row = stations.get(session, key)
            except errors.StationNotFound:
                with pytest.raises(errors.StationNotFound):
                    directory.find(key)
                continue
            expected = stations.feature(row, Datum.GCJ02, when)
            assert stations.feature(directory.find(key), Datum.GCJ02, when) == expected
            assert stations.feature(directory.find(row["code"].lower()), Datum.GCJ02, when) == expected
        published = session.scalar(text("SELECT count(*) FROM station WHERE publication_status = 'published'"))
    assert directory.count == published


REGIONS = (None, None, "100000", "410000", "410100", "110000", "440305", "650100")


def test_lists_from_memory_are_those_of_postgis(network: Network):
    rng, listed = network.rng, 0
    directory = network.directory
    with db.session(network.engine) as session:
        for _ in range(120):
            ask = random_ask(rng, network.ids, session)
            west, south = ask.lon - rng.random(), ask.lat - rng.random()
            listing = Listing(
                bbox=rng.choice((None, (west, south, west + 1.5, south + 1.5))),
                region=rng.choice(REGIONS),
                q=rng.choice((None, None, "站 1", "乙", "yz000", "爱", "50%", "\\")),
                wanted=ask.wanted,
            )
            after = rng.choice((None, UUID(rng.choice(network.ids))))
            when = opening.moment(session, ask.at)
            expected = search.page(session, listing, limit=ask.limit, after=after, when=when)
            found = directory.page(listing, limit=ask.limit, after=after, when=when)
            assert [row["id"] for row in found] == [str(row["id"]) for row in expected], listing
            shown = [stations.feature(row, Datum.WGS84, when) for row in found]
            assert shown == [stations.feature(row, Datum.WGS84, when) for row in expected]
            listed += len(found)
    assert listed > 200


def test_cells_count_what_the_list_holds_where_it_stands(network: Network):
    rng = random.Random(8)
    with db.session(network.engine) as session:
        for _ in range(40):
            wanted = random_wanted(rng)
            when, cell = opening.moment(session), rng.choice([0.03, 0.5, 7.0])
            listing = Listing(bbox=(110.013, 33.02, 116.4, 36.7), wanted=wanted)
            expected = search.cells(session, listing, cell_deg=cell, when=when)
            found = network.directory.cells(listing, cell_deg=cell, at=when.at)
            assert found.stations.tolist() == expected.stations.tolist()
            assert found.lon == pytest.approx(expected.lon)
            assert found.lat == pytest.approx(expected.lat)
            assert sum(found.stations) == len(search.page(session, listing, limit=10_000, when=when))
    assert len(Directory.load(session).cells(Listing(bbox=(73, 18, 73.1, 18.1)), cell_deg=1).stations) == 0


def test_what_changed_since_is_not_asked_of_memory(session):
    directory = Directory.load(session)
    with pytest.raises(errors.DatabaseUnavailable):
        directory.page(Listing(updated_since=datetime.now(UTC)), limit=1, when=directory.moment())


@pytest.mark.parametrize(
    "key", ["", "nonsense", "YZ0000000000", "YZ99999999xx", "00000000-0000-0000-0000-000000000000"]
)
def test_what_is_not_there_is_not_found(session, key):
    with pytest.raises(errors.StationNotFound):
        Directory.load(session).find(key)


def test_a_code_with_wrong_check_digits_is_not_found(session):
    directory = Directory.load(session)
    code = stations.get(session, station(session))["code"]
    directory = Directory.load(session)
    assert directory.find(code)["code"] == code
    with pytest.raises(errors.StationNotFound):
        directory.find(f"{code[:-2]}{(int(code[-2:]) + 1) % 100:02}")


def test_an_empty_directory_answers(session):
    (answer,) = Directory.load(session).nearest([Ask(*ZHENGZHOU)])
    assert orjson.loads(answer)["features"] == []
    assert orjson.loads(answer)["searched_radius_m"] == 50_000


def test_hundreds_at_one_position_come_in_the_order_of_their_ids(session):
    ids = sorted(station(session, name=f"站 {number}") for number in range(70))
    (answer,) = Directory.load(session).nearest([Ask(*ZHENGZHOU, limit=50)])
    assert [each["id"] for each in orjson.loads(answer)["features"]] == ids[:50]


def test_applying_a_row_again_or_an_older_one_changes_nothing(network: Network):
    directory = network.directory
    with db.session(network.engine) as session:
        rows = list(directory_rows.read(session, network.ids[:50]))
    older = [row._replace(fields=[row.fields[0], b"0", b"published", *row.fields[3:]]) for row in rows]
    asks = [Ask(lon, lat, limit=50, at=datetime(2026, 6, 1, tzinfo=UTC)) for lon, lat in PLACES]
    changes = Changes.of([*older, *rows, *rows, *older], directory.stock.lexicon)
    again = directory.apply(changes, directory.as_of)
    assert again.count == directory.count
    assert again.nearest(asks) == directory.nearest(asks)
