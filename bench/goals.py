"""What is to be reached, and whether it was: ratios within a round, so that a slow moment hits both sides."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.contenders import MAIN, Contender
from bench.runs import Sample, Stage

PLAIN = "plain@200k"
AT_LEAST = (
    (PLAIN, 2.5, "empty"),
    (PLAIN, 0.40, "hello"),
    (PLAIN, 10.0, "prepared@200k"),
    (PLAIN, 40.0, "tutorial@200k"),
    (PLAIN, 2.5, "knn@200k"),
    ("open@200k", 0.8, PLAIN),
    ("three@200k", 0.8, PLAIN),
    ("one_percent@200k", 0.8, PLAIN),
    ("impossible@200k", 0.8, PLAIN),
    ("plain@1M", 0.8, PLAIN),
)
EVEN = 3.0  # p99 at most so many times p50
READY_S = {200_000: 6.0}
MEMORY_MB = {200_000: 300.0, 1_000_000: 1_100.0}


@dataclass(frozen=True)
class Verdict:
    """A goal, what was measured, and whether that is good; `key` is what to look into when it is not."""

    goal: str
    measured: str
    good: bool
    key: str


def verdicts(stage: Stage, contenders: Sequence[Contender], memory_mb: dict[int, float]) -> list[Verdict]:
    """Every goal that this run can judge."""
    names = {one.key: f"({one.letter}) {one.title}" for one in contenders}
    at = {one.key: f", {one.stations:,} stations" for one in contenders if one.stations not in {None, MAIN}}
    named = {key: name + at.get(key, "") for key, name in names.items()}
    return [*_ratios(stage, named), *_evenness(stage, named), *_start(stage, memory_mb)]


def ratios(left: list[Sample], right: list[Sample]) -> list[float]:
    """Throughput of one against another, round by round, in order of size."""
    return sorted(one.rate / other.rate for one, other in zip(left, right, strict=True))


def _ratios(stage: Stage, named: Mapping[str, str]) -> Iterator[Verdict]:
    for key, least, other in AT_LEAST:
        if key in stage.samples and other in stage.samples:
            found = ratios(stage.samples[key], stage.samples[other])
            goal = f"{named[key]} ≥ {least:g} × {named[other]}"
            yield Verdict(goal, _spread(found), statistics.median(found) >= least, key)


def _evenness(stage: Stage, named: Mapping[str, str]) -> Iterator[Verdict]:
    found = sorted(sample.load.p99_ms / sample.load.p50_ms for sample in stage.samples[PLAIN])
    goal = f"{named[PLAIN]}: p99 ≤ {EVEN:g} × p50"
    yield Verdict(goal, _spread(found), statistics.median(found) <= EVEN, PLAIN)


def _spread(found: Sequence[float]) -> str:
    return f"{statistics.median(found):.2f} ({found[0]:.2f}–{found[-1]:.2f})"


def _start(stage: Stage, memory_mb: dict[int, float]) -> Iterator[Verdict]:
    for stations, megabytes in memory_mb.items():
        ready_s = stage.first_s[f"yizhan-{stations}"]
        if (limit := READY_S.get(stations)) is not None:
            yield Verdict(f"{stations:,} stations ready in under {limit:g} s", f"{ready_s:.1f} s", ready_s < limit, "")
        if (limit := MEMORY_MB.get(stations)) is not None:
            goal = f"{stations:,} stations in under {limit:,.0f} MB a worker"
            yield Verdict(goal, f"{megabytes:,.0f} MB", megabytes < limit, "")
