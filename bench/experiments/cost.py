"""Where a command's processor time goes."""

import contextlib
import re
import subprocess
import time

import bench as harness
import flame
import machine
import plot
import world
from bench import Bench, Result
from experiments.carry import IN_FLIGHT
from figures import middle, number, summary
from report import table

ASKS = "What does one command cost: processor time by actor, context switches, commits, bytes written, system calls, and where inside?"
HOW = """64 connections submit as fast as they are answered for some seconds, and the clock runs until the last command's answer is on record: the
kernel's own counts of each actor before and after (user and system time, context switches, bytes it had the disk write) are divided by the
commands; so are the journal's commits and proposals and the facts it published. Then, under the same load, strace counts each actor's
system calls for a second (it slows them down, so only their number a command is told, by the commands that ended meanwhile), and perf
samples all actors with their stacks for the flame graph."""
SECONDS = 60
QUICK_SECONDS = 3


def _counts(node: world.Node) -> dict:
    """By actor: what the kernel and the actor itself have counted so far."""
    found = {}
    for name, actor in node.fresh_actors().items():
        user, system = machine.cpu_times(actor["pid"])
        asked, forced = machine.switches(actor["pid"])
        found[name] = {
            "user": user,
            "system": system,
            "switches": asked,
            "preempted": forced,
            "written": machine.written_bytes(actor["pid"]),
        }
        found[name] |= {
            key: value
            for key, value in actor["status"].items()
            if key in ("commits", "proposals", "newest_fact") and name == "journal"
        }
    return found


def _turn(bench: Bench, third: world.StandIn) -> dict:
    """By actor, a command."""
    with world.Node(bench.folder, world.pipelines(third.url, IN_FLIGHT)) as node:
        before, began = _counts(node), time.monotonic()
        third_before = machine.cpu_seconds(third.pid)
        report = world.load(node.submit_url, duration=bench.seconds(6))
        node.wait_quiet(300)
        took = time.monotonic() - began
        after, commands = _counts(node), report["acknowledged"]
        third_us = (machine.cpu_seconds(third.pid) - third_before) * 1e6 / commands
    each = {
        actor: {key: (value - before[actor].get(key, 0)) / commands for key, value in counts.items()}
        for actor, counts in after.items()
    }
    commits = after["journal"]["commits"] - before["journal"]["commits"]
    return {
        "each": each,
        "commands": commands,
        "seconds": took,
        "commits_a_second": commits / took,
        "third_us": third_us,
        "load_us": report["cpu_us_per_try"],
    }


def _calls_of(bench: Bench, pid: int, seconds: float) -> dict[str, int]:
    """System calls of a process by name in that time."""
    out = bench.folder / "strace"
    argv = ["strace", "-c", "-f", "-o", str(out), "-p", str(pid)]
    with contextlib.suppress(subprocess.TimeoutExpired):
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        finally:
            process.send_signal(2)
            process.wait(10)
    rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", out.read_text(), re.M)
    return {name: int(calls) for calls, name in rows if name != "total"}


def _system_calls(bench: Bench, third: world.StandIn) -> dict[str, dict[str, float]]:
    """By actor and name, a command."""
    if not world.tool("strace"):
        harness.install("profile")
    found = {}
    seconds = bench.seconds(1, 0.3)
    with world.Node(bench.folder, world.pipelines(third.url, IN_FLIGHT)) as node:
        actors = node.actors()
        load = world.Load(node.submit_url, duration=(seconds + 0.6) * len(actors))
        time.sleep(0.2)
        for name, actor in actors.items():
            bench.say(f"system calls of {name}")
            before = node.commands()["succeeded"]
            calls = _calls_of(bench, actor["pid"], seconds)
            ended = max(1, node.commands()["succeeded"] - before)
            found[name] = {call: many / ended for call, many in calls.items()}
        load.result()
    return found


