"""The clock: what is due is done without a request, and a database that is away is waited for."""

import pytest
from sqlalchemy import create_engine, text

from geo import clock, db
from tests.conftest import rolled_back

KEYS = """
    INSERT INTO visitor_key (day, key, made_at)
    SELECT current_date - n, decode(repeat('00', 32), 'hex'), now() - make_interval(hours => 23 * n)
      FROM generate_series(0, 4) n"""


@pytest.fixture
def keys(house):
    """Asks how many keys there are; at first five, of which two are older than 48 hours."""
    with db.session(house) as session:
        session.execute(text(KEYS))

    def count() -> int:
        with db.session(house) as session:
            return int(session.scalar(text("SELECT count(*) FROM visitor_key")))

    return count


def test_keys_of_visitors_are_destroyed_without_a_check_in(house, keys):
    assert keys() == 5
    with clock.running(house):
        pass
    assert keys() == 3
    clock.strike(house)
    assert keys() == 3


def test_the_clock_goes_on_when_the_database_is_away(caplog):
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1})
    caplog.set_level("DEBUG", "yizhan")
    with clock.running(away):
        pass
    assert "put off" in caplog.text


def test_on_a_standby_it_is_left_to_others_and_nothing_loud_is_said(shared_engine, caplog):
    with rolled_back(shared_engine, as_owner=False) as session:
        session.execute(text("SET TRANSACTION READ ONLY"))
        caplog.set_level("DEBUG", "yizhan")
        clock.strike(session.connection())
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
