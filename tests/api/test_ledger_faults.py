"""Faults that the ledger survives, on the real server: what was acknowledged is there once, the rest may be sent again.

Those that need no server of their own are in `test_front_visits`.
"""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from geo import db, embedded, organisations
from geo.vocabulary import Role
from tests.conftest import ACTOR, ground
from tests.factories import organisation, station
from tests.reporters import Answer, Book, Line, Send, lines, reporting, visit
from tests.serving import YIZHAN, free_port, wait_until_ready

pytestmark = pytest.mark.long

SQUARE = "POLYGON((113 34, 114 34, 114 35, 113 35, 113 34))"


@dataclass
class Service:
    """`yizhan serve` over a private cluster, durable as everybody's, with four stations and a bank's key."""

    data: Path
    port: int
    pid: int
    key: str
    stations: list[str]

    def postmaster(self) -> int:
        return int(next(self.data.rglob("postmaster.pid")).read_text().split()[0])

    def workers(self) -> list[int]:
        """The serving processes: forks of the one that was started."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def holds(self, book: Book) -> None:
        """The ledger holds what the book says, and the command line proves the totals."""
        with embedded.lease(self.data) as cluster:
            engine = db.make_engine(cluster.app_url)
            book.holds(engine)
            engine.dispose()
        proof = [str(YIZHAN), "audit", "rollups", "--data", str(self.data)]
        assert subprocess.run(proof, capture_output=True, timeout=60).returncode == 0


def furnished(data: Path) -> tuple[str, list[str]]:
    """Make the cluster and what a host needs in it; a key and stations."""
    with embedded.lease(data) as cluster:
        db.migrate(cluster.owner_url)
        engine = db.make_engine(cluster.owner_url)
        with db.session(engine, ACTOR, as_owner=True) as session:  # so that `serve` need not load all of China
            session.execute(
                text(
                    "INSERT INTO region (level, adcode, name, area_km2, geom)"
                    " VALUES ('province', '410000', '河南省', 1, ST_Multi(ST_GeomFromText(:square, 4326)))"
                ),
                {"square": SQUARE},
            )
        with db.session(engine, ACTOR) as session:
            organisation(session, "ccb")
            ids = [station(session, name=f"站 {n}", lat=34.5 + n / 100, organisation="ccb") for n in range(4)]
            key = organisations.create_key(session, "ccb", role=Role.HOST)
        engine.dispose()
    return key, ids


@contextmanager
def serving(data: Path, *, workers: int = 1) -> Iterator[Service]:
    key, stations = furnished(data)
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [str(YIZHAN), "serve", "--port", str(port), "--data", str(data), "--workers", str(workers)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(server, f"http://127.0.0.1:{port}")
        yield Service(data, port, server.pid, key, stations)
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def place() -> Iterator[Path]:
    data = ground() / f"yizhan-faults-{os.getpid()}"
    yield data
    shutil.rmtree(data)


async def grows(book: Book, by: int = 100) -> None:
    """Until so many more were acknowledged: the service is at work."""
    wanted, give_up = len(book.acknowledged) + by, time.monotonic() + 60
    while len(book.acknowledged) < wanted:
        assert time.monotonic() < give_up, book.answers
        await asyncio.sleep(0.02)


async def under_load(service: Service, fault: Callable[[Book], Any], *, clients: int = 16) -> Book:
    """Reports go on before, during and after a fault."""
    book = Book()
    async with lines(service.port, clients) as senders, reporting(book, service.stations, service.key, senders):
        await grows(book)
        await fault(book)
        await grows(book)
    return book


def test_postgresql_killed_under_load(place: Path):
    async def kill(book: Book) -> None:
        for _ in range(3):
            os.kill(service.postmaster(), signal.SIGKILL)
            await asyncio.sleep(0.5)
            await grows(book)

    with serving(place) as service:
        book = asyncio.run(under_load(service, kill))
        assert book.answers[503] > 0
        assert book.answers[500] == 0
        service.holds(book)


def test_a_database_that_freezes_under_load(place: Path):
    """As one whose machine has lost the network: nothing is closed, and nothing is answered."""

    async def freeze(book: Book) -> None:
        postmaster = service.postmaster()
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        family = [postmaster, *map(int, children)]
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        try:
            give_up = time.monotonic() + 60
            while book.answers[503] < 32:  # those who wait, and those who come when it is known
                assert time.monotonic() < give_up, book.answers
                await asyncio.sleep(0.05)
        finally:
            for pid in family:
                os.kill(pid, signal.SIGCONT)

    with serving(place) as service:
        book = asyncio.run(under_load(service, freeze))
        assert book.answers[500] == 0
        service.holds(book)


def test_a_worker_killed_under_load(place: Path):
    async def kill(book: Book) -> None:
        for _ in range(3):
            before = set(service.workers())
            os.kill(min(before), signal.SIGKILL)
            while len(before & set(service.workers())) == len(before) or len(service.workers()) < len(before):
                await asyncio.sleep(0.05)
            await grows(book)

    with serving(place, workers=2) as service:
        assert len(service.workers()) == 2
        book = asyncio.run(under_load(service, kill))
        assert book.cut > 0
        service.holds(book)


def test_connections_cut_in_the_middle_and_clients_that_hang_up(place: Path):
    async def hang_up(path: str, key: str, said: dict[str, Any]) -> Answer:
        """Three times of four nobody waits for the answer."""
        line = Line(service.port)
        try:
            return await line.ask(path, key, said, hang_up=random.random() < 0.75)
        finally:
            line.close()

    async def cut() -> None:
        """Until some were at work when they were cut."""
        engine, at_work, times = db.make_engine(cluster.owner_url), 0, 0
        async with asyncio.timeout(120):
            while at_work < 5 or times < 50:
                times += 1
                with engine.connect() as cutting:
                    cut = cutting.execute(
                        text(
                            "SELECT state, pg_terminate_backend(pid) FROM pg_stat_activity"
                            " WHERE usename = 'yizhan_app' AND backend_type = 'client backend'"
                        )
                    )
                    at_work += sum(state == "active" for state, _ in cut)
                await asyncio.sleep(random.uniform(0.02, 0.3))  # until they are connected anew, and longer
        engine.dispose()

    async def play() -> Book:
        book = Book()
        async with (
            lines(service.port, 16) as patient,
            reporting(book, service.stations, service.key, [hang_up] * 16 + patient),
        ):
            await grows(book)
            await cut()
            await grows(book)
        return book

    with serving(place, workers=2) as service, embedded.lease(place) as cluster:
        book = asyncio.run(play())
        assert book.cut > 100
        assert book.answers[200] > 0  # recorded, though nobody had been told
        assert book.answers[500] == 0
        service.holds(book)


def test_over_a_thousand_clients_at_one_station_each_telling_all_three_times(place: Path):
    async def play() -> Book:
        book = Book()

        async def client(send: Send) -> None:
            for count in range(3):
                said = visit(count=count)
                for _ in range(3):
                    await book.deliver(send, service.stations[0], service.key, said)

        async with lines(service.port, 1_200) as senders:
            await asyncio.gather(*map(client, senders))
        return book

    with serving(place) as service:
        book = asyncio.run(play())
        assert sum(book.acknowledged.values()) == 10_800
        assert (book.answers[201], book.cut) == (3_600, 0), book.answers
        assert book.answers[500] == 0
        service.holds(book)


def test_one_bad_visit_in_every_batch(place: Path):
    bad: list[tuple[dict[str, Any], int]] = [
        (visit(started_at="2190-01-01T00:00:00+08:00"), 422),
        (visit(count=-1), 422),
        (visit(method="guess"), 422),
    ]

    async def play() -> Book:
        book, ending = Book(), asyncio.Event()

        async def spoil(number: int) -> int:
            line, spoilt = Line(service.port), 0
            while not ending.is_set():
                said, expected = bad[spoilt % len(bad)]
                where = service.stations[number % 4]
                status, _, _ = await line.ask(f"/v1/stations/{where}/visits", service.key, visit() | said)
                assert status == expected
                nowhere = f"/v1/stations/{said['id']}/visits"
                assert (await line.ask(nowhere, service.key, visit()))[0] == 404
                assert (await line.ask(nowhere, "yz_000000000000_x", visit()))[0] == 401
                spoilt += 1
            line.close()
            return spoilt

        spoilers = [asyncio.create_task(spoil(number)) for number in range(4)]
        async with lines(service.port, 12) as senders, reporting(book, service.stations, service.key, senders):
            await grows(book, 2_000)
        ending.set()
        assert min(await asyncio.gather(*spoilers)) > 10
        return book

    with serving(place) as service:
        book = asyncio.run(play())
        assert set(book.answers) == {201}
        service.holds(book)


@pytest.fixture
def small_disk(place: Path) -> Iterator[Path]:
    """A disk of 200 MB in memory, where this user may mount one."""
    place.mkdir()
    place.chmod(0o755)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"NOT PROVED: a full disk. Mounting a small one needs root: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk(small_disk: Path):
    ballast = small_disk / "ballast"

    async def fill(book: Book) -> None:
        with ballast.open("wb") as file:
            try:
                while True:
                    file.write(b"\0" * 65_536)
                    file.flush()
            except OSError:
                pass
        give_up = time.monotonic() + 120
        while not book.answers[503]:
            assert time.monotonic() < give_up, book.answers
            await asyncio.sleep(0.05)
        await asyncio.sleep(2)
        ballast.unlink()

    with serving(small_disk) as service:
        book = asyncio.run(under_load(service, fill, clients=32))
        assert book.answers[503] > 0
        assert book.answers[500] == 0
        service.holds(book)
