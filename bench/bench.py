"""One run of experiments: their order, their time, what goes wrong with one of them, and what is kept.

An experiment is a module in experiments/ with

    ASKS            the question, one sentence
    HOW             how it is measured, for a reader who wants to believe it
    SECONDS         about how long it takes at the usual scale
    run(bench)      measures; gives a Result
"""

import dataclasses
import importlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import machine
import report
import world

ORDER = [
    "accept",
    "carry",
    "latency",
    "outage",
    "recovery",
    "pace",
    "neighbour",
    "backlog",
    "destinations",
    "cost",
    "simulate",
    "idle",
    "peers",
]


@dataclasses.dataclass
class Result:
    """What an experiment yields. figures: by the names in targets.py; raw: whatever it read, for whoever doubts the rest."""

    figures: dict = dataclasses.field(default_factory=dict)
    tables: list = dataclasses.field(default_factory=list)
    plots: list = dataclasses.field(default_factory=list)
    texts: dict = dataclasses.field(default_factory=dict)
    raw: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Options:
    quick: bool = False
    scale: float = 1.0  # All durations are multiplied by it
    runs: int = 3  # Of each figure that is a median
    rate: float = 0.0  # What carry offers for its sustained part; 0: it finds out
    peers: tuple[str, ...] = ()  # Which; none: all


def experiment(name: str):
    return importlib.import_module(f"experiments.{name}")


def seconds_of(name: str, options: Options) -> float:
    """About how long it takes."""
    if options.quick:
        return getattr(experiment(name), "QUICK_SECONDS", 3)
    return experiment(name).SECONDS * options.scale * (0.4 + 0.2 * options.runs)


class Bench:
    """What an experiment is given: the options, a folder of its own, and a way to say how far it is."""

    def __init__(self, options: Options, folder: pathlib.Path):
        self.options = options
        self.folder = folder
        self.name = ""
        self.began = time.monotonic()
        self._shown = 0

    @property
    def quick(self) -> bool:
        return self.options.quick

    @property
    def runs(self) -> int:
        return 1 if self.quick else self.options.runs

    def seconds(self, usual: float, quick: float = 0.4) -> float:
        """A duration: as it is usually, scaled, or as it is in a quick run."""
        return quick if self.quick else max(0.5, usual * self.options.scale)

    def say(self, text: str) -> None:
        """How far it is: on a terminal over the last such line."""
        line = f"  {time.monotonic() - self.began:5.0f} s  {self.name}: {text}"
        if sys.stderr.isatty():
            print("\r" + line.ljust(self._shown), end="", file=sys.stderr, flush=True)
            self._shown = len(line)
        elif not self.quick:
            print(line, file=sys.stderr, flush=True)

    def hush(self) -> None:
        """Clears that line."""
        if sys.stderr.isatty() and self._shown:
            print("\r" + " " * self._shown + "\r", end="", file=sys.stderr, flush=True)
            self._shown = 0


def install(group: str) -> None:
    """Installs a group of scripts/install-packages, for what only this experiment needs. Failed where it can't be had."""
    argv = [machine.ROOT / "scripts/install-packages", "--quiet", group]
    done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise world.Failed(f"scripts/install-packages {group} failed: {(done.stderr.strip() or done.stdout.strip())[-200:]}")


def _run_one(bench: Bench, name: str, command: str) -> dict:
    """Runs an experiment; its failure becomes part of its result."""
    module = experiment(name)
    bench.name = name
    bench.folder.mkdir()
    began, wall = time.monotonic(), time.strftime("%F %T UTC", time.gmtime())
    record = {"experiment": name, "asks": module.ASKS, "how": " ".join(module.HOW.split()), "began": wall, "quick": bench.quick}
    record |= {"command": command, "machine": machine.describe(), "load_before": machine.load_average()}
    record["filesystem"] = machine.filesystem(bench.folder)
    try:
        record |= dataclasses.asdict(module.run(bench))
    except world.Failed as error:
        record["failed"] = str(error)
    except Exception as error:  # One experiment's mistake is not to cost the others' results
        traceback.print_exc()
        record["failed"] = f"{type(error).__name__}: {error}"
    finally:
        bench.hush()
        shutil.rmtree(bench.folder, ignore_errors=True)
    record["seconds"] = time.monotonic() - began
    return record


def run(names: list[str], options: Options, results: pathlib.Path, command: str) -> bool:
    """Runs them in their order; keeps and prints each result when it is there. True where none failed."""
    results.mkdir(parents=True, exist_ok=True)
    well = True
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        bench = Bench(options, pathlib.Path(folder))
        if machine.filesystem(folder) == "tmpfs":
            print(
                f"bench: {folder} is in memory: nothing here would be durable. Set TMPDIR to a folder on the disk.",
                file=sys.stderr,
            )
            return False
        for index, name in enumerate(names):
            left = sum(seconds_of(one, options) for one in names[index:])
            if not options.quick:
                print(
                    f"\n[{index + 1}/{len(names)}] {name}, about {seconds_of(name, options):.0f} s; about {left / 60:.0f} min in all from here"
                )
            bench.folder = pathlib.Path(folder) / name
            record = _run_one(bench, name, command)
            well = well and not record.get("failed")
            (results / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
            report.print_result(record)
            report.write(results, ORDER)
    return well
