"""Does `holdfast simulate` tell what then happens?"""

import json
import subprocess
import time

import plot
import world
from bench import Bench, Result
from figures import number, ratio, spread, summary
from report import table

ASKS = "Does `holdfast simulate` say beforehand how long a queue takes to drain after an outage?"
HOW = """The same story twice: in virtual time, and for real with the stand-in. Commands come evenly; the third party takes 50 ms for a call, the
destination allows 16 at once; it is down for a while, then back. Drain time is from the end of the outage until no more commands are open
than before it. The real queue is read 20 times a second. The simulation is told arrivals, latency and outage, and nothing that was
measured in the real run."""
SECONDS = 130
QUICK_SECONDS = 5
RATE, DELAY_MS, CONCURRENCY = 100, 50, 16
RETRY = "        delay = 500ms\n        cap = 2s\n"


def _story(bench: Bench) -> dict:
    """When it goes down, for how long, and how long commands come: seconds, whole tenths."""
    before, down = bench.seconds(4, 0.3), bench.seconds(12, 0.5)
    return {"before": round(before, 1), "down": round(down, 1), "arrivals": round(before + down * 2.2, 1)}


def _simulated(bench: Bench, story: dict, seed: int) -> dict:
    zpl = bench.folder / "simulated.zpl"
    zpl.write_text(world.pipelines("http://127.0.0.1:1", CONCURRENCY, retry=RETRY))
    options = {"arrivals": f"{RATE}/s", "duration": f"{story['arrivals'] * 1000:.0f}ms", "latency": f"{DELAY_MS}ms"}
    options |= {"outage": f"{story['down'] * 1000:.0f}ms@{story['before'] * 1000:.0f}ms", "seed": str(seed)}
    argv = [str(world.BUILD / "holdfast"), "simulate", "bench", "--even", "--json"]
    argv += [part for name, value in options.items() for part in (f"--{name}", value)]
    done = subprocess.run([*argv, str(zpl)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise world.Failed(done.stderr.strip())
    said = json.loads(done.stdout)
    step = said["series"]["step_ms"] / 1000
    points = [[index * step, value] for index, value in enumerate(said["series"]["open"])]
    return {"drain_s": said["outages"][0]["caught_up_after_ms"] / 1000, "points": points, "command": " ".join(argv[1:])}


def _real(bench: Bench, story: dict) -> dict:
    with world.StandIn(bench.folder, "--delay", DELAY_MS) as third:
        with world.Node(bench.folder, world.pipelines(third.url, CONCURRENCY, retry=RETRY)) as node:
            load = world.Load(node.submit_url, rate=RATE, duration=story["arrivals"], connections=32)
            began, points, down_at = time.monotonic(), [], None
            while load.running() or node.open_commands():
                now = time.monotonic() - began
                points.append([now, node.open_commands()])
                if down_at is None and now >= story["before"]:
                    third.mood(down_ms=int(story["down"] * 1000))
                    down_at = time.monotonic() - began
                time.sleep(0.05)
            load.result()
    usual = max(value for at, value in points if at < down_at)
    back = down_at + story["down"]
    peak = max(range(len(points)), key=lambda index: points[index][1])
    drained = next(at for at, value in points[peak:] if value <= usual)
    return {"drain_s": drained - back, "points": points}


def run(bench: Bench) -> Result:
    story = _story(bench)
    simulated, real = [], []
    for turn in range(bench.runs):
        bench.say(f"run {turn + 1} of {bench.runs}")
        simulated.append(_simulated(bench, story, turn + 1))
        real.append(_real(bench, story))
    said, was = [one["drain_s"] for one in simulated], [one["drain_s"] for one in real]
    against = ratio(said, was)
    result = Result(figures={"simulated ÷ real": against}, raw={"story": story, "simulated": simulated, "real": real})
    peaks = [[max(value for _, value in one["points"]) for one in some] for some in (simulated, real)]
    rows = [["simulated", spread(summary(said)), spread(summary(peaks[0]))], ["real", spread(summary(was)), spread(summary(peaks[1]))]]
    rows.append(["simulated ÷ real", spread(against), spread(ratio(*peaks))])
    note = f"{RATE}/s come, {CONCURRENCY} calls of {DELAY_MS} ms at once, down for {number(story['down'])} s."
    result.tables.append(table("After an outage", ["", "drained in s", "longest queue"], rows, note))
    series = [{"name": "simulated", "points": simulated[0]["points"]}, {"name": "real", "points": real[0]["points"]}]
    marks = [{"from": story["before"], "to": story["before"] + story["down"], "name": "third party down"}]
    result.plots.append(plot.lines("The queue, simulated and real", "seconds", "open commands", series, marks=marks))
    return result
