"""The wire: queries by libpq itself, prepared once, waited for in the event loop; what happens when it breaks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text

from geo import db, errors, wire
from geo.wire import Wire

NOBODY = {"prefix": "nobody", "station_id": "00000000-0000-4000-8000-000000000000"}
ASKED = db.Ask("visit_facts", {"asked": f"[{NOBODY}]".replace("'", '"')})
NO_JSON = db.Ask("visit_facts", {"asked": "no JSON"})


def told(*asked: db.Ask) -> tuple[db.Steps[None], list[list[dict[str, Any]]]]:
    """Steps that ask these, and where their answers are put."""
    found: list[list[dict[str, Any]]] = []

    def steps() -> db.Steps[None]:
        for ask in asked:
            found.append((yield ask))

    return steps(), found


@pytest.fixture
def play(fresh_engine: Engine) -> Callable[[Callable[[Wire], Awaitable[None]]], None]:
    """Do something with a wire, in an event loop, within twenty seconds."""

    def play(scene: Callable[[Wire], Awaitable[None]]) -> None:
        async def played() -> None:
            opened = await Wire.open(fresh_engine)
            try:
                await asyncio.wait_for(scene(opened), 20)
            finally:
                opened.close()

        asyncio.run(played())

    return play


@pytest.fixture
def cut(fresh_engine: Engine) -> Callable[[Wire], None]:
    """Ends the server's side of a wire."""

    def cut(opened: Wire) -> None:
        with fresh_engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": opened._pgconn.backend_pid})

    return cut


def test_parameters_get_the_numbers_of_their_names():
    names, query = wire.numbered("SELECT %(b)s, %(a)s, %(b)s, 7 %% 2")
    assert (names, query) == (["b", "a"], b"SELECT $1, $2, $1, 7 % 2")


def test_it_answers_what_a_session_answers(play: Any, fresh_engine: Engine):
    keys = {"stations": ["00000000-0000-4000-8000-000000000000"], "ids": [None]}
    asked = [ASKED, db.Ask("visit_known", keys), db.Ask("visit_key_use", {"prefixes": ["nobody", 'a "quoted", one']})]

    async def scene(opened: Wire) -> None:
        steps, ours = told(*asked, *asked)
        await opened.answer(steps)
        with db.session(fresh_engine) as session:
            steps, theirs = told(*asked)
            db.answer(session, steps)
        for found in (*ours, *theirs):
            for row in found:
                assert row.pop("clock").tzinfo is not None
        assert ours == theirs + theirs
        assert len(ours[0]) == 1

    play(scene)


def test_more_than_a_socket_takes_at_once_goes_through(play: Any):
    async def scene(opened: Wire) -> None:
        many = "[" + ", ".join([ASKED.given["asked"][1:-1]] * 30_000) + "]"
        steps, found = told(db.Ask("visit_facts", {"asked": many}))
        await opened.answer(steps)
        assert len(found[0]) == 30_000

    play(scene)


def test_others_have_the_loop_while_the_database_is_waited_for(play: Any, fresh_engine: Engine):
    async def scene(opened: Wire) -> None:
        with fresh_engine.connect() as other:
            other.execute(text("LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE"))
            waiting = asyncio.create_task(opened.answer(told(ASKED)[0]))
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert not waiting.done()
            other.rollback()
        await waiting

    play(scene)


def test_a_mistake_is_told_and_closes_it(play: Any):
    async def scene(opened: Wire) -> None:
        with pytest.raises(psycopg.DataError):
            await opened.answer(told(ASKED, NO_JSON, ASKED)[0])
        assert not opened.is_open

    play(scene)


