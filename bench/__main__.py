"""scripts/bench: reads its options, runs the experiments, and shows what they came to."""

import argparse
import pathlib
import shlex
import sys

import bench
import machine
import report

EPILOG = """
Results: bench/results/NAME.json and one self-contained page, bench/results/report.html (a quick run: bench/results/quick/).
What each figure means and can't say: docs/benchmarks.md. State goes to $TMPDIR, else /tmp, which has to be on a disk.

examples:
  scripts/bench                          everything but peers that are not named here
  scripts/bench accept carry             two of them
  scripts/bench peers --peers nats,bullmq
  scripts/bench --quick                  does the harness work? A minute, nothing to quote

Exit status: 0 all were measured, 1 one failed (the others are kept), 2 wrong usage.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures Holdfast (release build) on this machine, each figure beside a control from the same minutes.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="see --list; none: all")
    parser.add_argument("--list", action="store_true", help="the experiments, what each asks, about how long it takes")
    parser.add_argument("--quick", action="store_true", help="seconds each, one run: to see that it works, not to quote")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="runs of each figure that is a median (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="all durations times X (default 1)")
    parser.add_argument(
        "--rate",
        type=float,
        default=0.0,
        metavar="R",
        help="commands a second that carry offers (default: 0.8 of what it carries)",
    )
    parser.add_argument("--peers", default="", metavar="NAME,…", help="which peers (default: all that can be installed)")
    parser.add_argument("--results", default="", metavar="DIR", help="where results go (default bench/results)")
    parser.add_argument(
        "--report", action="store_true", help="runs nothing: draws the page again from the results that are there"
    )
    return parser


def _list(options: bench.Options) -> None:
    for name in bench.ORDER:
        print(f"{name:<13} {bench.seconds_of(name, options):4.0f} s  {bench.experiment(name).ASKS}")


def main(argv: list[str]) -> int:
    parser = _parser()
    given = parser.parse_args(argv)
    unknown = [name for name in given.experiments if name not in bench.ORDER]
    if unknown:
        parser.error(f"there is no experiment {unknown[0]!r}; there are {', '.join(bench.ORDER)}")
    if given.runs < 1 or given.scale <= 0 or given.rate < 0:
        parser.error("--runs is at least 1, --scale above 0, --rate not below 0")
    peers = tuple(name for name in given.peers.split(",") if name)
    options = bench.Options(given.quick, given.scale, given.runs, given.rate, peers)
    if given.list:
        _list(options)
        return 0
    results = pathlib.Path(given.results) if given.results else machine.ROOT / "bench/results" / ("quick" if given.quick else "")
    well = True
    if not given.report:
        names = [name for name in bench.ORDER if name in given.experiments or not given.experiments]
        well = bench.run(names, options, results, shlex.join(["scripts/bench", *argv]))
    kept = report.read(results, bench.ORDER)
    report.print_table(report.targets_table(kept))
    print(f"\n{report.write(results, bench.ORDER)}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
