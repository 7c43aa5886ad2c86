"""A third party that is down for half of a minute's load: what is called meanwhile, how the backlog comes back, whether anything is lost."""

import collections
import time

import plot
import world
from bench import Bench, Result
from figures import number
from report import table

ASKS = "What does a third party meet during and after an outage of 30 s at 2,000 commands a second, and is everything done soon after?"
HOW = """An open loop at 2,000/s for 60 s (--rate for another one). After 15 s the stand-in answers 503 to everything for 30 s (sick), in
another run nobody listens (down). The destination has a circuit (50 % of 20, cooldown 1 s). The stand-in's own log says how many requests
came in each second. Calls of the outage are those that it answered 503; the circuit needs some failures to open, and what was
in flight then counts too; from the second after on only probes are allowed, one a cooldown. Ramping is from the outage's end until the
backlog is gone; steady is the mean of the seconds before the outage."""
SECONDS = 240
QUICK_SECONDS = 20
COOLDOWN_S = 1.0
CIRCUIT = "    circuit\n        failures = 50%\n        of = 20\n        cooldown = 1s\n"


def _watch(node: world.Node, load: world.Load, seconds: float, wells: list) -> float:
    """Reads the destination each quarter second until everything has ended; when that was, by the wall clock."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        page = world.get_json(f"{node.url}/destinations/third")
        wells.append([time.time(), page["circuit"], page["queued"]])
        if not load.running() and page["queued"] + page["in_flight"] == 0:
            return time.time()
        time.sleep(0.25)
    raise world.Failed(f"not everything had ended within {seconds:.0f} s: {page['commands']}")


def one_outage(bench: Bench, kind: str, rate: float, before_s: float, outage_s: float, after_s: float) -> dict:
    seen: list = []
    retry = "        delay = 1s\n        cap = 10s\n        deadline = 10m\n"
    with (
        world.StandIn(bench.folder, log=True) as third,
        world.Node(bench.folder, world.pipelines(third.url, 64, extra=CIRCUIT, retry=retry)) as node,
    ):
        load = world.Load(node.submit_url, rate=rate, duration=before_s + outage_s + after_s, connections=256)
        time.sleep(before_s)
        began = time.time()
        third.mood(**({"status": 503} if kind == "sick" else {"down_ms": int(outage_s * 1000)}))
        time.sleep(outage_s)
        if kind == "sick":
            third.mood(clear=1)
        ended = time.time()
        drained = _watch(node, load, 180, seen)
        report, counts = load.result(), node.commands()
        calls = [(at / 1000, outcome) for at, outcome, *_ in third.lines()]
    return {
        "kind": kind,
        "began": began,
        "ended": ended,
        "drained": drained,
        "seen": seen,
        "load": report,
        "counts": counts,
        **_count(calls, began, ended, drained),
    }


def _count(calls: list, began: float, ended: float, drained: float) -> dict:
    """By seconds of the outage's own clock: second 0 is its first."""
    seconds = collections.Counter(int((at - began) // 1) for at, _ in calls)
    first_full = min(seconds) + 2  # The first one is not whole, and the next one still warms up
    well = [seconds[second] for second in range(first_full, 0)]
    steady = sum(well) / len(well) if well else 0.0
    bad = [at for at, outcome in calls if outcome == "503" and at >= began]
    after = int((ended - began) // 1)
    # Any second, not only the whole ones of a clock: each call begins one.
    times = sorted(at for at, _ in calls if at > ended)
    most, first = 0, 0
    for index, at in enumerate(times):
        while at - times[first] >= 1.0:
            first += 1
        most = max(most, index - first + 1)
    return {
        "seconds": sorted(seconds.items()),
        "steady": steady,
        "opening_calls": sum(1 for at in bad if at < began + 1),
        "probes": sum(1 for at in bad if at >= began + 1),
        "probes_allowed": (ended - began - 1) / COOLDOWN_S + 1,
        "ramp_most": most,
        "drain_s": drained - ended,
        "first_second_back": next((second - after for second in range(after, max(seconds) + 1) if seconds[second] > 1), 0),
    }


def run(bench: Bench) -> Result:
    rate = bench.options.rate or (200 if bench.quick else 2000)
    parts = [bench.seconds(15, 3), bench.seconds(30, 4), bench.seconds(15, 1)]
    runs = []
    for kind in ("sick",) if bench.quick else ("sick", "down"):
        bench.say(f"{kind}, {rate:.0f}/s")
        runs.append(one_outage(bench, kind, rate, *parts))
    result = Result(raw={"runs": runs})
    columns = [
        "the third party is",
        "steady/s",
        "calls until it opened",
        "probes",
        "allowed",
        "busiest second after ÷ steady",
        "all done after s",
        "accepted",
        "succeeded",
        "dead",
    ]
    rows = [
        [
            "sick: 503" if one["kind"] == "sick" else "down: nobody listens",
            number(one["steady"]),
            one["opening_calls"] if one["kind"] == "sick" else "–",
            one["probes"] if one["kind"] == "sick" else "–",
            number(one["probes_allowed"]),
            number(one["ramp_most"] / one["steady"] if one["steady"] else 0),
            number(one["drain_s"]),
            one["load"]["acknowledged"],
            one["counts"]["succeeded"],
            one["counts"]["dead"],
        ]
        for one in runs
    ]
    result.tables.append(
        table(
            "An outage",
            columns,
            rows,
            "Probes: answered 503 from the second second of the outage on. A busiest second is any 1,000 ms.",
        )
    )
    for one in runs:
        points = [[second, count] for second, count in one["seconds"]]
        result.plots.append(
            plot.lines(
                f"Requests that reached the third party ({one['kind']})",
                "seconds since the outage began",
                "a second",
                [{"name": "requests", "points": points}],
            )
        )
    bad = [
        one
        for one in runs
        if one["counts"]["dead"] or one["counts"]["succeeded"] < one["load"]["acknowledged"] or one["load"]["failed"]
    ]
    if bad:
        raise world.Failed(f"not every command succeeded: {bad[0]['counts']}")
    return result
