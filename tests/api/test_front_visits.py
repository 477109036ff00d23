"""The hot door for visits: word for word the documented way, in groups, each with its own verdict, within bounds."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar
from uuid import uuid4

import orjson
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from api import front_visits, recorder
from api.app import create_app
from api.front import Front
from geo import db, organisations
from geo.settings import Settings
from geo.visit_draft import Entry
from geo.vocabulary import Role, Serves
from tests.conftest import ACTOR, SECRET
from tests.factories import organisation, station
from tests.reporters import DAY, Answer, Book, ask_within, reporting, visit

T = TypeVar("T")

JSON = {"Content-Type": "application/json"}
WHERE, OTHERS, DRAFT, NOWHERE = "01", "02", "03", "04"


class Played:
    """A database of its own with three stations and the keys of some, and an application over it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with db.session(engine, ACTOR) as session:
            for code in ("ccb", "icbc", "union"):
                organisation(session, code, kind="trade_union" if code == "union" else "bank")
            made = [
                station(session, name=f"站{n}", lat=34.75 + n / 100, organisation=code, publish=published)
                for n, (code, published) in enumerate((("ccb", True), ("icbc", True), ("icbc", False)))
            ]
            self.stations = dict(zip((WHERE, OTHERS, DRAFT), made, strict=True)) | {NOWHERE: str(uuid4())}
            self.keys = {
                "bank": organisations.create_key(session, "ccb", role=Role.HOST),
                "auditor": organisations.create_key(session, "union", role=Role.AUDITOR),
                "revoked": organisations.create_key(session, "ccb", role=Role.HOST),
            }
            organisations.revoke_key(session, self.keys["revoked"].split("_")[1])
            # Used today already: otherwise the first group notes it, and holds the key's row as long as it is held.
            session.execute(text("UPDATE api_key SET last_used_on = current_date"))

    def front(self) -> Front:
        return Front(create_app(Settings(secret=SECRET), self.engine))

    def told(self) -> dict[str, int]:
        """What the totals say, by station."""
        with db.session(self.engine) as session:
            rows = session.execute(text("SELECT station_id, sum(visits) FROM visit_day GROUP BY 1"))
            return {str(where): int(visits) for where, visits in rows}

    def drifts(self) -> list[Any]:
        with db.session(self.engine) as session:
            return list(session.execute(db.sql("visit_drift")))


@pytest.fixture
def played(fresh_engine: Engine) -> Played:
    return Played(fresh_engine)


FIRST = visit()
EVERYTHING = {
    "count": 99,
    "ended_at": f"{DAY}T17:00:00.5+08:00",
    "device": "门口的计数器第七号" * 11,
    "complete": False,
}
CROWD = {str(group): 1 for group in Serves}
# What is asked (whose key, which station, body, headers), and whether the hot door answers it itself.
ASKED: list[tuple[str, str, str, Any, dict[str, str], bool]] = [
    ("a visit", "bank", WHERE, FIRST, {}, True),
    ("the same again", "bank", WHERE, FIRST, {}, True),
    ("the same id, other content", "bank", WHERE, FIRST | {"count": 4}, {}, True),
    ("all that can be said", "bank", WHERE, visit(**EVERYTHING), {}, True),
    ("all, at length", "bank", WHERE, visit(**EVERYTHING, by_group=CROWD), {}, True),
    ("all, at length, plain", "bank", WHERE, visit(**EVERYTHING, by_group=CROWD), {"Accept-Encoding": "br"}, True),
    ("a page of another site", "bank", WHERE, visit(), {"Origin": "https://bank.example", "Cookie": "a=b"}, True),
    ("no compression wanted", "bank", WHERE, visit(), {"Accept-Encoding": "identity"}, True),
    ("a little ahead of time", "bank", WHERE, visit(started_at="2190-01-01T00:00:00+08:00"), {}, True),
    ("scheme in capitals, two blanks", "bank", WHERE, visit(), {"Authorization": "BEARER  {key} "}, True),
    ("type with charset", "bank", WHERE, visit(), {"Content-Type": "application/json; charset=utf-8"}, True),
    ("not its station", "bank", OTHERS, visit(), {}, True),
    ("a draft of others", "bank", DRAFT, visit(), {}, True),
    ("no such station", "bank", NOWHERE, visit(), {}, True),
    ("who only audits", "auditor", WHERE, visit(), {}, True),
    ("a revoked key", "revoked", WHERE, visit(), {}, True),
    ("a revoked key and too early", "revoked", WHERE, visit(started_at="2190-01-01T00:00:00+08:00"), {}, True),
    ("a key that is none", "bank", WHERE, visit(), {"Authorization": "Bearer yz_zzz_zzz"}, True),
    ("an empty key", "bank", WHERE, visit(), {"Authorization": "Bearer "}, True),
    ("no key", "bank", WHERE, visit(), {"Authorization": ""}, False),
    ("no key, bad body", "bank", WHERE, visit(count=-1), {"Authorization": ""}, False),
    ("a revoked key, bad body", "revoked", WHERE, visit(count=-1), {}, False),
    ("another scheme", "bank", WHERE, visit(), {"Authorization": "Basic {key}"}, False),
    ("negative", "bank", WHERE, visit(count=-1), {}, False),
    ("three broken rules", "bank", WHERE, visit(count="x", method="guess", colour="red"), {}, False),
    ("groups above the count", "bank", WHERE, visit(by_group={"courier": 4}), {}, False),
    ("text no database holds", "bank", WHERE, visit(device="a\x00b"), {}, False),
    ("half a pair", "bank", WHERE, b'{"device": "\\ud800"}', {}, False),
    ("not JSON", "bank", WHERE, b"{", {}, False),
    ("a list", "bank", WHERE, [visit()], {}, False),
    ("nothing", "bank", WHERE, b"", {}, False),
    ("not a number", "bank", WHERE, json.dumps(visit(count=float("nan"))).encode(), {}, False),
    ("bytes that are no text", "bank", WHERE, b"\xff\xfe{}", {}, False),
    ("a byte order mark", "bank", WHERE, b"\xef\xbb\xbf" + orjson.dumps(visit()), {}, False),
    ("another type", "bank", WHERE, visit(), {"Content-Type": "text/plain"}, False),
    ("JSON of a sort", "bank", WHERE, visit(), {"Content-Type": "application/geo+json"}, False),
    ("too large", "bank", WHERE, orjson.dumps(visit()) + b" " * 1_000_001, {}, False),
    ("blanks around it", "bank", WHERE, b" " * 20_000 + orjson.dumps(visit()), {}, False),
]  # fmt: skip


