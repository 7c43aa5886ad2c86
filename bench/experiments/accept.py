"""Durable accepts a second, against what an HTTP server and a disk can do on this machine."""

import plot
import world
from bench import Bench, Result
from figures import middle, number, ratio, spread, summary
from report import table

ASKS = "How many commands a second does Holdfast accept durably, beside an HTTP server that keeps nothing and a bare log on the same disk?"
HOW = """Closed loop, 400-byte bodies, the same load generator against a fresh node and against nginx that answers a constant 202. For each
number of connections the two and a bare append with fdatasync take turns, and each of ours is divided by the control of its own turn. The
node carries out what it accepts all the while, against the stand-in on the same processors; at 64 connections a turn with its destination
paused tells what accepting alone would be. The bare log writes records of 480 bytes (a
body and what is kept about it), as many for each fdatasync as the node's journal took accepted commands into each commit in that turn."""
SECONDS = 170
QUICK_SECONDS = 4
CONNECTIONS = (1, 4, 16, 64, 256, 1024)
HEADLINE = 64


def _turn(bench: Bench, third: world.StandIn, nginx_url: str, connections: int) -> dict:
    """One of ours, one of nginx's, one of the disk's."""
    seconds = bench.seconds(4)
    with world.Node(bench.folder, world.pipelines(third.url)) as node:
        cpu = sum(node.cpu_seconds().values())
        ours = world.load(node.submit_url, connections=connections, duration=seconds)
        cpu = sum(node.cpu_seconds().values()) - cpu
        if not ours["acknowledged"] or ours["failed"]:
            raise world.Failed(
                f"{connections} connections: {ours['failed']} of {ours['requests']} were not accepted: {ours['statuses']}"
            )
        commits = max(1, node.fresh_actors()["journal"]["status"]["commits"])
    theirs = world.load(nginx_url, connections=connections, duration=bench.seconds(2))
    batch = min(max(1.0, ours["acknowledged"] / commits), 65536)
    disk = world.disk_probe(bench.folder, batch, bench.seconds(0.5, 0.1))
    return {"ours": ours, "nginx": theirs, "disk": disk, "batch": batch, "cpu_us": cpu * 1e6 / ours["acknowledged"]}


def _alone(bench: Bench, third: world.StandIn) -> dict:
    """Accepting with nothing carried out meanwhile."""
    with world.Node(bench.folder, world.pipelines(third.url)) as node:
        world.get_json(f"{node.url}/destinations/third/pause", {})
        return world.load(node.submit_url, connections=HEADLINE, duration=bench.seconds(4))


def run(bench: Bench) -> Result:
    levels = (1, HEADLINE) if bench.quick else CONNECTIONS
    turns = {level: [] for level in levels}
    with world.StandIn(bench.folder) as third, world.nginx(bench.folder) as nginx_url:
        for number_of in range(bench.runs):
            for level in levels:
                bench.say(f"run {number_of + 1} of {bench.runs}, {level} connections")
                turns[level].append(_turn(bench, third, nginx_url, level))
                if level == HEADLINE:
                    turns[level][-1]["alone"] = _alone(bench, third)
    return _result(turns)


def _result(turns: dict) -> Result:
    result = Result(raw={str(level): some for level, some in turns.items()})
    rows, series = [], {"Holdfast, durable 202": [], "nginx, constant 202": [], "bare append + fdatasync, same batch": []}
    bands = {name: [] for name in series}
    for level, some in turns.items():
        ours = [one["ours"]["rate"] for one in some]
        nginx = [one["nginx"]["rate"] for one in some]
        disk = [one["disk"]["records_per_second"] for one in some]
        for name, values in zip(series, (ours, nginx, disk)):
            of = summary(values)
            series[name].append([level, of["median"]])
            bands[name].append([level, of["low"], of["high"]])
        against = ratio(ours, nginx)
        if level == HEADLINE:
            result.figures["accept ÷ nginx"] = against
        p99 = summary([one["ours"]["latency_ms"]["p99"] for one in some])
        row = [level, spread(summary(ours)), spread(summary(nginx)), spread(against)]
        row += [middle([one["batch"] for one in some]), spread(ratio(ours, disk)), number(p99["median"])]
        rows.append(row + [middle([one["cpu_us"] for one in some]), _generator(some)])
    columns = [
        "connections",
        "durable 202s/s",
        "nginx 202s/s",
        "÷ nginx",
        "accepts a commit",
        "÷ bare log",
        "p99 ms",
        "CPU µs a 202",
        "generator µs",
    ]
    note = "CPU: all actors, what they carried out meanwhile included. Generator: the load generator's own CPU for each request."
    result.tables.append(table("Accepts a second", columns, rows, note))
    some = turns[HEADLINE]
    nginx, alone = [one["nginx"]["rate"] for one in some], [one["alone"]["rate"] for one in some]
    row = [spread(summary(alone)), spread(ratio(alone, nginx)), middle([one["alone"]["latency_ms"]["p99"] for one in some])]
    result.tables.append(table(f"Accepting alone, {HEADLINE} connections", ["durable 202s/s", "÷ nginx", "p99 ms"], [row]))
    lines = [{"name": name, "points": points, "low_high": bands[name]} for name, points in series.items()]
    levels = list(turns)
    result.plots.append(
        plot.lines("Accepts a second by connections", "connections", "a second", lines, log_x=True, log_y=True, x_values=levels)
    )
    return result


def _generator(some: list[dict]) -> str:
    return middle([one["ours"]["cpu_us_per_try"] for one in some])
