"""Processor time and memory of a process with all its descendants, and of the machine, from /proc.

What a request costs is steadier than how many fit into a second on a machine that is shared.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")


class Machine(NamedTuple):
    """Seconds of processor time since the start of the machine; what the hypervisor gave to others is busy."""

    busy_s: float
    whole_s: float


def tree(root: int) -> list[int]:
    """A process and its descendants, as they are now."""
    children: dict[int, list[int]] = {}
    for pid, fields in _processes():
        children.setdefault(int(fields[1]), []).append(pid)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def seconds(root: int) -> float:
    """Processor time, user and system, of a process and its descendants, with the children they have buried."""
    wanted = set(tree(root))
    return sum(sum(map(int, fields[11:15])) for pid, fields in _processes() if pid in wanted) / TICKS


def busiest(root: int) -> int:
    """Of a process and its descendants the one that has used most processor time itself: the worker."""
    wanted = set(tree(root))
    own = {pid: sum(map(int, fields[11:13])) for pid, fields in _processes() if pid in wanted}
    return max(own, key=lambda pid: own[pid])


def resident_mb(pid: int) -> float:
    """Memory of one process, with its share of what it shares with others (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def machine() -> Machine:
    """Processor time of the whole machine."""
    words = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, idle, iowait, irq, softirq, steal = (int(word) / TICKS for word in words)
    busy = user + nice + system + irq + softirq + steal
    return Machine(busy, busy + idle + iowait)


def _processes() -> Iterator[tuple[int, list[str]]]:
    """Each process and the fields of its stat from the third on (the second may hold spaces)."""
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(OSError):  # gone in the meantime
                yield int(path.name), (path / "stat").read_text().rpartition(")")[2].split()