def ask(client: TestClient, played: Played, key: str, where: str, body: Any, headers: dict[str, str]) -> Any:
    """Ask one of the above; what differs from run to run is taken out of the answer."""
    given = {"Authorization": f"Bearer {played.keys[key]}"} | JSON | headers
    given["Authorization"] = given["Authorization"].replace("{key}", played.keys[key])
    sent = {name: value for name, value in given.items() if value}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = client.post(f"/v1/stations/{played.stations[where]}/visits", content=content, headers=sent)
    told = answer.json()
    assert told.pop("recorded_at", "2").startswith("2")
    return answer.status_code, sorted(answer.headers.multi_items()), told


def watch(app: FastAPI) -> list[list[Entry]]:
    """The groups that go into the ledger from here on, as they are taken from the queue."""
    groups: list[list[Entry]] = []
    take = app.state.recorder._take

    def taking(most: int = recorder.MOST_AT_ONCE) -> Any:
        taken = take(most)
        groups.append([one.entry for one in taken])
        return taken

    app.state.recorder._take = taking
    return groups


def test_it_answers_what_the_documented_way_answers(played: Played, clone: Callable[..., str]):
    played.engine.dispose()  # nobody may be connected to what is cloned
    twin = db.make_engine(clone(str(played.engine.url.database)))
    front, documented = played.front(), create_app(Settings(secret=SECRET), twin)
    with TestClient(front, raise_server_exceptions=False) as hot, TestClient(documented) as plain:
        groups = watch(front.app)
        for name, key, where, body, headers, here in ASKED:
            before = len(groups)
            ours, theirs = (ask(client, played, key, where, body, headers) for client in (hot, plain))
            assert ours == theirs, name
            assert (len(groups) > before) is here, name
    twin.dispose()


def test_both_doors_count_and_log_alike(played: Played, caplog: pytest.LogCaptureFixture):
    def counted(client: TestClient) -> dict[str, float]:
        lines = [line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines()]
        return {name: float(value) for name, value in lines if 'count{operation="record_visit"' in name}

    front = played.front()
    with TestClient(front) as hot, TestClient(front.app) as plain, caplog.at_level("INFO", "yizhan.access"):
        rose, lines = [], []
        for client in (hot, plain):
            before = counted(client)
            caplog.clear()
            for key, where in (("bank", WHERE), ("revoked", WHERE), ("bank", OTHERS)):
                ask(client, played, key, where, visit(), {})
            client.get("/healthz")  # a turn later the lines are written
            rose.append({name: value - before.get(name, 0) for name, value in counted(client).items()})
            lines.append([line.rsplit(" ", 2)[0] for line in caplog.text.splitlines() if "/visits" in line])
    assert sum(rose[0].values()) == 3
    assert rose[0] == rose[1]
    assert len(lines[0]) == 3
    assert [line.split("POST")[1] for line in lines[0]] == [line.split("POST")[1] for line in lines[1]]


