"""What a run has found, in words and tables: a section of RESULTS.md, its chart, and raw numbers in build/bench."""

import argparse
import dataclasses
import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bench import WORK, chart, cpu, goals, machine, profile, results
from bench.contenders import MAIN, Contender
from bench.networks import SIZES
from bench.places import HOW_MANY
from bench.runs import Sample, Stage
from bench.servers import LOOP

DISTURBED = 0.10
PROFILE_S = 5

MEANING = """\
- **req/s**: the median of the rounds, with the smallest and the largest. 32 connections, each with one request under
  way; one worker a server. **× plain** is the same against the first line.
- **server µs, database µs**: processor time a request, from `/proc` before and after: of the server's processes, and of
  all processes of its PostgreSQL cluster. The load generator shares the processors with both: a server that has a
  machine to itself answers more than is shown here, while processor time a request stays what it is.
  wrk itself took {least:.0f} to {most:.0f} µs a request, the more the longer the answers.
- **p50, p99**: milliseconds as wrk sees them. All connections ask at once, so waiting in line is in them.
- **results, bytes**: stations in an answer and length of its body, on average. Nobody compresses: wrk does not ask
  for it. How many stations are open now depends on the hour of the run: {hour} in China.
- **(a)** is `yizhan serve` as it is, every request with a new place: {places:,} of them, near the towns of China, the
  larger ones more often. A working shower is what {share:.1%} of the stations have; three facilities are five
  combinations in turn; nothing passes the impossible filter, which is checked.
- **(b)** and **(c)** do nothing: what FastAPI and the server cost by themselves.
- **(d)** to **(f)** rank on the sphere, as `<->` does, which is wrong in one order of ten; ours ranks on the ellipsoid.
  Their answers hold fewer members than ours: no opening state, no links to map apps.
- **(f)** is pgbench with prepared statements over the socket; **(g)** counts all matches on every request, as it does.
- All servers of HTTP are granian with the same event loop ({loop}), with the same versions where they share a package.
"""


def write(stage: Stage, contenders: Sequence[Contender], asked: argparse.Namespace) -> None:
    """Write RESULTS.md, results.svg beside it, and the raw numbers."""
    memory_mb = {
        stations: cpu.resident_mb(cpu.busiest(stage.servers[f"yizhan-{stations}"].pid)) for stations in stage.networks
    }
    raw = {key: [dataclasses.asdict(sample) for sample in samples] for key, samples in stage.samples.items()}
    (WORK / "raw.json").write_text(json.dumps(raw, indent=1))
    main = [one for one in contenders if one.stations in {None, MAIN}]
    picture = asked.results.with_name("results.svg")
    picture.write_text(chart.draw(stage, main, f"Requests a second (logarithmic), {MAIN:,} stations, one worker"))
    verdicts = goals.verdicts(stage, contenders, memory_mb)
    lines = [
        *_head(stage, asked),
        *("", f"![Requests a second of each contender]({picture.name})", ""),
        *(f"## {MAIN:,} stations", "", *table(stage, main), ""),
        *("## By size", "", *_sizes(stage, contenders, memory_mb), ""),
        *("## Goals", "", *_goals(verdicts), ""),
        *("## What the numbers mean", "", _meaning(stage)),
        *("## Where the time goes", "", *_profiles(stage, contenders, verdicts)),
    ]
    results.put(asked.results, "nearest", lines)