def _flame(bench: Bench, third: world.StandIn) -> str:
    """The flame graph of all actors, drawn; Failed where perf does not work here."""
    perf = world.tool("perf") or (harness.install("profile") or world.tool("perf"))
    if not perf:
        raise world.Failed("there is no perf")
    data, seconds = bench.folder / "perf.data", bench.seconds(4, 0.5)
    with world.Node(bench.folder, world.pipelines(third.url, IN_FLIGHT)) as node:
        pids = ",".join(str(actor["pid"]) for actor in node.actors().values())
        load = world.Load(node.submit_url, duration=seconds + 1)
        time.sleep(0.3)
        argv = [
            perf,
            "record",
            "-F",
            "299",
            "--call-graph",
            "dwarf,8192",
            "-o",
            str(data),
            "-p",
            pids,
            "--",
            "sleep",
            str(seconds),
        ]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=seconds + 60)
        load.result()
    if done.returncode != 0 or not data.exists():
        raise world.Failed(f"perf record: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}")
    bench.say("unwinding the stacks")
    script = subprocess.run(
        [perf, "script", "-i", str(data), "-F", "comm,pid,time,ip,sym,dso"],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        errors="replace",
    )
    return flame.svg(flame.fold(script.stdout))


def run(bench: Bench) -> Result:
    result, notes = Result(), []
    with world.StandIn(bench.folder) as third:
        turns = []
        for turn in range(bench.runs):
            bench.say(f"run {turn + 1} of {bench.runs}")
            turns.append(_turn(bench, third))
        _cost_tables(result, turns)
        for what, measure in (
            ("system calls", lambda: _show_calls(result, _system_calls(bench, third))),
            ("flame graph", lambda: _show_flame(result, _flame(bench, third))),
        ):
            try:
                bench.say(what)
                measure()
            except (world.Failed, OSError, subprocess.SubprocessError) as error:
                notes.append(f"No {what}: {error}.")
    if notes:
        result.tables[0]["note"] += " " + " ".join(notes)
    return result


def _median(turns: list[dict], actor: str, key: str) -> float:
    return summary([turn["each"][actor][key] for turn in turns])["median"]


def _cost_tables(result: Result, turns: list[dict]) -> None:
    actors = list(turns[0]["each"])
    result.raw["turns"] = turns
    rows, total = [], [0.0] * 5
    for actor in actors:
        cells = [_median(turns, actor, "user") * 1e6, _median(turns, actor, "system") * 1e6]
        cells += [_median(turns, actor, key) for key in ("switches", "preempted", "written")]
        total = [one + other for one, other in zip(total, cells)]
        rows.append([actor, number(cells[0] + cells[1]), *(number(cell) for cell in cells)])
    rows.append(["all actors", number(total[0] + total[1]), *(number(cell) for cell in total)])
    columns = ["actor", "CPU µs", "user µs", "system µs", "slept", "preempted", "bytes written"]
    beside = [middle([one[key] for one in turns]) for key in ("third_us", "load_us")]
    note = f"Medians of {len(turns)} runs, each divided by its commands. "
    note += f"Beside them: the stand-in {beside[0]} µs, the load generator {beside[1]} µs."
    result.tables.append(table("A command's cost", columns, rows, note))
    each = {key: _median(turns, "journal", key) for key in ("commits", "proposals", "newest_fact")}
    a_commit = 1 / each["commits"] if each["commits"] else 0
    row = [
        middle([one["commits_a_second"] for one in turns]),
        number(a_commit),
        number(each["proposals"]),
        number(each["newest_fact"]),
        number(_median(turns, "journal", "written") * a_commit),
    ]
    result.tables.append(
        table(
            "The journal",
            ["commits a second", "commands a commit", "proposals a command", "facts a command", "bytes written a commit"],
            [row],
        )
    )
    bars = [
        {"name": actor, "values": [_median(turns, actor, "user") * 1e6, _median(turns, actor, "system") * 1e6]}
        for actor in actors
    ]
    result.plots.append(
        plot.bars(f"Processor time for each command: {number(total[0] + total[1])} µs in all", "µs", ["user", "system"], bars)
    )


def _show_calls(result: Result, calls: dict) -> None:
    result.raw["system_calls"] = calls
    rows = []
    for actor, by_name in calls.items():
        top = sorted(by_name.items(), key=lambda one: -one[1])[:6]
        rows.append([actor, number(sum(by_name.values())), ", ".join(f"{name} {number(many)}" for name, many in top)])
    result.tables.append(table("System calls for each command, by strace", ["actor", "in all", "most of them"], rows))


def _show_flame(result: Result, svg: str) -> None:
    if not svg:
        raise world.Failed("perf took no samples")
    result.plots.append({"kind": "svg", "title": "Where the time goes in all actors (perf, hover for shares)", "svg": svg})
