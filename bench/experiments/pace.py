"""Whether a destination's own words are kept: its rate, over two deaths of dispatch, and Retry-After."""

import os
import signal
import time

import plot
import world
from bench import Bench, Result
from figures import number
from report import table

ASKS = "Is a destination's rate kept while dispatch is killed twice, and is Retry-After kept by every command?"
HOW = """Rate: more commands than fit wait for a destination of 100/s; dispatch gets kill -9 after a third and after two thirds of 60 s. The
stand-in's log says how many requests came in the 60 s from the first one on, and in the busiest 1,000 ms. Retry-After: 200 commands a second
come in, the stand-in answers 503 with Retry-After: 10 once, then 200 again. What was in flight at that moment has arrived 250 ms later;
from then on to the end of the ten seconds nothing may come."""
SECONDS = 95
QUICK_SECONDS = 12
RATE = 100


def _busiest(times: list[float], within: float = 1.0) -> int:
    """The most of these within so many seconds."""
    most, first = 0, 0
    for index, at in enumerate(times):
        while at - times[first] >= within:
            first += 1
        most = max(most, index - first + 1)
    return most


def _kill_dispatch(node: world.Node) -> None:
    pid = node.actors()["dispatch"]["pid"]
    os.kill(pid, signal.SIGKILL)
    world.wait_until(lambda: node.actors()["dispatch"]["pid"] not in (0, pid), "a new dispatch", 20)


def _rate(bench: Bench) -> dict:
    seconds = bench.seconds(60, 5)
    with (
        world.StandIn(bench.folder, log=True, gather_us=0) as third,
        world.Node(bench.folder, world.pipelines(third.url, 64, extra=f"    rate = {RATE}/s\n")) as node,
    ):
        began = time.monotonic()
        world.load(node.submit_url, count=int(RATE * seconds * 1.3), connections=16)
        for share in (1 / 3, 2 / 3):
            time.sleep(max(0.0, began + seconds * share - time.monotonic()))
            _kill_dispatch(node)
        time.sleep(max(0.0, began + seconds + 0.5 - time.monotonic()))
        times = [at / 1000 for at, *_ in third.lines()]
    within = [at for at in times if at < times[0] + seconds]
    by_second = [sum(1 for at in within if second <= at - times[0] < second + 1) for second in range(int(seconds))]
    return {
        "seconds": seconds,
        "calls": len(within),
        "share": len(within) / (RATE * seconds),
        "busiest": _busiest(times),
        "by_second": by_second,
    }


def _retry_after(bench: Bench) -> dict:
    asked = 10 if not bench.quick else 2
    with world.StandIn(bench.folder, log=True, gather_us=0) as third, world.Node(
        bench.folder, world.pipelines(third.url, 64)
    ) as node:
        load = world.Load(node.submit_url, rate=200, duration=asked + 3, connections=64)
        time.sleep(1)
        third.mood(status=503, retry_after_s=asked)
        world.wait_until(lambda: third.stats()["by_status"].get("503", 0), "an answer of 503", 10, 0.001)
        third.mood(clear=1)
        report = load.result()
        node.wait_quiet(120)
        calls = [(at / 1000, outcome) for at, outcome, *_ in third.lines()]
    first = next(at for at, outcome in calls if outcome == "503")
    last = max(at for at, outcome in calls if outcome == "503")
    inside = [at for at, _ in calls if first + 0.25 < at < last + asked]
    back = min(at for at, _ in calls if at >= first + asked / 2)
    return {
        "asked": asked,
        "inside": len(inside),
        "back_after": back - last,
        "busiest_after": _busiest([at for at, _ in calls if at >= back]),
        "commands": report["acknowledged"],
    }


def run(bench: Bench) -> Result:
    bench.say(f"{RATE}/s, dispatch killed twice")
    rate = _rate(bench)
    bench.say("Retry-After")
    wait = _retry_after(bench)
    result = Result(raw={"rate": rate, "retry_after": wait})
    rows = [[f"{RATE}/s", number(rate["seconds"]), rate["calls"], f"{rate['share'] * 100:.2f} %", rate["busiest"]]]
    result.tables.append(
        table("A rate, dispatch killed twice", ["rate", "seconds", "calls", "of what the rate allows", "busiest second"], rows)
    )
    rows = [[wait["asked"], wait["commands"], wait["inside"], number(wait["back_after"]), wait["busiest_after"]]]
    columns = ["Retry-After s", "commands", "calls before that", "first call after s", "busiest second then"]
    result.tables.append(table("Retry-After", columns, rows))
    points = [[second, count] for second, count in enumerate(rate["by_second"])]
    result.plots.append(plot.lines("Calls at 100/s", "seconds", "a second", [{"name": "calls", "points": points}]))
    if wait["inside"]:
        raise world.Failed(f"{wait['inside']} calls came before Retry-After had passed")
    return result
