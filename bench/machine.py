"""On what the numbers were measured: the machine and the versions of everything that took part."""

import importlib.metadata
import os
import platform
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg

from bench import PEERS, ROOT
from bench.networks import Network
from bench.servers import LOOP

OF_OURS = ("granian", "fastapi", "starlette", "pydantic", "psycopg", "orjson", "numpy", "scipy")
OF_PEERS = ("asyncpg", "sqlmodel", "sqlalchemy", "geoalchemy2", "tipg", "uvloop")


def hardware() -> str:
    """Processor, memory and system, and how fast the processor is today."""
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    name = model[1].strip() if model else platform.machine()
    kernel = platform.release().partition("-")[0]
    return (
        f"{os.cpu_count()} processors ({name}), {memory:.0f} GB, {system}, Linux {kernel};"
        f" ten million additions in Python take {pace_s():.1f} s"
    )


def pace_s() -> float:
    """What ten million additions take: a machine that is lent by the slice is not the same every day, by its name."""
    began, total = time.perf_counter(), 0
    for number in range(10_000_000):
        total += number
    return time.perf_counter() - began


def versions(network: Network) -> Mapping[str, str]:
    """Name and version of what took part."""
    with psycopg.connect(network.cluster.owner_url) as owner:
        row = owner.execute("SELECT split_part(version(), ' ', 2), postgis_lib_version()").fetchone()
    postgresql, postgis = row or ("?", "?")
    peers = [str(path) for path in (PEERS.parent / "lib").glob("python*/site-packages")]
    others = {found.name.lower(): found.version for found in importlib.metadata.distributions(path=peers)}
    return {
        "Python": platform.python_version(),
        "PostgreSQL": postgresql,
        "PostGIS": postgis,
        **{name: importlib.metadata.version(name) for name in OF_OURS},
        **{name: others.get(name, "?") for name in OF_PEERS},
        "wrk": _wrk(),
        "event loop": LOOP,
    }


def commit() -> str:
    """The commit that is checked out, and whether anything differs from it."""
    described = ("git", "describe", "--always", "--dirty", "--abbrev=10")
    return subprocess.run(described, cwd=ROOT, capture_output=True, text=True).stdout.strip() or "unknown"


def _wrk() -> str:
    said = subprocess.run(("wrk", "-v"), capture_output=True, text=True).stdout
    found = re.search(r"\d+\.\d+\.\d+", said)
    return found[0] if found else "?"
