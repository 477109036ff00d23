"""How fast visits are recorded, one by one and by the file, beside what others would do, and how fast figures are read.

`python -m bench visits`; every round measures each way in turn, at an empty ledger and at one of twenty million rows.
"""

import argparse
import contextlib
import http.client
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from bench import ledgers, load, machine, results, runs, servers
from bench.goals import ratios
from bench.ledgers import EMPTY, FULL, Ledger
from bench.load import Load
from bench.report import DISTURBED
from bench.runs import Sample
from bench.servers import Running

CLIENTS = 16
BATCH = 10_000  # rows of a file
FIGURES = "/v1/stats/visits?region=330000&from=2025-11-01&to=2026-10-31&bucket=month"  # a year of Zhejiang
FIGURES_MS, ASKED = 300.0, 15
COLUMNS = "station_id, id, count, started_at, method, complete, organisation, recorded_by"

OURS, PLAIN, PGBENCH, FILE, COPY, READER = "ours", "fastapi", "pgbench", "file", "copy", "reader"
TITLES = {
    OURS: ("a", f"ours, one visit a request, {CLIENTS} clients"),
    PLAIN: ("b", f"FastAPI, one INSERT a request, {CLIENTS} clients"),
    PGBENCH: ("c", f"pgbench, one INSERT a transaction, {CLIENTS} clients, no HTTP"),
    FILE: ("d", f"ours, files of {BATCH:,} rows, one client"),
    COPY: ("e", f"COPY of {BATCH:,} rows a transaction, one client, no HTTP"),
    READER: ("f", f"raw ASGI that reads the body and records nothing, {CLIENTS} clients"),
}
# Way and ledger, at least so many times, the other way and ledger.
AT_LEAST = (
    *((OURS, size, 3.0, PLAIN, size) for size in (EMPTY, FULL)),
    *((OURS, size, 0.8, PGBENCH, size) for size in (EMPTY, FULL)),
    *((FILE, size, 0.3, COPY, size) for size in (EMPTY, FULL)),
    *((way, FULL, 0.8, way, EMPTY) for way in (OURS, FILE)),
)
ROWS = {EMPTY: "an empty ledger", FULL: "20 million rows"}
# What has nothing to do with a ledger is measured once a round.
WAYS = [(way, size) for size in ROWS for way in TITLES if way != READER or size == EMPTY]

Samples = dict[tuple[str, str], list[Sample]]


@dataclass(frozen=True)
class House:
    """A ledger and the servers over it."""

    ledger: Ledger
    ours: Running
    plain: Running
    reader: Running

    def way(self, name: str, seconds: int) -> tuple[Running | None, Callable[[], Load]]:
        """The server of a way of recording, if it has one, and the load on it."""
        ledger, socket_dir = self.ledger, self.ledger.network.cluster.socket_dir
        running = {OURS: self.ours, FILE: self.ours, PLAIN: self.plain, READER: self.reader}.get(name)
        if name == PGBENCH:
            script = servers.SCRIPTS / "visit_insert.sql"
            return None, lambda: load.pgbench(socket_dir, script, seconds, clients=CLIENTS)
        if name == COPY:
            return None, lambda: timed(copying(ledger), seconds)
        assert running is not None
        port = running.server.port
        if name == FILE:
            return running, lambda: timed(posting(ledger, port), seconds)
        return running, lambda: load.wrk_visits(port, ledger.stations, ledger.key, seconds, connections=CLIENTS)


def run(asked: argparse.Namespace) -> None:
    """Measure how visits are recorded, and put the table into RESULTS.md."""
    samples: Samples = {}
    with contextlib.ExitStack() as stack:
        houses = {size: stack.enter_context(opened(size)) for size in (EMPTY, FULL)}
        rows = {size: house.ledger.rows for size, house in houses.items() if size == FULL}
        for number in range(asked.rounds):
            for way, size in WAYS if number % 2 == 0 else WAYS[::-1]:
                sample = measure(houses[size], way, asked.seconds)
                samples.setdefault((way, size), []).append(sample)
                print(f"round {number + 1}  {way + '@' + size:12} {sample.rate:9,.0f} rows/s", flush=True)
        figures_ms = figures(houses[FULL])
    ledgers.prove(EMPTY)
    told = [*head(asked, samples, rows[FULL]), *table(samples), "", *goals(samples, figures_ms)]
    print("\n".join(told))
    results.put(asked.results, "visits", told)


