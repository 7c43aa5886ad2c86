"""Many third parties, one of which hangs."""

import time

import plot
import world
from bench import Bench, Result
from figures import number, spread, summary
from report import table

ASKS = "Does one third party that hangs slow the others down, from a few to ten thousand of them?"
HOW = """So many destinations with a pipeline each, all at the same stand-in; the calls of the first never get an answer (timeout 10 s, four at
once). 64 connections submit to all of them in turn for some seconds; the clock runs until every command of all the others has succeeded.
The row with one destination has none that hangs: it is the control, and takes turns with the rest."""
SECONDS = 110
QUICK_SECONDS = 5
COUNTS = (1, 10, 100, 1_000, 10_000)
CONCURRENCY = 128


def _pipelines(third: world.StandIn, count: int) -> str:
    text = world.pipelines(third.url, CONCURRENCY if count == 1 else max(4, CONCURRENCY * 2 // count), count)
    return text.replace(f"{third.url}/do-0/", f"{third.url}/hang/do-0/")


def _turn(bench: Bench, count: int) -> dict:
    with world.StandIn(bench.folder) as third, world.Node(bench.folder, _pipelines(third, count)) as node:
        url = node.submit_url if count == 1 else node.submit_url.replace("/bench/", "/bench-{n}/")
        began = time.monotonic()
        report = world.load(url, duration=bench.seconds(4), spread=count)
        if report["failed"] or not report["acknowledged"]:
            raise world.Failed(f"{count} destinations: {report['failed']} refused: {report['statuses']}")
        hung = 0 if count == 1 else -(-report["acknowledged"] // count)
        others = report["acknowledged"] - hung
        world.wait_until(lambda: third.stats()["by_status"].get("200", 0) >= others, "all the others are carried out", 180, 0.05)
        took = time.monotonic() - began
        one = {"count": count, "rate": others / took, "accept_rate": report["rate"], "p99_ms": report["latency_ms"]["p99"]}
        one |= {"private_mb": sum(node.private_mb().values()), "ready_s": node.ready_s}
        node.kill()  # A stop would wait for the calls that hang
        return one


def run(bench: Bench) -> Result:
    counts = (1, 10) if bench.quick else COUNTS
    turns = {count: [] for count in counts}
    for number_of in range(bench.runs):
        for count in counts:
            bench.say(f"run {number_of + 1} of {bench.runs}, {number(count)} destinations")
            turns[count].append(_turn(bench, count))
    result = Result(raw={str(count): some for count, some in turns.items()})
    alone = summary([one["rate"] for one in turns[1]])["median"]
    rows, points = [], []
    for count, some in turns.items():
        of = {name: summary([one[name] for one in some]) for name in ("rate", "accept_rate", "p99_ms", "private_mb", "ready_s")}
        points.append([count, of["rate"]["median"]])
        rows.append(
            [
                number(count),
                spread(of["rate"]),
                number(of["rate"]["median"] / alone),
                *(number(of[name]["median"]) for name in list(of)[1:]),
            ]
        )
    columns = ["destinations", "others carried/s", "÷ one healthy", "accepted/s", "accept p99 ms", "private MB", "ready s"]
    result.tables.append(table("One of them hangs", columns, rows))
    lines = [{"name": "carried", "points": points}]
    result.plots.append(
        plot.lines(
            "Carried a second by destinations, one of which hangs",
            "destinations",
            "commands a second",
            lines,
            log_x=True,
            x_values=list(turns),
        )
    )
    return result
