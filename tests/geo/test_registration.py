"""Who is who, what changed, what is refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session
from stdnum.iso7064 import mod_97_10

from geo import db, errors, registration, stations
from geo.registration import Incoming
from tests import factories
from tests.conftest import ACTOR
from tests.factories import ZHENGZHOU, draft, organisation, register, station

LON, LAT = ZHENGZHOU
NEARBY = LAT + 30 / 111_000  # 30 m to the north
FAR = LAT + 80 / 111_000


def verdicts(rows: list[Incoming]) -> list[str]:
    return [str(row.verdict) for row in rows]


def test_a_new_station_gets_a_code_with_check_digits_a_place_and_revision_one(session):
    row = stations.get(session, station(session, facilities=["microwave", "toilet"]))
    assert mod_97_10.is_valid(row["code"])
    assert (row["district"], row["city"], row["province"]) == ("金水区", "郑州市", "河南省")
    assert row["revision"] == 1
    assert [f["facility"] for f in row["facilities"]] == ["microwave", "toilet"]
    assert {f["status"] for f in row["facilities"]} == {"working"}


def test_the_same_draft_again_is_unchanged_and_leaves_no_trace(session):
    one = draft(facilities=["microwave"], entry_modes=["qr", "walk_in"], host_ref="1")
    assert verdicts(register(session, one)) == ["inserted"]
    before = session.scalar(text("SELECT count(*) FROM station_history"))
    assert verdicts(register(session, one)) == ["unchanged"]
    assert session.scalar(text("SELECT count(*) FROM station_history")) == before


def test_a_host_ref_finds_the_station_wherever_it_moved(session):
    organisation(session)
    (first,) = register(session, draft(host_ref="7"), organisation="ccb-zz")
    (again,) = register(session, draft(host_ref="7", name="新名", lat=34.9), organisation="ccb-zz")
    assert (again.verdict, again.id) == ("updated", first.id)
    assert set(again.changed) == {"location", "name", "submitted_lat"}


def test_without_a_host_ref_the_name_within_50_m_is_the_same_station(session):
    (first,) = register(session, draft())
    (near,) = register(session, draft(lat=NEARBY))
    (far,) = register(session, draft(lat=FAR + 30 / 111_000))
    assert near.id == first.id
    assert far.verdict == "inserted"


def test_the_same_name_of_another_organisation_nearby_is_a_duplicate_and_no_error(session):
    organisation(session)
    code = stations.get(session, station(session))["code"]
    (row,) = register(session, draft(lat=NEARBY), organisation="ccb-zz")
    assert row.verdict == "duplicate"
    assert code in row.warnings[0]


def test_other_names_at_one_address_are_other_stations(session):
    assert verdicts(register(session, draft(name="甲"), draft(name="乙"))) == ["inserted", "inserted"]


def test_a_row_that_repeats_an_earlier_row_is_skipped_and_named(session):
    rows = register(
        session, draft(), draft(lat=NEARBY), draft(name="别的", host_ref="9"), draft(name="再别", host_ref="9")
    )
    assert verdicts(rows) == ["inserted", "duplicate", "inserted", "duplicate"]
    assert rows[1].warnings == ["repeats row 2"]


def test_what_a_draft_does_not_mention_stays(session):
    key = station(session, address="花园路1号", capacity=10, host_ref="5")
    (row,) = register(session, draft(host_ref="5", capacity=12))
    found = stations.get(session, key)
    assert row.changed == ["capacity"]
    assert (found["address"], found["capacity"]) == ("花园路1号", 12)


def test_null_clears_an_optional_field(session):
    key = station(session, address="花园路1号", host_ref="5")
    register(session, draft(host_ref="5", address=None))
    assert stations.get(session, key)["address"] is None


def test_a_list_of_names_does_not_mend_a_broken_microwave(session):
    broken = {"facility": "microwave", "status": "faulty", "note": "等配件"}
    key = station(session, host_ref="5", facilities=[broken, "toilet"])
    (same,) = register(session, draft(host_ref="5", facilities=["microwave", "toilet"]))
    (fewer,) = register(session, draft(host_ref="5", facilities=["microwave"]))
    assert (same.verdict, fewer.changed) == ("unchanged", ["facilities"])
    (known,) = stations.get(session, key)["facilities"]
    assert (known["status"], known["note"]) == ("faulty", "等配件")


def test_the_same_spot_in_another_datum_is_unchanged(session):
    register(session, draft(host_ref="5"))
    from geo.datum import Datum, convert

    lon, lat = convert(LON, LAT, Datum.WGS84, Datum.GCJ02)
    (row,) = register(session, draft(host_ref="5", lon=lon, lat=lat, crs="gcj02"))
    assert row.verdict == "unchanged"


@pytest.mark.parametrize(
    ("kind", "expected"), [("bank", "bank_haven"), ("trade_union", "union_station"), ("post", "other")]
)
def test_the_kind_follows_the_managing_organisation(session, kind, expected):
    organisation(session, "o", kind=kind)
    (row,) = register(session, draft(), organisation="o")
    assert stations.get(session, str(row.id))["kind"] == expected


def test_publishing_again_publishes_what_was_a_draft(session):
    register(session, draft(), publish=False)
    (row,) = register(session, draft(), publish=True)
    assert row.changed == ["publication_status"]


def test_an_unknown_relation_refuses_its_row_only(session):
    rows = register(session, draft(name="甲", host="nobody"), draft(name="乙"))
    assert verdicts(rows) == ["refused", "inserted"]
    assert rows[0].errors[0].loc == ("host",)


def test_an_unknown_organisation_is_an_error(session):
    with pytest.raises(errors.OrganisationNotFound):
        register(session, draft(), organisation="nobody")


def test_two_importers_at_once_insert_each_station_once(fresh_engine: Engine):
    drafts = [draft(name=f"站 {n}", lat=LAT + n / 100) for n in range(40)]

    def load(_: int) -> list[str]:
        with db.session(fresh_engine, ACTOR) as session:
            return verdicts(register(session, *drafts))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(load, range(4)))
    assert sorted(answer.count("inserted") for answer in answers) == [0, 0, 0, 40]
    assert sorted(answer.count("unchanged") for answer in answers) == [0, 40, 40, 40]


def test_a_change_writes_history_and_feed_with_actor_reason_before_and_after(fresh_engine: Engine):
    with db.session(fresh_engine, ACTOR) as session:
        key = station(session, host_ref="5", capacity=1)
    with db.session(fresh_engine, db.Actor("yz_abc", "ccb-zz", "扩建")) as session:
        register(session, draft(host_ref="5", capacity=2, facilities=["toilet"]))
    with db.session(fresh_engine) as session:
        rows = session.execute(text("SELECT * FROM station_history ORDER BY id")).mappings().all()
        feed = session.execute(text("SELECT station_id, revision FROM station_change ORDER BY seq")).all()
        assert stations.get(session, key)["revision"] == 2  # one transaction, one revision
    assert [row["revision"] for row in rows] == [1, 2, 2]
    assert (rows[1]["actor"], rows[1]["organisation"], rows[1]["reason"]) == ("yz_abc", "ccb-zz", "扩建")
    assert (rows[1]["before"], rows[1]["after"]) == ({"capacity": 1}, {"capacity": 2})
    assert rows[2]["after"]["facilities"][0]["facility"] == "toilet"
    assert [str(row.station_id) for row in feed] == [key] * 3


def test_a_change_without_an_actor_is_refused(fresh_engine: Engine):
    with pytest.raises(errors.InvalidInput), db.session(fresh_engine) as session:
        station(session)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM station_history",
        "UPDATE station_history SET actor = 'nobody'",
        "INSERT INTO station_history (station_id, revision, actor, after) SELECT id, 9, 'x', '{}' FROM station",
        "TRUNCATE station_history",
        "DELETE FROM station",
        "DELETE FROM station_change",
        "UPDATE station SET revision = 99",
        "UPDATE station SET facilities = '[]'",
        "ALTER TABLE station DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DROP TRIGGER station_remember_update ON station",
        "UPDATE region SET name = 'x'",
    ],
)
def test_the_application_role_cannot_touch_history(session: Session, statement: str):
    station(session)
    from sqlalchemy.exc import ProgrammingError

    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        session.execute(text(statement))


def test_registration_chunks_do_not_change_the_answer(session, monkeypatch):
    monkeypatch.setattr(registration, "CHUNK", 3)
    drafts = [draft(name=f"站 {n}", lat=LAT + n / 100) for n in range(8)]
    assert verdicts(register(session, *drafts, drafts[1])) == ["inserted"] * 8 + ["duplicate"]
    assert verdicts(register(session, *drafts)) == ["unchanged"] * 8


def test_checked_at_is_now_in_shanghai(session):
    row = stations.get(session, station(session, facilities=["toilet"]))
    checked = datetime.fromisoformat(row["facilities"][0]["checked_at"])
    assert abs((datetime.now(UTC) - checked).total_seconds()) < 120
    assert row["facilities"][0]["checked_at"].endswith("+08:00")


def test_factories_make_valid_drafts():
    assert factories.draft().position() == ZHENGZHOU