class Crowd:
    """Many who ask at once, of a front whose first group is held up by a lock until `let_go`."""

    def __init__(self, played: Played, front: Front, client: TestClient, held: psycopg.Connection) -> None:
        self.played, self.front, self.client, self.held = played, front, client, held
        self.groups = watch(front.app)
        self.held.execute("LOCK TABLE visit IN SHARE MODE")

    async def ask(
        self, said: dict[str, Any], *, key: str = "bank", where: str = WHERE, gone: asyncio.Event | None = None
    ) -> Answer:
        """One visit's answer; who sets `gone` has hung up."""
        path = f"/v1/stations/{self.played.stations[where]}/visits"
        return await ask_within(self.front, path, self.played.keys[key], said, gone=gone)

    async def send(self, path: str, key: str, said: dict[str, Any]) -> Answer:
        return await ask_within(self.front, path, key, said)

    async def wait_for_the_first(self) -> "asyncio.Task[Answer]":
        """Somebody asks, and waits for the lock; whoever asks from here on waits for the next group."""
        first = asyncio.create_task(self.ask(visit()))
        while not self.groups:
            await asyncio.sleep(0.01)
        return first

    def run(self, play: Callable[[], Awaitable[T]]) -> T:
        """Play in the event loop that the front serves in."""
        assert self.client.portal is not None
        return self.client.portal.call(play)

    def let_go(self) -> None:
        self.held.rollback()


@pytest.fixture
def crowd(played: Played) -> Iterator[Crowd]:
    front = played.front()
    url = played.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with TestClient(front) as client, psycopg.connect(url) as held:
        yield Crowd(played, front, client, held)


def test_what_waits_goes_as_one_group_and_each_has_its_own_answer(crowd: Crowd):
    twice = visit(count=5)

    async def play() -> list[Answer]:
        first = await crowd.wait_for_the_first()
        asked = [crowd.ask(visit()) for _ in range(3)]
        asked += [crowd.ask(twice), crowd.ask(twice), crowd.ask(twice | {"count": 6})]
        asked += [
            crowd.ask(visit(), where=OTHERS),
            crowd.ask(visit(), key="revoked"),
            crowd.ask(visit(), where=NOWHERE),
        ]
        asked += [crowd.ask(visit(started_at="2190-01-01T00:00:00+08:00"))]
        tasks = [asyncio.create_task(one) for one in asked]
        await asyncio.sleep(0)
        crowd.let_go()
        return [await first, *await asyncio.gather(*tasks)]

    answers = crowd.run(play)
    assert [status for status, _, _ in answers] == [201, 201, 201, 201, 201, 200, 409, 403, 401, 404, 422]
    assert [len(group) for group in crowd.groups] == [1, 10]
    assert answers[4][2] == answers[5][2]
    assert crowd.played.told() == {crowd.played.stations[WHERE]: 4 * 3 + 5}
    assert crowd.played.drifts() == []


def test_a_full_queue_refuses_and_writes_nothing(crowd: Crowd, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recorder, "MOST_WAITING", 3)

    async def play() -> list[Answer]:
        first = await crowd.wait_for_the_first()
        tasks = [asyncio.create_task(crowd.ask(visit())) for _ in range(5)]
        await asyncio.wait(tasks[3:], timeout=20)
        crowd.let_go()
        return [await first, *await asyncio.gather(*tasks)]

    answers = crowd.run(play)
    assert [status for status, _, _ in answers] == [201, 201, 201, 201, 503, 503]
    assert int(answers[-1][1][b"retry-after"]) > 0
    assert crowd.played.told() == {crowd.played.stations[WHERE]: 4 * 3}