def test_what_was_asked_before_a_mistake_stands(play: Any, fresh_engine: Engine):
    """Each question is a transaction of its own."""
    with fresh_engine.begin() as owner:
        owner.execute(text("INSERT INTO organisation (code, name, kind) VALUES ('ccb', 'ccb', 'bank')"))
        owner.execute(
            text("INSERT INTO api_key VALUES ('k', decode(repeat('00', 32), 'hex'), 'ccb', 'host', NULL, now())")
        )

    async def scene(opened: Wire) -> None:
        with pytest.raises(psycopg.DataError):
            await opened.answer(told(db.Ask("visit_key_use", {"prefixes": ["k"]}), NO_JSON)[0])

    play(scene)
    with fresh_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM api_key WHERE last_used_on = current_date")) == 1


def test_it_may_do_no_more_than_the_application(play: Any):
    async def scene(opened: Wire) -> None:
        found = opened._driver.execute("SELECT current_user, current_setting('plan_cache_mode')").fetchone()
        assert found == ("yizhan_app", "force_generic_plan")

    play(scene)


def test_a_connection_lost_while_it_rests_is_noticed_at_once(play: Any, cut: Callable[[Wire], None]):
    async def scene(opened: Wire) -> None:
        await opened.answer(told(ASKED)[0])
        cut(opened)
        while opened.is_open:
            await asyncio.sleep(0.01)

    play(scene)


def test_a_connection_lost_in_the_middle_is_a_database_that_is_not_there(
    play: Any, cut: Callable[[Wire], None], fresh_engine: Engine
):
    async def scene(opened: Wire) -> None:
        with fresh_engine.connect() as other:
            other.execute(text("LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE"))
            waiting = asyncio.create_task(opened.answer(told(ASKED)[0]))
            await asyncio.sleep(0.1)
            cut(opened)
            with pytest.raises(errors.DatabaseUnavailable):
                await waiting
            other.rollback()
        assert not opened.is_open

    play(scene)


def test_a_database_that_says_nothing_any_more_is_given_up(
    play: Any, fresh_engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    """As one whose machine has lost the network, which no timeout of the server's own ends."""
    monkeypatch.setattr(wire, "PATIENCE_S", 0.2)

    async def scene(opened: Wire) -> None:
        with fresh_engine.connect() as other:
            other.execute(text("LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(errors.DatabaseUnavailable):
                await opened.answer(told(ASKED)[0])
            other.rollback()
        assert not opened.is_open

    play(scene)


def test_who_no_longer_waits_gives_it_up(play: Any, fresh_engine: Engine):
    async def scene(opened: Wire) -> None:
        with fresh_engine.connect() as other:
            other.execute(text("LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE"))
            waiting = asyncio.create_task(opened.answer(told(ASKED)[0]))
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            other.rollback()
        assert not opened.is_open

    play(scene)


def test_no_database_is_a_database_that_is_not_there():
    engine = db.make_engine("postgresql://yizhan_app@127.0.0.1:1/none")
    with pytest.raises(errors.DatabaseUnavailable):
        asyncio.run(Wire.open(engine))
    engine.dispose()


def test_it_goes_where_the_engine_goes(monkeypatch: pytest.MonkeyPatch):
    """An address is written in another way for the one than for the other."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(psycopg, "connect", lambda **said: given.update(said))
    engine = db.make_engine(
        "postgresql://u:pa%20ss@/my%20db?host=h1:5432&host=h2:5433&sslrootcert=/etc/my%20certs/ca.pem"
    )
    db.connect_apart(engine)
    engine.dispose()
    assert (given["user"], given["password"], given["dbname"]) == ("u", "pa ss", "my db")
    assert (given["host"], given["port"], given["sslrootcert"]) == ("h1,h2", "5432,5433", "/etc/my certs/ca.pem")
    assert "role=yizhan_app" in given["options"]


def test_its_connections_are_not_the_pool_s(fresh_engine: Engine):
    async def many() -> None:
        opened = [await Wire.open(fresh_engine) for _ in range(25)]  # more than the pool may have
        with fresh_engine.connect() as connection:
            assert connection.scalar(text("SELECT current_user")) != "yizhan_app"
        for one in opened:
            one.close()

    asyncio.run(many())
