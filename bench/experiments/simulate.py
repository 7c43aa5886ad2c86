"""What `holdfast simulate` says of an outage, and what becomes of one."""

import json
import subprocess
import time

import plot
import world
from bench import Bench, Result
from figures import number, ratio, spread, summary
from report import table

ASKS = "Does `holdfast simulate` say how long a backlog takes to drain, before there is one?"
HOW = """A node calls a stand-in that takes 200 ms for each answer, 40 at once: the third party is the limit, not this machine. Commands arrive at
100/s, evenly, throughout. The stand-in is down for some seconds, and the open commands are read twenty times a second until no more are
open than before: that is the real drain time, from when the stand-in listens again. `holdfast simulate` is asked the same of the same
pipeline file, with the same times. Half of what the third party bears is left over for the backlog, so that an error of 1 % in what a call
costs is one of 2 % in the drain time."""
SECONDS = 160
QUICK_SECONDS = 4
ARRIVALS = 100
LATENCY_MS = 200
CONCURRENCY = 40
EVERY_S = 0.05  # Between two readings
AFTER = 4  # Outages' lengths from its beginning until the last command comes
RETRY = "        delay = 200ms\n        cap = 1s\n"


class _Readings:
    """The open commands of a node, again and again: [[seconds, commands], …] since the load began."""

    def __init__(self, node: world.Node):
        self.node, self.began, self.rows = node, time.monotonic(), []

    def now(self) -> float:
        return time.monotonic() - self.began

    def read(self) -> int:
        self.rows.append([self.now(), self.node.open_commands()])
        return self.rows[-1][1]

    def read_until(self, at_s: float) -> None:
        while self.now() < at_s:
            self.read()
            time.sleep(EVERY_S)


def _real(bench: Bench, before_s: float, outage_s: float) -> dict:
    """{"drain_s", "outage_at_s", "open"}"""
    with world.StandIn(bench.folder, "--delay", LATENCY_MS) as third:
        with world.Node(bench.folder, world.pipelines(third.url, CONCURRENCY, retry=RETRY)) as node:
            load = world.Load(node.submit_url, rate=ARRIVALS, duration=before_s + outage_s * AFTER, connections=16)
            readings = _Readings(node)
            readings.read_until(before_s)
            usual = max(count for _, count in readings.rows)
            down_at = readings.now()
            third.mood(down_ms=int(outage_s * 1000))
            readings.read_until(down_at + outage_s)
            world.wait_until(lambda: readings.read() <= usual, "the backlog drains", outage_s * 10, EVERY_S)
            report = load.result()
            node.wait_quiet(60)
            if node.commands()["succeeded"] != report["acknowledged"]:
                raise world.Failed(f"{report['acknowledged']} were acknowledged, {node.commands()['succeeded']} succeeded")
    return {"drain_s": readings.rows[-1][0] - down_at - outage_s, "outage_at_s": down_at, "open": readings.rows}


def _simulated(bench: Bench, before_s: float, outage_s: float, outage_at_s: float) -> dict:
    """The same, as it is forecast for the same pipeline file."""
    outage = f"{outage_s * 1000:.0f}ms@{outage_at_s * 1000:.0f}ms"
    argv = [world.BUILD / "holdfast", "simulate", "bench", "--arrivals", f"{ARRIVALS}/s", "--even", "--outage", outage, "--json"]
    argv += [
        "--duration",
        f"{(before_s + outage_s * AFTER) * 1000:.0f}ms",
        "--latency",
        f"{LATENCY_MS}ms",
        bench.folder / "bench.zpl",
    ]
    done = subprocess.run([str(one) for one in argv], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise world.Failed(done.stderr.strip())
    forecast = json.loads(done.stdout)
    step_s = forecast["series"]["step_ms"] / 1000
    caught_up = forecast["outages"][0]["caught_up_after_ms"]
    if caught_up is None:
        raise world.Failed("the simulated backlog never drained")
    return {
        "drain_s": caught_up / 1000,
        "open": [[index * step_s, count] for index, count in enumerate(forecast["series"]["open"])],
    }


def run(bench: Bench) -> Result:
    before_s, outage_s = bench.seconds(4, 0.3), bench.seconds(8, 0.6)
    real, simulated = [], []
    for turn in range(bench.runs):
        bench.say(f"run {turn + 1} of {bench.runs}: an outage of {outage_s:.0f} s")
        real.append(_real(bench, before_s, outage_s))
        simulated.append(_simulated(bench, before_s, outage_s, real[-1]["outage_at_s"]))
    against = ratio([one["drain_s"] for one in simulated], [one["drain_s"] for one in real])
    result = Result(figures={"simulated ÷ real": against}, raw={"real": real, "simulated": simulated})
    rows = []
    for name, runs in (("real", real), ("simulated", simulated)):
        rows.append(
            [name, spread(summary([one["drain_s"] for one in runs])), number(max(count for _, count in runs[-1]["open"]))]
        )
    rows.append(["simulated ÷ real", spread(against), ""])
    result.tables.append(
        table(f"Draining after {number(outage_s)} s of outage at {ARRIVALS}/s", ["", "drain time, s", "most open"], rows)
    )
    down = real[-1]["outage_at_s"]
    series = [{"name": "real", "points": real[-1]["open"]}, {"name": "simulated", "points": simulated[-1]["open"]}]
    marks = [{"from": down, "to": down + outage_s, "name": "third party down"}]
    result.plots.append(plot.lines("An outage, real and simulated", "seconds", "open commands", series, marks=marks))
    return result