def test_who_hangs_up_while_waiting_is_left_out(crowd: Crowd, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(front_visits, "PATIENCE_S", 0.0)

    async def play() -> list[Any]:
        first, gone = await crowd.wait_for_the_first(), asyncio.Event()
        stays, hangs_up = (asyncio.create_task(crowd.ask(visit(), gone=event)) for event in (None, gone))
        cancelled = asyncio.create_task(crowd.ask(visit()))
        await asyncio.sleep(0)
        gone.set()
        cancelled.cancel()
        await asyncio.wait([hangs_up], timeout=20)
        crowd.let_go()
        return [await first, await stays, await hangs_up, *await asyncio.gather(cancelled, return_exceptions=True)]

    *answers, cancelled = crowd.run(play)
    assert [status for status, _, _ in answers] == [201, 201, front_visits.GONE]
    assert isinstance(cancelled, asyncio.CancelledError)
    assert [len(group) for group in crowd.groups] == [1, 1]
    assert crowd.played.told() == {crowd.played.stations[WHERE]: 2 * 3}


def test_a_key_revoked_while_its_visits_wait_for_the_ledger_records_none_of_them(crowd: Crowd):
    """What waits for a row of it was decided before, and goes in."""

    async def play() -> list[Answer]:
        first = await crowd.wait_for_the_first()
        waiting = asyncio.create_task(crowd.ask(visit()))
        await asyncio.sleep(0)
        with db.session(crowd.played.engine) as session:
            organisations.revoke_key(session, crowd.played.keys["bank"].split("_")[1])
        crowd.let_go()
        return [await first, await waiting]

    # The first waits for the table, before its statement looks at anything, the second for its turn.
    assert [status for status, _, _ in crowd.run(play)] == [401, 401]
    assert crowd.played.told() == {}


def test_a_key_that_somebody_holds_holds_up_nobody(crowd: Crowd):
    crowd.let_go()
    crowd.held.execute("UPDATE api_key SET last_used_on = current_date - 1")
    crowd.held.commit()
    crowd.held.execute("SELECT FROM api_key FOR UPDATE")
    status, _, _ = crowd.run(lambda: asyncio.wait_for(crowd.ask(visit()), 20))
    assert status == 201
    crowd.let_go()
    assert crowd.run(lambda: crowd.ask(visit()))[0] == 201
    used = crowd.held.execute("SELECT count(*) FROM api_key WHERE last_used_on = current_date").fetchone()
    assert used == (1,)


def test_a_mistake_of_ours_about_one_visit_does_not_take_its_neighbours_along(crowd: Crowd):
    crowd.held.rollback()
    crowd.held.execute("ALTER TABLE visit ADD CONSTRAINT visit_trap_check CHECK (device <> 'trap')")
    crowd.held.commit()
    crowd.held.execute("LOCK TABLE visit IN SHARE MODE")

    async def play() -> list[Answer]:
        first = await crowd.wait_for_the_first()
        tasks = [asyncio.create_task(crowd.ask(visit(device=device))) for device in ("a", "trap", "b")]
        await asyncio.sleep(0)
        crowd.let_go()
        return [await first, *await asyncio.gather(*tasks)]

    assert [status for status, _, _ in crowd.run(play)] == [201, 201, 500, 201]
    assert crowd.played.told() == {crowd.played.stations[WHERE]: 3 * 3}
    assert crowd.played.drifts() == []


def test_whoever_sends_everything_three_times_is_counted_once(crowd: Crowd):
    crowd.let_go()
    book, where, key = Book(), crowd.played.stations[WHERE], crowd.played.keys["bank"]

    async def play() -> None:
        visits = [visit(count=n) for n in range(40)]
        await asyncio.gather(*(book.deliver(crowd.send, where, key, said) for said in visits for _ in range(3)))

    crowd.run(play)
    assert book.answers == {201: 40, 200: 80}
    book.holds(crowd.played.engine)


def test_a_thousand_at_one_station_with_a_bad_visit_among_every_few(crowd: Crowd):
    crowd.let_go()
    book, where, key = Book(), crowd.played.stations[WHERE], crowd.played.keys["bank"]

    async def play() -> list[Answer]:
        good = [book.deliver(crowd.send, where, key, visit(count=1)) for _ in range(1_000)]
        bad = [crowd.ask(visit(), where=(OTHERS, NOWHERE)[n % 2]) for n in range(50)]
        mixed = [one for n, each in enumerate(bad) for one in (*good[n * 20 : (n + 1) * 20], each)]
        answers = await asyncio.gather(*mixed)
        return [answer for answer in answers if answer is not None]

    statuses = [status for status, _, _ in crowd.run(play)]
    assert statuses == [403, 404] * 25
    assert book.answers == {201: 1_000}
    assert len(crowd.groups) < 20
    large = [group for group in crowd.groups if len(group) > 40]  # a smaller one may lie between two bad ones
    assert large
    assert all(any(str(entry.station_id) != where for entry in group) for group in large)
    book.holds(crowd.played.engine)


def test_connections_cut_in_the_middle_lose_nothing_and_count_nothing_twice(crowd: Crowd, server: str):
    crowd.let_go()
    book, where = Book(), [crowd.played.stations[WHERE]]
    name = crowd.played.engine.url.database

    async def play() -> None:
        cut = 0
        async with asyncio.timeout(60), reporting(book, where, crowd.played.keys["bank"], [crowd.send] * 8):
            with psycopg.connect(server, autocommit=True) as cutting:
                while cut < 25:
                    await asyncio.sleep(0.03)
                    cut += cutting.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
                    ).rowcount

    crowd.run(play)
    assert book.answers[500] == 0
    book.holds(crowd.played.engine)