@contextlib.contextmanager
def opened(size: str) -> Iterator[House]:
    """A ledger with both servers over it."""
    with contextlib.ExitStack() as stack:
        ledger = stack.enter_context(ledgers.opened(size))
        ours = stack.enter_context(servers.running(servers.ours(ledger.network, name=f"yizhan-visits-{size}")))
        plain = servers.peer("visits", ledger.network, ready="/openapi.json", name=f"fastapi-visits-{size}")
        reader = servers.peer("reader", ready="/", name=f"reader-visits-{size}")
        yield House(ledger, ours, *[stack.enter_context(servers.running(one)) for one in (plain, reader)])


def measure(house: House, way: str, seconds: int) -> Sample:
    """One way under load, after a short warming."""
    house.ledger.empty()
    _, warming = house.way(way, runs.WARMING_S)
    warming()
    running, generating = house.way(way, seconds)
    pid = running.pid if running else None
    return runs.sampled(TITLES[way][1], pid, house.ledger.network.postmaster, generating)


# --- by the file --------------------------------------------------------------------------------------------

Batch = list[tuple[int, str, str]]


def timed(send: Callable[[Batch], float], seconds: int) -> Load:
    """Files one after the other for so many seconds; what it takes to make one up is not counted."""
    took: list[float] = []
    while sum(took) < seconds:
        took.append(send(batch()))
    took.sort()
    p50, p99 = (1e3 * took[min(len(took) * part // 100, len(took) - 1)] for part in (50, 99))
    return Load(len(took) * BATCH, sum(took), 0, 0, p50, p99, 1e3 * took[-1])


def batch() -> Batch:
    """New rows: a station by its place in the host's list (more than there are: round again), an id, an instant."""
    now = datetime.now(UTC)
    chance = os.urandom(16 * BATCH)
    found = []
    for at in range(0, len(chance), 16):
        piece = chance[at : at + 16]
        ago = timedelta(seconds=1 + int.from_bytes(piece[:2]) % 3_600)
        found.append((int.from_bytes(piece[2:6]), str(UUID(bytes=piece, version=4)), (now - ago).isoformat()))
    return found


def posting(ledger: Ledger, port: int) -> Callable[[Batch], float]:
    """Sends a file as a host does; answers the seconds it took."""
    stations = ledger.stations.read_text().split()
    headers = {"Authorization": f"Bearer {ledger.key}", "Content-Type": "application/json"}

    def post(rows: Batch) -> float:
        said = [
            {"station_id": stations[n % len(stations)], "id": key, "started_at": at, "method": "people_counter"}
            for n, key, at in rows
        ]
        body = json.dumps(said).encode()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        began = time.perf_counter()
        connection.request("POST", "/v1/visits", body, headers)
        answer = json.loads((told := connection.getresponse()).read())
        took = time.perf_counter() - began
        connection.close()
        if told.status != 200 or answer["counts"]["recorded"] != BATCH:
            raise SystemExit(f"a file was answered with {told.status}: {str(answer)[:300]}")
        return took

    return post


def copying(ledger: Ledger) -> Callable[[Batch], float]:
    """Copies the same rows into a bare table; answers the seconds it took."""
    stations = ledger.stations.read_text().split()

    def copy(rows: Batch) -> float:
        rest = "people_counter\ttrue\tbench\tbench\n"
        text = "".join(f"{stations[n % len(stations)]}\t{key}\t1\t{at}\t{rest}" for n, key, at in rows)
        with psycopg.connect(ledger.network.cluster.app_url, autocommit=True) as connection:
            cursor = connection.cursor()
            began = time.perf_counter()
            with cursor.copy(f"COPY bench_visit ({COLUMNS}) FROM STDIN".encode()) as copy:
                copy.write(text)
            return time.perf_counter() - began

    return copy


# --- figures ------------------------------------------------------------------------------------------------


def figures(house: House) -> list[float]:
    """Milliseconds that a year of a province by month takes over HTTP, in order of size."""
    took = []
    for _ in range(ASKED):
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", house.ours.server.port, timeout=60)
        connection.request("GET", FIGURES)
        told = json.loads(connection.getresponse().read())
        took.append(1e3 * (time.perf_counter() - began))
        connection.close()
        if len(told["buckets"]) != 12:
            raise SystemExit(f"figures of {len(told['buckets'])} months, expected 12")
    return sorted(took)


# --- in words -----------------------------------------------------------------------------------------------


def head(asked: argparse.Namespace, samples: Samples, rows: int) -> Iterator[str]:
    """What was measured, when and on what."""
    others = statistics.median(sample.others for several in samples.values() for sample in several)
    yield "# How fast visits are recorded"
    yield ""
    if others > DISTURBED:
        yield f"**This run was disturbed: others used {others:.0%} of the processors. Do not quote its rows a second.**"
        yield ""
    yield (
        f"Written by `python -m bench visits --seconds {asked.seconds} --rounds {asked.rounds}`, one run, every other"
        " round in reverse; all on one machine, PostgreSQL durable (fsync), one worker a server."
    )
    yield ""
    yield f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {machine.commit()}"
    yield f"- {machine.hardware()}; others used {others:.0%} of the processors (median)"
    yield f"- {ledgers.STATIONS:,} stations; an empty ledger, and one of {rows:,} rows before the first round"
    yield "- (a) and (d) check key and rules, flag what is odd, keep totals by day and month, know what is sent twice;"
    yield "  (b), (c) and (e) insert into a bare table with the ledger's key and checks, and do nothing else;"
    yield "  (f) is what is left of (a) without a ledger: nothing that is recorded over HTTP here can be faster."
    yield "- **µs** is processor time a row, of the server and of its PostgreSQL cluster; without those"
    yield "  of who asks, so that of pgbench and of COPY it is the database's alone."
    yield ""


def table(samples: Samples) -> Iterator[str]:
    """Each way at each ledger."""
    yield "| | way | ledger | rows/s | server µs | database µs | p50 ms | p99 ms |"
    yield "|---|---|---|---:|---:|---:|---:|---:|"
    for (way, size), found in sorted(samples.items(), key=lambda item: (TITLES[item[0][0]], item[0][1])):
        letter, title = TITLES[way]
        rates = sorted(sample.rate for sample in found)
        rate = f"{statistics.median(rates):,.0f} ({rates[0]:,.0f}–{rates[-1]:,.0f})"
        server, database, p50, p99 = (
            statistics.median(column)
            for column in zip(
                *((one.server_us, one.database_us, one.load.p50_ms, one.load.p99_ms) for one in found), strict=True
            )
        )
        cost = f"{server:,.0f}" if server else ""
        yield f"| {letter} | {title} | {ROWS[size]} | {rate} | {cost} | {database:,.0f} | {p50:,.2f} | {p99:,.2f} |"


def goals(samples: Mapping[tuple[str, str], list[Sample]], figures_ms: Sequence[float]) -> Iterator[str]:
    """What is to be reached, and whether it was."""
    yield "| goal | measured: median of the rounds (range) | by processor time | |"
    yield "|---|---:|---:|---|"
    for way, size, least, other, there in AT_LEAST:
        found = ratios(samples[way, size], samples[other, there])
        middle = statistics.median(found)
        names = [f"({TITLES[name][0]}) at {ROWS[at]}" for name, at in ((way, size), (other, there))]
        measured = f"{middle:.2f} ({found[0]:.2f}–{found[-1]:.2f})"
        spent = cost(samples[other, there]) / cost(samples[way, size])
        good = "✅" if middle >= least else "❌"
        yield f"| {names[0]} ≥ {least:g} × {names[1]} | {measured} | {spent:.2f} | {good} |"
    middle = statistics.median(figures_ms)
    yield (
        f"| a year of Zhejiang by month, over HTTP, at 20 million rows, in under {FIGURES_MS:.0f} ms"
        f" | {middle:.0f} ms ({figures_ms[0]:.0f}–{figures_ms[-1]:.0f}) | | {'✅' if middle < FIGURES_MS else '❌'} |"
    )

    yield ""
    ceilings = [(TITLES[way][0], ratios(samples[READER, EMPTY], samples[way, EMPTY])) for way in (OURS, PLAIN, PGBENCH)]
    told = ", ".join(f"{statistics.median(found):.2f} × ({letter})" for letter, found in ceilings)
    yield f"The ceiling (f) is {told} at an empty ledger."


def cost(found: Sequence[Sample]) -> float:
    """Processor time a row in microseconds, of the server and its database."""
    return statistics.median(sample.server_us + sample.database_us for sample in found)
