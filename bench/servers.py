"""The servers that are measured: started on free ports of the loopback, and ended by number whatever happens."""

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from bench import OURS, PEERS, ROOT, WORK, cpu
from bench.networks import Network, environment

PATIENCE_S = 300.0
FAREWELL_S = 20.0
SCRIPTS = Path(__file__).with_name("peers")
# granian takes the fastest loop there is: the peers get the one that the project's own environment leads to.
LOOP = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"


@dataclass(frozen=True)
class Server:
    """How to start a server, and a path that is answered with 200 as soon as it can work."""

    name: str
    command: tuple[str, ...]
    port: int
    ready: str
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    """A server at work, and how long it took to get there."""

    server: Server
    pid: int
    ready_s: float


def ours(network: Network, *, name: str = "") -> Server:
    """`yizhan serve` as it is, one worker; only a limit on requests, if there is one, is off."""
    port = free_port()
    where = ("--data", str(network.data_dir), "--port", str(port), "--workers", "1")
    command = (str(OURS / "yizhan"), "serve", *where)
    return Server(name or f"yizhan-{network.stations}", command, port, "/readyz", {"YIZHAN_RATE_LIMIT": "off"})


NEAREST = "/nearest?lon=113.65&lat=34.75"


def peer(module: str, network: Network | None = None, *, name: str = "", ready: str = NEAREST) -> Server:
    """One of bench/peers."""
    env = {"BENCH_DATABASE_URL": network.cluster.app_url} if network else {}
    return _granian(name or _named(module, network), f"bench.peers.{module}", ready, env)


def tipg(network: Network) -> Server:
    """tipg over the table made for it; it wants the socket in the place of the host."""
    socket_dir = quote(str(network.cluster.socket_dir), safe="")
    url = f"postgresql://yizhan_app@{socket_dir}:5432/yizhan"
    env = {"DATABASE_URL": url, "TIPG_DB_TABLES": '["public.bench_station"]', "TIPG_DB_FUNCTIONS": "[]"}
    return _granian(_named("tipg", network), "tipg.main", "/collections/public.bench_station", env)


def _granian(name: str, module: str, ready: str, env: Mapping[str, str]) -> Server:
    """As ours is served: one worker, and the loop that ours has."""
    port = free_port()
    granian = (str(PEERS / "granian"), "--interface", "asgi", "--workers", "1", "--loop", LOOP)
    command = (*granian, "--host", "127.0.0.1", "--port", str(port), f"{module}:app")
    return Server(name, command, port, ready, env)


def _named(name: str, network: Network | None) -> str:
    return f"{name}-{network.stations}" if network else name


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(server: Server) -> Iterator[Running]:
    """Start a server, wait until it works, and end it afterwards."""
    WORK.mkdir(parents=True, exist_ok=True)
    log = WORK / f"{server.name}.log"
    began = time.monotonic()
    with log.open("wb") as said:
        process = subprocess.Popen(
            server.command,
            cwd=ROOT,
            env=environment(PYTHONPATH=str(ROOT), **server.env),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C is ours to deal with, in `stop`
        )
    try:
        while not answers(server):
            if process.poll() is not None or time.monotonic() - began > PATIENCE_S:
                raise SystemExit(f"{server.name} did not start:\n{last_lines(log)}")
            time.sleep(0.02)
        yield Running(server, process.pid, time.monotonic() - began)
    finally:
        stop(process)


def answers(server: Server) -> bool:
    """Whether the server's `ready` path is answered with 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{server.ready}", timeout=5) as answer:
            return bool(answer.status == 200) and b'"degraded"' not in answer.read()  # the directory is there
    except (urllib.error.URLError, OSError):
        return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server and what it started: first asked, then made to. A second Ctrl-C waits for that."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        family = cpu.tree(process.pid)
        process.terminate()
        try:
            process.wait(FAREWELL_S)
        except subprocess.TimeoutExpired:
            for pid in {*family, *cpu.tree(process.pid)}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def last_lines(log: Path) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
