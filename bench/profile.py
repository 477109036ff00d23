"""Where a server's time goes: py-spy looks 200 times a second which Python function holds the worker's interpreter."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from bench import PEERS, WORK, runs
from bench.contenders import Contender
from bench.runs import Stage

LINES = 14
RATE = 200
# Below these frames stands what every request has in common: the loop, the pool of threads.
BASE = {"Handle._run (events.py)", "BaseEventLoop._run_once (base_events.py)", "WorkerThread.run (_asyncio.py)"}


def lines(stage: Stage, contender: Contender, *, seconds: int) -> list[str]:
    """The functions with most of the time, as a table in Markdown: by themselves, and with all that they call."""
    stacks = sample(stage, contender, seconds)
    whole = sum(stacks.values()) or 1
    own = ranked((stack[-1:], count) for stack, count in stacks.items())
    within = ranked(stacks.items())
    head = [
        f"The interpreter was busy in {whole / (RATE * seconds):.0%} of the looks; of these:",
        *("", "| by itself | function | with what it calls | function |", "|---:|---|---:|---|"),
    ]
    pairs = zip_longest(own[:LINES], within[:LINES], fillvalue=("", 0))
    return head + [f"| {a / whole:.1%} | `{x}` | {b / whole:.1%} | `{y}` |" for (x, a), (y, b) in pairs]


def sample(stage: Stage, contender: Contender, seconds: int) -> Counter[tuple[str, ...]]:
    """How often each stack was met."""
    runs.generate(stage, contender, runs.WARMING_S)
    found = WORK / f"{contender.key}.stacks"
    record = (str(PEERS / "py-spy"), "record", "--pid", str(stage.worker(contender)), "--format", "raw", "--gil")
    how = ("--rate", str(RATE), "--duration", str(seconds), "--output", str(found))
    watcher = subprocess.Popen((*record, *how), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        runs.generate(stage, contender, seconds + 1)
        said, _ = watcher.communicate(timeout=seconds + 30)
    finally:
        watcher.kill()
    if watcher.returncode:
        raise SystemExit(f"py-spy could not look into {contender.server} (it needs ptrace): {said}")
    return _stacks(found.read_text().splitlines())


def ranked(stacks: Iterable[tuple[Sequence[str], int]]) -> list[tuple[str, int]]:
    """Functions by how often they were met; once a stack, however often they stand in it."""
    counts: Counter[str] = Counter()
    for stack, count in stacks:
        for name in set(stack):
            counts[name] += count
    return counts.most_common()


def _stacks(raw: Iterable[str]) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for line in raw:
        stack, _, count = line.rpartition(" ")
        if stack:  # a thread outside Python has none
            found[_above_base([_short(frame) for frame in stack.split(";")])] += int(count)
    return found


def _above_base(stack: Sequence[str]) -> tuple[str, ...]:
    """A stack from where it begins to be particular; the loop itself, where there is nothing else."""
    bases = [depth for depth, frame in enumerate(stack) if frame in BASE]
    return tuple(stack[bases[-1] + 1 :] or stack[-1:]) if bases else tuple(stack[-1:])


def _short(frame: str) -> str:
    """`nearest (api/routes/search.py:23)` as `nearest (search.py)`: functions, not lines; no paths of a machine."""
    return re.sub(r"\((?:[^()]*/)?([^()/:]+)(?::\d+)?\)$", r"(\1)", frame)
