"""How long an accept takes, from little work to more than there can be."""

import plot
import world
from bench import Bench, Result
from figures import number, ratio, spread, summary
from report import table

ASKS = (
    "How long does a user wait for the durable 202, from little work up to more than the node can take, and what does it do then?"
)
HOW = """Saturation is what a closed loop of 256 connections gets accepted. Then open loops offer shares of it, over 256 connections, each on a
fresh node: request number n is meant to be sent at n ÷ rate, whatever became of the others, and its latency counts from then, so that a
stall counts for everybody who came while it lasted. Beyond saturation the table tells what was refused (503) and what was left waiting. The
disk's control, one append of 480 bytes with fdatasync at a time on the same disk, takes turns with the runs at half of saturation."""
SECONDS = 120
QUICK_SECONDS = 4
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.25, 1.5, 2.0)
CONNECTIONS = 256
PATIENCE_S = 10  # A user's; what takes longer has failed


def _open_loop(bench: Bench, third: world.StandIn, rate: float, seconds: float) -> dict:
    with world.Node(bench.folder, world.pipelines(third.url)) as node:
        world.load(node.submit_url, duration=bench.seconds(0.5, 0.1))  # What is done once is done before
        return world.load(
            node.submit_url, rate=rate, duration=seconds, connections=CONNECTIONS, timeout=PATIENCE_S, by_second=True
        )


def run(bench: Bench) -> Result:
    half, disk, sweep = [], [], []
    with world.StandIn(bench.folder) as third:
        bench.say("saturation")
        closed = []
        for _ in range(bench.runs):
            with world.Node(bench.folder, world.pipelines(third.url)) as node:
                closed.append(world.load(node.submit_url, duration=bench.seconds(4), connections=CONNECTIONS)["rate"])
        saturation = summary(closed)["median"]
        for turn in range(bench.runs):
            bench.say(f"half of saturation, run {turn + 1} of {bench.runs}")
            disk.append(world.disk_probe(bench.folder, 1, bench.seconds(1, 0.1)))
            half.append(_open_loop(bench, third, saturation * 0.5, bench.seconds(6)))
        for share in (0.5, 1.5) if bench.quick else SHARES:
            bench.say(f"{share:g} of saturation")
            sweep.append(
                {
                    "share": share,
                    "offered": saturation * share,
                    "load": _open_loop(bench, third, saturation * share, bench.seconds(6)),
                }
            )
    return _result(closed, half, disk, sweep)


def _result(closed, half, disk, sweep) -> Result:
    p99 = [one["latency_ms"]["p99"] for one in half]
    sync = [one["sync_ms"]["p50"] for one in disk]
    against = ratio(p99, sync)
    result = Result(
        figures={"accept p99 ÷ fdatasync": against}, raw={"closed": closed, "half": half, "disk": disk, "sweep": sweep}
    )
    late = [one["sync_ms"]["p99"] for one in disk]
    row = [number(summary(closed)["median"] / 2), spread(summary(p99)), spread(summary(sync)), spread(against)]
    rows = [[*row, spread(summary(late)), spread(ratio(p99, late))]]
    columns = ["offered/s", "accept p99 ms", "fdatasync, median ms", "ratio", "fdatasync, p99 ms", "p99 ÷ p99"]
    result.tables.append(table("At half of saturation", columns, rows))
    rows = []
    for one in sweep:
        load = one["load"]
        shares = [number(load["latency_ms"][name]) for name in ("p50", "p99", "p99.9")]
        refused = load["statuses"].get("503", 0)
        broken = sum(load["errors"].values()) - refused
        rows.append([f"{one['share']:g}", number(one["offered"]), number(load["rate"]), *shares, refused, broken, load["unsent"]])
    columns = ["of saturation", "offered/s", "accepted/s", "p50 ms", "p99 ms", "p99.9 ms", "refused 503", "failed", "never sent"]
    note = f"Failed: no answer within {PATIENCE_S} s, or a broken connection. Never sent: no connection was free in time."
    result.tables.append(table("By offered rate", columns, rows, note))
    names = ("p50", "p99", "p99.9")
    series = [{"name": name, "points": [[one["offered"], one["load"]["latency_ms"][name]] for one in sweep]} for name in names]
    result.plots.append(plot.lines("Accept latency by offered rate", "offered a second", "ms", series, log_y=True))
    accepted = [{"name": "accepted a second", "points": [[one["offered"], one["load"]["rate"]] for one in sweep]}]
    accepted.append({"name": "offered", "points": [[one["offered"], one["offered"]] for one in sweep]})
    result.plots.append(plot.lines("What overload does: accepted by offered rate", "offered a second", "a second", accepted))
    return result
