"""The load: wrk for what speaks HTTP, pgbench for the bare query. Each connection has one request under way."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import WORK
from bench.places import HOW_MANY
from geo import postgres

CONNECTIONS = 32
ASKING, RECORDING = (Path(__file__).with_name(name) for name in ("wrk.lua", "wrk_visits.lua"))


@dataclass(frozen=True)
class Load:
    """What the generator saw; `bytes` is with headers and 0 where nothing was counted."""

    requests: int
    seconds: float
    bytes: int
    errors: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def wrk(port: int, paths: Path, seconds: int, *, start: int = 0) -> Load:
    """Ask for the paths of a file, from line `start` on, as often as the server can."""
    return _wrk(port, ASKING, (str(paths), str(start)), seconds, CONNECTIONS)


def wrk_visits(port: int, stations: Path, key: str, seconds: int, *, connections: int) -> Load:
    """Report visits, each with a new id, at the stations of a file, as often as the server takes them."""
    return _wrk(port, RECORDING, (str(stations), key), seconds, connections)


def _wrk(port: int, script: Path, told: tuple[str, ...], seconds: int, connections: int) -> Load:
    """One thread, so one core."""
    program = ("wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s", "--latency")
    said = _run(*program, "--timeout", "30s", "--script", str(script), f"http://127.0.0.1:{port}", "--", *told)
    return Load(**json.loads(said.splitlines()[-1]))


def pgbench(socket_dir: Path, script: Path, seconds: int, *, clients: int = CONNECTIONS) -> Load:
    """Run a script by prepared statements over the cluster's socket; latencies are those of its log."""
    with TemporaryDirectory(dir=WORK) as logs:
        program = (str(postgres.find_binaries() / "pgbench"), "--no-vacuum", "--protocol", "prepared", "--jobs", "1")
        amount = ("--client", str(clients), "--time", str(seconds), "--define", f"places={HOW_MANY}")
        where = ("--host", str(socket_dir), "--port", "5432", "--username", "yizhan_app", "yizhan")
        said = _run(*program, *amount, "--file", str(script), "--log", "--log-prefix", f"{logs}/log", *where)
        spent_us = sorted(int(line.split()[2]) for path in Path(logs).iterdir() for line in path.open())
    failed = next((int(line.split()[4]) for line in said.splitlines() if "failed transactions" in line), 0)
    p50_ms, p99_ms, max_ms = (
        spent_us[min(len(spent_us) * part // 100, len(spent_us) - 1)] / 1e3 for part in (50, 99, 100)
    )
    return Load(len(spent_us), float(seconds), 0, failed, p50_ms, p99_ms, max_ms)


def _run(*command: str) -> str:
    program = shutil.which(command[0]) or command[0]
    done = subprocess.run((program, *command[1:]), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr or done.stdout}")
    return done.stdout
