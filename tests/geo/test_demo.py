import hashlib
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from geo import db, demo, filling
from geo.demo_rows import Network
from geo.errors import InvalidInput, NotEmpty, RegionNotFound
from geo.stations import StationDraft

ACTOR = db.Actor("test")
PUBLISHED = {  # of 30,000
    "true": 30_000,
    "synthetic": 30_000,
    "province = '330000'": 6_036,
    "district = '510114'": 40,
    "province = '310000' AND kind = 'legal_aid_point'": 422,
    "province = '320000' AND kind = 'legal_aid_point'": 150,
    "kind = 'bank_haven' AND brand = '劳动者港湾'": 14_200,
}


# The smaller is filled in the same way, and every published number comes out in proportion.
@pytest.fixture(scope="module", params=[demo.MANY, pytest.param(30_000, marks=pytest.mark.long)])
def size(request: pytest.FixtureRequest) -> int:
    """How many stations the demonstration network has."""
    return int(request.param)


@pytest.fixture(scope="module")
def demo_engine(clone: Callable[[], str], size: int) -> Iterator[Engine]:
    """An engine on a database with the demonstration network; leave it as it is."""
    engine = db.make_engine(clone())
    with db.session(engine, ACTOR) as session:
        demo.build(session, stations=size, seed=1)
    yield engine
    engine.dispose()


@pytest.fixture
def network(demo_engine: Engine) -> Iterator[Session]:
    with db.session(demo_engine) as session:
        yield session


def share(session: Session, condition: str) -> float:
    return float(session.scalar(text(f"SELECT avg(CAST({condition} AS int)) FROM station")) or 0)


def digest(session: Session) -> str:
    """Of everything that is said of every station, but not when the database heard it."""
    rows = session.execute(
        text(
            "SELECT to_jsonb(s) - ARRAY['facilities', 'created_at', 'updated_at', 'changed_in'],"
            " (SELECT jsonb_agg(jsonb_build_array(facility, status) ORDER BY facility)"
            " FROM station_facility WHERE station_id = s.id) FROM station s ORDER BY number"
        )
    )
    return hashlib.sha256("\n".join(map(str, rows)).encode()).hexdigest()


@pytest.mark.parametrize(("condition", "count"), PUBLISHED.items(), ids=PUBLISHED)
def test_the_published_numbers_come_out_by_the_registrys_own_divisions(network, size, condition, count):
    there = network.scalar(text(f"SELECT count(*) FROM station WHERE {condition}"))
    assert there == round(count * size / 30_000)


def test_every_provincial_capital_has_its_stations(network, size):
    capitals = dict(
        network.execute(
            text(
                "SELECT s.province, count(*) FROM station s"
                " WHERE s.province IN ('110000', '120000', '310000', '500000', '810000', '820000')"
                " OR s.city = left(s.province, 2) || '0100' OR s.district = '710009' GROUP BY 1"
            )
        ).all()
    )
    assert len(capitals) == 34
    assert min(capitals.values()) >= size // 1_000


def test_a_station_is_a_draft_that_the_registry_would_take(network):
    rows = network.execute(text("SELECT * FROM station_card ORDER BY code LIMIT 2000")).mappings()
    for row in rows:
        said = {name: row[name] for name in StationDraft.model_fields if name in row}
        things = [{"facility": f["facility"], "status": f["status"]} for f in row["facilities"]]
        draft = StationDraft(**said | {"facilities": things}, crs="wgs84")
        assert draft.opening_hours == row["opening_hours"]
        assert draft.staffed_hours == row["staffed_hours"]


def test_facilities_hours_and_states_resemble_the_published_network(network):
    assert share(network, "publication_status = 'published' AND operational_status = 'open'") == pytest.approx(
        0.93, abs=0.01
    )
    assert share(network, "coalesce(opening_hours, '') = '24/7'") == pytest.approx(0.066, abs=0.006)
    assert share(network, 'facilities @> \'[{"facility": "medicine"}]\'') == pytest.approx(0.60, abs=0.02)
    assert share(network, 'facilities @> \'[{"facility": "battery_swap"}]\'') == pytest.approx(0.011, abs=0.003)
    elsewhere = "stated_district NOT IN (SELECT name FROM region r WHERE r.adcode = station.district)"
    assert 0.01 < share(network, f"coalesce({elsewhere}, false)") < 0.04


def test_a_station_carries_its_facilities_from_the_first_version(network, size):
    assert network.scalar(text("SELECT count(*) FROM station_history")) == size
    assert network.scalar(text("SELECT count(*) FROM station_change")) == size
    wrong = network.scalar(
        text(
            "SELECT count(*) FROM station s WHERE jsonb_array_length(facilities) <>"
            " (SELECT count(*) FROM station_facility WHERE station_id = s.id)"
            " OR cardinality(working_facilities) <>"
            " (SELECT count(*) FROM station_facility WHERE station_id = s.id AND status = 'working')"
        )
    )
    assert wrong == 0


def test_several_stations_share_a_building_and_none_a_name_there(network, size):
    places = network.execute(
        text(
            "SELECT count(*) AS stations, count(DISTINCT name) AS names, count(DISTINCT address) AS addresses"
            " FROM station GROUP BY submitted_lon, submitted_lat HAVING count(*) > 1"
        )
    ).all()
    assert len(places) > size // 100
    assert all(place.stations == place.names and place.addresses == 1 for place in places)


