"""The wire: queries by libpq itself, prepared once, several in one exchange; and `db.Held`, which commits them."""

import contextlib

import psycopg
import pytest
from sqlalchemy import Engine, text

from geo import db, errors, wire

ASKED = '[{"prefix": "nobody", "station_id": "00000000-0000-4000-8000-000000000000"}]'


@pytest.fixture
def held(fresh_engine: Engine):
    held = db.Held(fresh_engine)
    yield held
    held.close()


def test_parameters_get_the_numbers_of_their_names():
    names, query = wire.numbered("SELECT %(b)s, %(a)s, %(b)s, 7 %% 2")
    assert (names, query) == (["b", "a"], b"SELECT $1, $2, $1, 7 % 2")


def test_a_transaction_begins_with_a_question_and_its_answer_is_that_of_a_session(held: db.Held, fresh_engine: Engine):
    with db.session(fresh_engine) as session:
        expected = db.rows(session, "visit_facts", asked=ASKED)
    with held.transaction("visit_facts", asked=ASKED) as found:
        assert [row | {"at": 0} for row in found] == [row | {"at": 0} for row in expected]
        assert found[0]["at"].tzinfo is not None
        told = held.session.execute(text("SELECT current_user, current_setting('plan_cache_mode')")).one()
        assert tuple(told) == ("yizhan_app", "force_generic_plan")


def test_more_than_a_socket_takes_at_once_goes_through(held: db.Held):
    many = "[" + ", ".join([ASKED[1:-1]] * 20_000) + "]"
    with held.transaction("visit_facts", asked=many) as found:
        assert len(found) == 20_000


def test_what_a_session_asks_within_it_is_in_the_same_transaction(held: db.Held, fresh_engine: Engine):
    def kept() -> int:
        with db.session(fresh_engine) as session:
            return int(session.scalar(text("SELECT count(*) FROM visitor_key")) or 0)

    enter = text("INSERT INTO visitor_key (day, key) VALUES (current_date + :n, decode(repeat('00', 32), 'hex'))")
    with contextlib.suppress(ZeroDivisionError), held.transaction("visit_facts", asked=ASKED):
        held.session.execute(enter, {"n": 1})
        raise ZeroDivisionError
    assert kept() == 0
    with held.transaction("visit_facts", asked=ASKED):
        held.session.execute(enter, {"n": 2})
        assert kept() == 0
    assert kept() == 1


def test_what_is_wrong_is_told_and_the_next_transaction_is_none_the_worse(held: db.Held):
    for bad in ("no JSON", '[{"station_id": "none"}]'):
        with pytest.raises(psycopg.DataError), held.transaction("visit_facts", asked=bad):
            pytest.fail("it began")
    with pytest.raises(psycopg.DataError), held.transaction("visit_facts", asked=ASKED):
        db.asked(held.session, "visit_enter", rows="no JSON")
    with held.transaction("visit_facts", asked=ASKED) as found:
        assert len(found) == 1


def test_a_commit_that_becomes_a_rollback_is_no_commit(held: db.Held):
    failed = pytest.raises(psycopg.errors.InFailedSqlTransaction)
    with failed, held.transaction("visit_facts", asked=ASKED), contextlib.suppress(psycopg.DataError):
        db.asked(held.session, "visit_enter", rows="no JSON")


def test_a_connection_that_is_lost_is_told_as_a_database_that_is_not_there(held: db.Held, fresh_engine: Engine):
    def cut() -> None:
        with fresh_engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": held._driver.info.backend_pid})

    with pytest.raises(errors.DatabaseUnavailable), held.transaction("visit_facts", asked=ASKED):
        cut()
    with pytest.raises(errors.DatabaseUnavailable), held.transaction("visit_facts", asked=ASKED):
        pytest.fail("it began")


def test_what_is_prepared_is_known_to_whoever_gets_the_connection_next(fresh_engine: Engine):
    for _ in range(3):
        held = db.Held(fresh_engine)
        with held.transaction("visit_facts", asked=ASKED):
            pid = held._driver.info.backend_pid
        held.close()
    with fresh_engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) == pid
        names = connection.scalars(text("SELECT name FROM pg_prepared_statements WHERE name NOT LIKE '\\_pg3%'"))
        assert set(names) == {"transaction", "visit_facts"}


def prepared(driver: psycopg.Connection) -> set[str]:
    rows = driver.execute("SELECT name FROM pg_prepared_statements WHERE name NOT LIKE '\\_pg3%'")
    return {name for (name,) in rows}


def test_what_the_driver_lets_go_of_when_others_roll_back_is_prepared_anew(fresh_engine: Engine):
    held = db.Held(fresh_engine)
    with held.transaction("visit_facts", asked=ASKED):
        driver = held._driver
    held.close()
    with fresh_engine.connect() as connection:
        for _ in range(10):  # until the driver prepares it
            connection.exec_driver_sql("SELECT 1")
        assert connection.connection.driver_connection is driver
        assert prepared(driver) == {"transaction", "visit_facts"}
        connection.rollback()
        assert prepared(driver) == set()
    held = db.Held(fresh_engine)
    with held.transaction("visit_facts", asked=ASKED) as found:
        assert held._driver is driver
        assert len(found) == 1
    held.close()


def test_what_the_driver_lets_go_of_when_a_group_fails_is_prepared_anew(held: db.Held):
    with contextlib.suppress(ZeroDivisionError), held.transaction("visit_facts", asked=ASKED):
        for _ in range(10):
            held.session.execute(text("SELECT 1"))
        raise ZeroDivisionError
    with held.transaction("visit_facts", asked=ASKED) as found:
        assert len(found) == 1
