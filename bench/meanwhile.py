"""What riders feel of a bank's import: nearest at a steady rate, before it, while it goes on, and after it.

A large workbook is published over HTTP into a network of its own; the same rate of requests is kept up all along.
"""

import argparse
import asyncio
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import OURS, ROOT, imports, machine, places, results, servers
from bench.networks import Network, environment
from geo import db, embedded, organisations
from geo.vocabulary import Role

STATIONS = 30_000
RATE = 200  # requests a second: what a city's riders ask at noon
CALM_S = 10.0
CONNECTIONS = 16
PHASES = ("before", "during the import", "after")


@dataclass
class Pace:
    """Requests sent at a steady rate, whatever becomes of the earlier ones; milliseconds from when each was due."""

    port: int
    paths: Sequence[str]
    phase: str = PHASES[0]
    spent: dict[str, list[float]] = field(default_factory=lambda: {phase: [] for phase in PHASES})
    failed: int = 0
    _due: "asyncio.Queue[tuple[float, str]]" = field(default_factory=asyncio.Queue)

    async def keep(self) -> None:
        """Go on until cancelled."""
        async with asyncio.TaskGroup() as riders:
            for _ in range(CONNECTIONS):
                riders.create_task(self._ride())
            began = time.perf_counter()
            number = 0
            while True:
                due = began + number / RATE
                await asyncio.sleep(max(due - time.perf_counter(), 0))
                self._due.put_nowait((due, self.paths[number % len(self.paths)]))
                number += 1

    async def _ride(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while True:
            due, path = await self._due.get()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            self.failed += not head.startswith(b"HTTP/1.1 200")
            self.spent[self.phase].append((time.perf_counter() - due) * 1e3)


def run(asked: argparse.Namespace) -> None:
    """Measure how long nearest takes before, during and after a large import, and put it into RESULTS.md."""
    found = ["# What riders feel of an import", "", f"{machine.hardware()}, commit {machine.commit()}.", ""]
    found.append(
        f"{RATE} requests a second of nearest, each timed from when it was due, while {asked.rows:,} stations are"
        f" published over HTTP into a network of {STATIONS:,}, and until they are in the directory."
    )
    for line in ("", *lines(asked.rows)):
        print(line, flush=True)
        found.append(line)
    results.put(asked.results, "meanwhile", found)


def lines(rows: int) -> Iterator[str]:
    """A table: milliseconds of nearest in each phase."""
    content = imports.workbook(rows, changed_every=0)
    with tempfile.TemporaryDirectory(prefix="yizhan-bench-") as place:
        Path(place).chmod(0o755)
        data = Path(place) / "data"
        made = (OURS / "yizhan", "demo", "--stations", str(STATIONS), "--data", data)
        subprocess.run(made, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, check=True)
        with embedded.lease(data) as cluster:
            key = _furnish(cluster.owner_url)
            with servers.running(servers.ours(Network(STATIONS, data, cluster, 0.0))) as running:
                pace = asyncio.run(_play(running.server.port, key, content))
    yield "| nearest | requests | p50 ms | p99 ms | max ms |"
    yield "|---|---:|---:|---:|---:|"
    for phase in PHASES:
        yield f"| {phase} | " + " | ".join(_told(sorted(pace.spent[phase]))) + " |"
    yield f"| failed | {pace.failed} | | | |"


def _furnish(url: str) -> str:
    """A bank and an operator's key."""
    engine = db.make_engine(url)
    with db.session(engine, db.OPERATOR, as_owner=True) as session:
        organisations.create(session, organisations.draft(code="bench-bank", name="银行", kind="bank"))
        secret = organisations.create_key(session, "bench-bank", role=Role.ADMIN)
    engine.dispose()
    return secret


async def _play(port: int, key: str, content: bytes) -> Pace:
    pace = Pace(port, [f"/v1/stations/nearest?lon={p.lon:.6f}&lat={p.lat:.6f}" for p in places.places()[:5_000]])
    keeping = asyncio.create_task(pace.keep())
    await asyncio.sleep(CALM_S)
    pace.phase = PHASES[1]
    await asyncio.to_thread(_bring_in, port, key, content)
    await asyncio.sleep(CALM_S / 2)  # the directory takes the new stations in
    pace.phase = PHASES[2]
    await asyncio.sleep(CALM_S)
    keeping.cancel()
    return pace


def _bring_in(port: int, key: str, content: bytes) -> None:
    """Send the workbook, and wait until it is in."""
    base, headers = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {key}"}
    kind = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
    query = "publish=true&organisation=bench-bank"
    asked = urllib.request.Request(f"{base}/v1/imports?{query}", content, headers | kind, method="POST")
    with urllib.request.urlopen(asked, timeout=120) as answer:
        where, status = answer.headers["Location"], answer.status
    while status == 202:
        time.sleep(0.5)
        with urllib.request.urlopen(urllib.request.Request(base + where, headers=headers), timeout=30) as answer:
            # Not taken apart: a report of all rows would hold up those who ask for the nearest from here.
            state = answer.read()[:500].partition(b'"state":"')[2].partition(b'"')[0]
        if state == b"failed":
            raise SystemExit("the import failed")
        status = 202 if state in {b"queued", b"running"} else 200


def _told(spent: Sequence[float]) -> Iterator[str]:
    yield f"{len(spent):,}"
    for part in (0.5, 0.99, 1.0):
        yield f"{spent[min(int(len(spent) * part), len(spent) - 1)]:.1f}" if spent else ""