def table(stage: Stage, contenders: Sequence[Contender]) -> list[str]:
    """The contenders in their order, against the first of them."""
    lines = [
        "| | contender | req/s | × plain | server µs | database µs | p50 ms | p99 ms | results | bytes |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    first = stage.samples[contenders[0].key]
    for one in contenders:
        samples, answers = stage.samples[one.key], stage.answers.get(one.key)
        against = statistics.median(goals.ratios(samples, first))
        found = f"{answers.results:.1f}" if answers and one.stations else ""
        body = f"{answers.bytes:,.0f}" if answers else ""
        lines.append(
            f"| {one.letter} | {one.title} | {_rate(samples)} | {against:.2f} | {_costs(samples)}"
            f" | {_middle(samples, lambda s: s.load.p50_ms):,.2f} | {_middle(samples, lambda s: s.load.p99_ms):,.2f}"
            f" | {found} | {body} |"
        )
    return lines


def _head(stage: Stage, asked: argparse.Namespace) -> Iterator[str]:
    used = machine.versions(stage.networks[MAIN])
    disturbed = statistics.median(sample.others for samples in stage.samples.values() for sample in samples)
    yield "# How fast the nearest stations are found"
    yield ""
    yield "Written by `make bench`, one run: every round measures each contender in turn, every other round in reverse."
    if disturbed > DISTURBED:
        yield ""
        yield f"**This run was disturbed: others used {disturbed:.0%} of the processors. Do not quote it.**"
    yield ""
    yield f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {machine.commit()}"
    yield f"- {machine.hardware()}; others used {disturbed:.0%} of the processors (median)"
    yield f"- {', '.join(f'{name} {version}' for name, version in used.items())}"
    yield (
        f"- `python -m bench full --seconds {asked.seconds} --rounds {asked.rounds} --sizes"
        f" {','.join(map(str, asked.sizes))}`; wrk with one thread, {asked.seconds} s each after 1 s of warming"
    )


def _sizes(stage: Stage, contenders: Sequence[Contender], memory_mb: dict[int, float]) -> list[str]:
    """What is measured at several sizes: requests a second, and what the start of ours takes."""
    sizes = list(stage.networks)
    lines = [f"| | contender | {' | '.join(f'{size:,}' for size in sizes)} |", "|---|---|" + "---:|" * len(sizes)]
    for one in contenders:
        keys = [f"{one.key.partition('@')[0]}@{SIZES[size]}" for size in sizes]
        if one.stations == MAIN and all(key in stage.samples for key in keys):
            cells = [_rate(stage.samples[key]) for key in keys]
            lines.append(f"| {one.letter} | {one.title}, req/s | {' | '.join(cells)} |")
    first = [f"{stage.first_s[f'yizhan-{size}']:.1f} s" for size in sizes]
    again = [f"{stage.servers[f'yizhan-{size}'].ready_s:.1f} s" for size in sizes]
    lines.append(f"| a | from the first start of the server until it is ready | {' | '.join(first)} |")
    lines.append(f"| a | from a later start, with the directory kept | {' | '.join(again)} |")
    lines.append(f"| a | memory of the worker | {' | '.join(f'{memory_mb[size]:,.0f} MB' for size in sizes)} |")
    return lines


def _goals(verdicts: Sequence[goals.Verdict]) -> list[str]:
    lines = ["| goal | measured: median of the rounds (range) | |", "|---|---:|---|"]
    return lines + [f"| {one.goal} | {one.measured} | {'✅' if one.good else '❌'} |" for one in verdicts]


def _meaning(stage: Stage) -> str:
    costs = sorted(_middle(samples, lambda s: s.generator_us) for samples in stage.samples.values())
    share = stage.networks[MAIN].shower_share
    hour = f"{datetime.now(ZoneInfo('Asia/Shanghai')):%A, %H:%M}"
    return MEANING.format(least=costs[0], most=costs[-1], places=HOW_MANY, share=share, loop=LOOP, hour=hour)


def _profiles(stage: Stage, contenders: Sequence[Contender], verdicts: Sequence[goals.Verdict]) -> Iterator[str]:
    """Plain, and whatever missed its goal."""
    missed = {verdict.key for verdict in verdicts if not verdict.good}
    yield "Plain, and what missed a goal, under the same load: py-spy looks 200 times a second which Python function"
    yield "holds the worker's interpreter. What granian does outside Python it does not see; the database's part is in"
    yield "the table above."
    for one in contenders:
        if one.path and (one.key == f"plain@{SIZES[MAIN]}" or one.key in missed):
            yield from ("", f"### {one.title}, {one.stations or 0:,} stations", "")
            yield from profile.lines(stage, one, seconds=PROFILE_S)
    yield ""


def _rate(samples: Sequence[Sample]) -> str:
    rates = sorted(sample.rate for sample in samples)
    return f"{statistics.median(rates):,.0f} ({rates[0]:,.0f}–{rates[-1]:,.0f})"


def _costs(samples: Sequence[Sample]) -> str:
    server, database = (_middle(samples, lambda s: s.server_us), _middle(samples, lambda s: s.database_us))
    return f"{server:,.0f} | {database:,.0f}" if server else f"| {database:,.0f}"


def _middle(samples: Sequence[Sample], of: Callable[[Sample], float]) -> float:
    return statistics.median(of(sample) for sample in samples)
