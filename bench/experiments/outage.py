"""The claim that Holdfast exists for: what users see while the third party is slow, down, back, and what work is lost."""

import time

import plot
import world
from bench import Bench, Result
from figures import number
from report import table

try:
    import peers
except ImportError:  # Without the folder of the peers there is still Holdfast to be shown
    peers = None

ASKS = (
    "The third party is slow, then down, then back. What do users see, and what work is lost, with and without Holdfast between?"
)
HOW = """The same users twice at the same time, an open loop each: one half POSTs to a service that calls the third party inside the request
(Fastify, 10 s for each try, two retries: bench/peers/synchronous), the other half to Holdfast. Both call the same stand-in, which is first
healthy, then takes seconds for each answer, then refuses connections, then is back. What a user saw is told by the second in which the
request was meant to be sent; waiting time counts whatever the answer was in the end. The work is counted at the third party: a command
is done when the stand-in has answered it 200."""
SECONDS = 75
QUICK_SECONDS = 6
RATE = 40
SLOW_MS = 4000


def _phases(bench: Bench) -> list[tuple[str, float, float]]:
    """(name, from, to), seconds."""
    found, at = [], 0.0
    for name, usual, quick in (("healthy", 10, 0.5), ("slow", 12, 0.5), ("down", 20, 0.5), ("back", 18, 1)):
        length = bench.seconds(usual, quick)
        found.append((name, at, at + length))
        at += length
    return found


def _play(bench: Bench, third: world.StandIn, phases: list, loads: dict, node: world.Node) -> list:
    """Changes the third party's mood as time passes; gives what was open in Holdfast meanwhile."""
    began, waiting, queue = time.monotonic(), list(phases), []
    slow_ms = SLOW_MS if not bench.quick else 300
    while waiting or any(load.running() for load in loads.values()):
        now = time.monotonic() - began
        if waiting and now >= waiting[0][1]:
            name, start, end = waiting.pop(0)
            bench.say(f"the third party is {name}")
            if name == "slow":
                third.mood(delay_ms=slow_ms)
            elif name == "down":
                third.mood(delay_ms=0, down_ms=int((end - start) * 1000))
        queue.append([now, node.open_commands()])
        time.sleep(0.2)
    return queue


def run(bench: Bench) -> Result:
    phases = _phases(bench)
    options = {"rate": RATE, "duration": phases[-1][2], "connections": 1500, "timeout": 45, "by_second": True}
    with world.StandIn(bench.folder, log=True) as third:
        retry = "        delay = 500ms\n        cap = 5s\n"
        with world.Node(bench.folder, world.pipelines(third.url, 256, retry=retry)) as node:
            service, reason = _synchronous(bench, f"{third.url}/inside")
            try:
                loads = {"Holdfast": world.Load(node.submit_url, **options)}
                if service:
                    loads["call inside the request"] = world.Load(service.accept_url, expect=200, **options)
                queue = _play(bench, third, phases, loads, node)
                reports = {name: load.result() for name, load in loads.items()}
                node.wait_quiet(120)
            finally:
                if service:
                    service.stop()
            done = {"Holdfast": set(), "call inside the request": set()}
            for _, outcome, key, _, _, path in third.lines():
                if outcome == "200":
                    done["call inside the request" if path.startswith("/inside") else "Holdfast"].add(key)
    return _result(phases, reports, {name: len(keys) for name, keys in done.items()}, queue, reason)


def _synchronous(bench: Bench, url: str):
    """The service that calls inside the request, or None and why not."""
    if peers is None:
        return None, "bench/peers is not there"
    if bench.quick:
        return None, "a quick run installs nothing"
    try:
        peer = peers.load("synchronous")
        peer.install()
        return peer.start(bench.folder / "synchronous", url), ""
    except peers.Unavailable as error:
        return None, str(error)


def _result(phases, reports, done, queue, reason) -> Result:
    result = Result(raw={"phases": phases, "reports": reports, "done": done, "queue": queue})
    rows = []
    for name, report in reports.items():
        told_well, asked = report["acknowledged"], report["requests"]
        seconds = [second for second in report["by_second"] if "max_ms" in second]
        worst = max(second["max_ms"] for second in seconds) / 1000
        never = max(0, asked - done[name]) if name != "Holdfast" else max(0, told_well - done[name])
        anyway = max(0, done[name] - told_well)
        row = [name, number(asked), number(report["failed"] + report["unfinished"]), number(worst), number(done[name])]
        rows.append([*row, number(never), number(anyway)])
    columns = [
        "",
        "users' requests",
        "errors seen",
        "longest wait s",
        "done in the end",
        "not done",
        "done, but the user saw an error",
    ]
    note = "" if not reason else f"Only Holdfast is shown: {reason}."
    result.tables.append(table("What users saw, and the work", columns, rows, note))
    marks = [{"from": start, "to": end, "name": name} for name, start, end in phases[1:3]]
    failed, waited = [], []
    for name, report in reports.items():
        seconds = report["by_second"]
        known = [(at, one) for at, one in enumerate(seconds) if one["acknowledged"] + one["failed"]]
        failed.append(
            {"name": name, "points": [[at, 100 * one["failed"] / (one["acknowledged"] + one["failed"])] for at, one in known]}
        )
        waited.append({"name": name, "points": [[at, one["p50_ms"]] for at, one in known]})
    result.plots.append(
        plot.lines("Users who got an error, by when they came", "seconds", "% of users", failed, marks=marks, y_most=100)
    )
    result.plots.append(
        plot.lines("How long users waited (median), by when they came", "seconds", "ms", waited, marks=marks, log_y=True)
    )
    points = [{"name": "waiting in Holdfast, safe on disk", "points": queue}]
    result.plots.append(plot.lines("The work that Holdfast kept meanwhile", "seconds", "open commands", points, marks=marks))
    return result
