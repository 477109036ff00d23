"""`python -m bench full | quick | visits | coverage | imports | profile`: see `make bench` and `make bench-quick`."""

import argparse
import os
import signal
import statistics
import sys
from pathlib import Path

from bench import ROOT, contenders, coverage, goals, imports, meanwhile, report, runs, visits
from bench.networks import SIZES

QUICK = 30_000
RESULTS = ROOT / "bench" / "RESULTS.md"


def main() -> None:
    """Run what the command line says."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell runs us in the background
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # or the servers would outlive us
    asked = arguments()
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"bench: the machine is busy (load {busy:.1f}); the numbers will be too low", file=sys.stderr)
    try:
        asked.run(asked)
    except KeyboardInterrupt:
        sys.exit(130)


def arguments() -> argparse.Namespace:
    """What is asked."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    modes = parser.add_subparsers(required=True)
    for name, run, seconds, rounds in (("full", full, 10, 3), ("quick", quick, 3, 2), ("visits", visits.run, 10, 3)):
        mode = modes.add_parser(name, help=run.__doc__)
        mode.set_defaults(run=run)
        mode.add_argument("--seconds", type=int, default=seconds, help="of load, each time (default: %(default)s)")
        mode.add_argument("--rounds", type=int, default=rounds, help="default: %(default)s")
    modes.choices["full"].add_argument(
        "--sizes", type=sizes, default=tuple(SIZES), help="default: 30000,200000,1000000"
    )
    mode = modes.add_parser("imports", help=imports.run.__doc__)
    mode.set_defaults(run=imports.run)
    mode.add_argument("--rows", type=int, default=100_000, help="of the file (default: %(default)s)")
    mode = modes.add_parser("meanwhile", help=meanwhile.run.__doc__)
    mode.set_defaults(run=meanwhile.run)
    mode.add_argument("--rows", type=int, default=100_000, help="of the file (default: %(default)s)")
    mode = modes.add_parser("profile", help=profile.__doc__)
    mode.set_defaults(run=profile)
    mode.add_argument("key", nargs="?", default="plain@200k", help="default: %(default)s; see the lines of `full`")
    mode.add_argument("--seconds", type=int, default=10)
    mode = modes.add_parser("coverage", help=coverage.run.__doc__)
    mode.set_defaults(run=coverage.run)
    mode.add_argument("--stations", type=int, nargs="+", default=[30_000], help="sizes of networks (default: 30000)")
    mode.add_argument("--country", action="store_true", help="the whole country by district too")
    for name in ("full", "visits", "coverage", "imports", "meanwhile"):
        modes.choices[name].add_argument("--results", type=Path, default=RESULTS, help="default: %(default)s")
    return parser.parse_args()


def sizes(text: str) -> tuple[int, ...]:
    """Sizes of networks, from the command line."""
    found = tuple(int(word) for word in text.split(","))
    if not set(found) <= set(SIZES) or contenders.MAIN not in found:
        raise argparse.ArgumentTypeError(f"some of {', '.join(map(str, SIZES))}, {contenders.MAIN} among them")
    return found


def full(asked: argparse.Namespace) -> None:
    """Measure nearest and visits, and write their sections of RESULTS.md with the chart."""
    chosen = contenders.full(asked.sizes)
    with runs.staged(chosen) as stage:
        runs.play(stage, chosen, rounds=asked.rounds, seconds=asked.seconds)
        report.write(stage, chosen, asked)
    visits.run(asked)
    print(f"{asked.results} is written.")


def quick(asked: argparse.Namespace) -> None:
    """Print ours, plain, against the bare framework, the bare server and a query a request."""
    chosen = contenders.quick(QUICK)
    with runs.staged(chosen) as stage:
        runs.play(stage, chosen, rounds=asked.rounds, seconds=asked.seconds)
        print("\n".join(report.table(stage, chosen)))
        for other in chosen[1:]:
            found = goals.ratios(stage.samples[chosen[0].key], stage.samples[other.key])
            print(f"{chosen[0].title} = {statistics.median(found):.2f} × ({other.letter}) {other.title}")


def profile(asked: argparse.Namespace) -> None:
    """Show where the time of one contender's server goes under load (py-spy)."""
    from bench import profile as spy

    chosen = [one for one in contenders.full(tuple(SIZES)) if one.key == asked.key and one.path]
    if not chosen:
        raise SystemExit(f"no server to look into: {asked.key}")
    with runs.staged(chosen) as stage:
        print("\n".join(spy.lines(stage, chosen[0], seconds=asked.seconds)))


if __name__ == "__main__":
    main()
