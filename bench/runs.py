"""A run: networks and servers made ready, answers looked at, then round after round each contender in turn."""

import contextlib
import json
import resource
import statistics
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import WORK, cpu, load, networks, servers
from bench.contenders import Contender
from bench.networks import Network
from bench.places import HOW_MANY
from bench.servers import Running

WARMING_S = 1
LOOKED_AT = 40


@dataclass(frozen=True)
class Sample:
    """One contender in one round: what the generator saw, and processor time a request in microseconds."""

    load: load.Load
    server_us: float
    database_us: float
    generator_us: float
    others: float  # share of the machine's processor time that none of these used

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.load.requests / self.load.seconds


@dataclass(frozen=True)
class Answers:
    """What a contender answers: bytes and results on average."""

    bytes: float
    results: float


@dataclass
class Stage:
    """What is running, and what was learnt of it."""

    networks: dict[int, Network] = field(default_factory=dict)
    servers: dict[str, Running] = field(default_factory=dict)
    first_s: dict[str, float] = field(default_factory=dict)  # until ours was ready when no directory was kept for it
    requests: dict[str, Path] = field(default_factory=dict)
    answers: dict[str, Answers] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def worker(self, contender: Contender) -> int:
        """The process that answers."""
        return cpu.busiest(self.servers[contender.server].pid)


@contextlib.contextmanager
def staged(contenders: Sequence[Contender]) -> Iterator[Stage]:
    """Everything that these contenders need, running; and their answers looked at."""
    WORK.mkdir(parents=True, exist_ok=True)
    sizes = sorted({contender.stations for contender in contenders if contender.stations})
    for stations in sizes:
        networks.build(stations)
    with contextlib.ExitStack() as stack:
        stage = Stage()
        for stations in sizes:
            stage.networks[stations] = stack.enter_context(networks.opened(stations))
        for contender in contenders:
            if contender.server not in stage.servers and contender.path:
                server = _server(contender, stage.networks)
                if contender.stations and server.name.startswith("yizhan"):
                    stage.first_s[server.name] = first_start(server, stage.networks[contender.stations])
                stage.servers[contender.server] = stack.enter_context(servers.running(server))
            look(stage, contender)
        yield stage


def first_start(server: servers.Server, network: Network) -> float:
    """Seconds until ours is ready that has to read all stations; it keeps them for the start that follows."""
    (network.data_dir / "directory").unlink(missing_ok=True)
    with servers.running(server) as running:
        return running.ready_s


def _server(contender: Contender, of: dict[int, Network]) -> servers.Server:
    kind = contender.server.partition("-")[0]
    network = of[contender.stations] if contender.stations else None
    if network and kind == "yizhan":
        return servers.ours(network)
    if network and kind == "tipg":
        return servers.tipg(network)
    return servers.peer(kind, network)


def look(stage: Stage, contender: Contender) -> None:
    """Read some answers before measuring: they must be right in number, or the numbers mean nothing."""
    if contender.path is None:
        return
    stage.requests[contender.key] = contender.requests()
    port = stage.servers[contender.server].server.port
    paths = stage.requests[contender.key].read_text().splitlines()
    bodies = [_get(port, path) for path in paths[:: HOW_MANY // LOOKED_AT][:LOOKED_AT]]
    results = statistics.mean(_results(body) for body in bodies)
    stage.answers[contender.key] = Answers(statistics.mean(map(len, bodies)), results)
    if contender.results and not contender.results[0] <= results <= contender.results[1]:
        raise SystemExit(f"{contender.title}: {results:.1f} results an answer, expected {contender.results}")


def _get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return bytes(answer.read())


def _results(body: bytes) -> int:
    try:
        found = json.loads(body)
    except ValueError:
        return 0
    return len(found.get("features", ()) if isinstance(found, dict) else found)


def play(stage: Stage, contenders: Sequence[Contender], *, rounds: int, seconds: int) -> None:
    """Measure each contender once a round, every other round in reverse, so that none is always first."""
    for number in range(rounds):
        order = contenders if number % 2 == 0 else contenders[::-1]
        for contender in order:
            sample = measure(stage, contender, seconds=seconds, start=number * HOW_MANY // rounds)
            stage.samples.setdefault(contender.key, []).append(sample)
            rate, others = sample.rate, sample.others
            print(f"round {number + 1}  {contender.key:20} {rate:9,.0f} req/s   others {others:4.0%}", flush=True)


def measure(stage: Stage, contender: Contender, *, seconds: int, start: int) -> Sample:
    """One contender under load, after a short warming."""
    generate(stage, contender, WARMING_S, start)
    server = stage.servers[contender.server].pid if contender.server in stage.servers else None
    database = stage.networks[contender.stations].postmaster if contender.stations else None
    return sampled(contender.title, server, database, lambda: generate(stage, contender, seconds, start + 1_000))


def sampled(title: str, server: int | None, database: int | None, generating: Callable[[], load.Load]) -> Sample:
    """Put a load on, and see whose processor time it took; the server and the database by their processes."""
    before = _clocks(server, database)
    seen = generating()
    after = _clocks(server, database)
    if not seen.requests or seen.errors:
        raise SystemExit(f"{title}: {seen.errors} errors in {seen.requests} requests")
    server_s, database_s, generator_s, busy_s, whole_s = (now - was for now, was in zip(after, before, strict=True))
    others_s = max(0.0, busy_s - server_s - database_s - generator_s)
    each = 1e6 / seen.requests
    return Sample(seen, server_s * each, database_s * each, generator_s * each, others_s / whole_s)


def generate(stage: Stage, contender: Contender, seconds: int, start: int = 0) -> load.Load:
    """Put a contender under load for some seconds."""
    if contender.stations and contender.path is None:
        socket_dir = stage.networks[contender.stations].cluster.socket_dir
        return load.pgbench(socket_dir, servers.SCRIPTS / contender.script, seconds)
    port = stage.servers[contender.server].server.port
    return load.wrk(port, stage.requests[contender.key], seconds, start=start)


def _clocks(server: int | None, database: int | None) -> tuple[float, ...]:
    """Processor time so far: of the server, of the database, of load generators, and of the machine: busy, and all."""
    spent_s = [cpu.seconds(pid) if pid else 0.0 for pid in (server, database)]
    # A generator is a child that has ended when this is asked, or ourselves.
    own = [resource.getrusage(whose) for whose in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    return (*spent_s, sum(spent.ru_utime + spent.ru_stime for spent in own), *cpu.machine())