def test_organisations_are_a_tree_and_say_what_they_are(network):
    organisations = network.execute(text("SELECT code, name, parent FROM organisation")).all()
    assert all(code.startswith("demo-") and "示范数据" in name for code, name, _ in organisations)
    assert {parent for _, _, parent in organisations if parent} < {
        code for code, _, parent in organisations if not parent
    }


def test_the_same_seed_makes_the_same_network(clone):
    digests = []
    for seed in (7, 7, 8):
        engine = db.make_engine(clone())
        with db.session(engine, ACTOR) as session:
            report = demo.build(session, stations=1_000, seed=seed)
            assert report.stations == 1_000
            digests.append(digest(session))
        engine.dispose()
    assert digests[0] == digests[1] != digests[2]


def test_a_small_network_keeps_the_proportions_and_tells_its_progress(session):
    heard: list[int] = []
    report = demo.build(session, stations=100, seed=1, progress=heard.append)
    counts = session.execute(
        text("SELECT count(*), count(*) FILTER (WHERE province = '330000') AS zhejiang FROM station")
    ).one()
    assert tuple(counts) == (100, 20)
    assert report.facilities == session.scalar(text("SELECT count(*) FROM station_facility"))
    assert heard == [100]


def test_a_registry_with_stations_is_left_alone(session):
    demo.build(session, stations=100, seed=1)
    with pytest.raises(NotEmpty):
        demo.build(session, stations=100, seed=1)


def test_without_divisions_there_is_nowhere_to_stand(owner_session):
    owner_session.execute(text("TRUNCATE region_part"))
    with pytest.raises(RegionNotFound, match="yizhan regions load"):
        demo.build(owner_session, stations=100, seed=1)


@pytest.mark.parametrize(("stations", "seed"), [(99, 1), (1_000_001, 1), (100, -1)])
def test_sizes_and_seeds_have_bounds(session, stations, seed):
    with pytest.raises(InvalidInput):
        demo.build(session, stations=stations, seed=seed)


def standing(session: Session) -> list[tuple[str, str]]:
    """The keys, indexes and triggers there are, and what they say."""
    asked = text(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('f', 'p', 'u') AND convalidated"
        " UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        " UNION ALL SELECT tgname, pg_get_triggerdef(oid) || CAST(tgenabled AS text) FROM pg_trigger"
        " WHERE NOT tgisinternal"
        " ORDER BY 1, 2"
    )
    return [(name, said) for name, said in session.execute(asked)]


def test_what_was_taken_off_the_tables_is_put_back(owner_session):
    before = standing(owner_session)
    with filling.lightened(owner_session, demo.TABLES) as bare:
        assert bare
        assert len(standing(owner_session)) < len(before) - 40
    assert standing(owner_session) == before


def test_a_network_that_is_filled_lightly_has_every_key_index_and_trigger(network, session):
    assert standing(network) == standing(session)


def test_a_login_that_owns_nothing_takes_nothing_off(shared_engine):
    engine = db.make_engine(shared_engine.url.set(username="yizhan_app").render_as_string(hide_password=False))
    with db.session(engine) as session:
        before = standing(session)
        with filling.lightened(session, demo.TABLES) as bare:
            assert not bare
            assert standing(session) == before
    engine.dispose()


def written(session: Session) -> dict[str, list[str]]:
    """Every row of every table that a network is written into."""
    tables = {"organisation": "code", "opening_rule": "id", "station": "number", "station_change": "seq"}
    tables |= {"station_history": "id", "station_facility": "station_id, facility"}
    return {
        name: list(session.scalars(text(f"SELECT CAST(to_jsonb(t) AS text) FROM {name} t ORDER BY {order}")))
        for name, order in tables.items()
    }


def test_what_is_written_lightly_is_what_the_triggers_write(owner_session, monkeypatch):
    def design(session: Session, stations: int, seed: int) -> Network:
        network = plain(session, stations, seed)
        spots = network.spots
        spots["lon"][:2], spots["lat"][:2] = (121.791709, 123.5), (31.363951, 30.0)  # a quay, and the open sea
        return network

    plain = demo._design
    monkeypatch.setattr(demo, "_design", design)
    monkeypatch.setattr(demo, "CHUNK", 400)
    made = []
    db.act_as(owner_session, db.Actor("test", "demo-union", "a trial"))
    for many in (demo.MANY, 1_000):
        monkeypatch.setattr(demo, "MANY", many)
        with owner_session.begin_nested() as savepoint:
            owner_session.execute(text("TRUNCATE station, organisation, opening_rule RESTART IDENTITY CASCADE"))
            demo.build(owner_session, stations=1_000, seed=3)
            made.append(written(owner_session))
            savepoint.rollback()
    assert made[0] == made[1]
    assert len(made[0]["station_history"]) == len(made[0]["station_change"]) == 1_000
    quay, sea = made[0]["station"][:2]
    assert ('"near_boundary": true' in quay, '"province": null' in sea) == (True, True)


def test_a_network_that_fails_half_way_leaves_nothing(fresh_engine, monkeypatch):
    def fail(_: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(demo, "MANY", 100)
    with db.session(fresh_engine) as session:
        before = standing(session)
    with pytest.raises(ZeroDivisionError), db.session(fresh_engine, ACTOR) as session:
        demo.build(session, stations=100, seed=1, progress=fail)
    with db.session(fresh_engine) as session:
        assert standing(session) == before
        assert not any(written(session).values())
