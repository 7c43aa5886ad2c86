"""Commands carried to their end: how many a second, how fast one is, whether the queue holds still, whether any is lost."""

import json
import subprocess
import time

import plot
import world
from bench import Bench, Result
from figures import number, ratio, spread, summary
from report import table

ASKS = "How many commands a second go from POST to the third party's answer on record, beside a bare libcurl loop on the same stand-in?"
HOW = """Rate: 64 connections submit as fast as they are answered for some seconds; the clock runs from the first POST until the last of
these commands has its answer on record, so that what was only accepted counts for nothing. In turn with it, curl-loop makes the same
POSTs to the same stand-in, 512 at once as the node's destination allows, with no journal, queue or retry. Sustained: an open loop at 0.9,
0.75, 0.6 and so on of that rate (or just --rate), the queue read each second, until there is a rate at which it does not grow: while
commands come the processors are shared with accepting them. Latency: an open loop at half of that rate; from when a POST was meant to be sent
until the stand-in had read the call, by the load generator's and the stand-in's own records (both to the millisecond). The same records are
the loss check: each acknowledged id has to have arrived, with the body that was acknowledged."""
SECONDS = 110
QUICK_SECONDS = 4
IN_FLIGHT = 512  # A place is taken for one commit and some hops besides the call, which takes 1 to 2 ms here
SHARES = (0.9, 0.75, 0.6, 0.45, 0.3)  # Of what is carried in all, to be tried as a rate that can go on for ever
STILL = 0.01  # A queue that grows by less than this share of the rate holds still


def carried(bench: Bench, node: world.Node, seconds: float, connections: int = 64) -> dict:
    """Submits for so long; until the last is recorded. {"commands", "seconds", "rate", "cpu_us", "cpu_us_by_actor", "load"}"""
    before, began = node.cpu_seconds(), time.monotonic()
    report = world.load(node.submit_url, connections=connections, duration=seconds)
    node.wait_quiet(max(60.0, seconds * 20))
    took = time.monotonic() - began
    after = node.cpu_seconds()
    succeeded = node.commands()["succeeded"]
    if report["failed"] or succeeded < report["acknowledged"]:
        raise world.Failed(f"{report['acknowledged']} were acknowledged, {report['failed']} refused, {succeeded} succeeded")
    by_actor = {name: (after[name] - before.get(name, 0)) * 1e6 / report["acknowledged"] for name in after}
    return {
        "commands": report["acknowledged"],
        "seconds": took,
        "rate": report["acknowledged"] / took,
        "cpu_us": sum(by_actor.values()),
        "cpu_us_by_actor": by_actor,
        "load": report,
    }


def curl_loop(third: world.StandIn, seconds: float) -> dict:
    """The bare libcurl loop: {"rate", "cpu_us_per_request", …}"""
    argv = [world.BUILD / "curl-loop", "--url", f"{third.url}/do/i-{{n}}", "--in-flight", IN_FLIGHT, "--duration", seconds]
    argv += ["--body-bytes", world.BODY_BYTES, "--json"]
    done = subprocess.run([str(one) for one in argv], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise world.Failed(f"curl-loop: {done.stderr.strip() or 'some requests were not answered 2xx'}")
    return json.loads(done.stdout)


def _sustained(bench: Bench, third: world.StandIn, rate: float) -> dict:
    """An open loop at that rate, and the queue second by second."""
    seconds = bench.seconds(15, 1)
    with world.Node(bench.folder, world.pipelines(third.url, IN_FLIGHT)) as node:
        load = world.Load(node.submit_url, rate=rate, duration=seconds, connections=256, by_second=True)
        began, queue = time.monotonic(), []
        while load.running():
            counts = node.commands()
            open_now = counts["accepted"] + counts["calling"] + counts["waiting"]
            queue.append([time.monotonic() - began, open_now, counts["succeeded"]])
            time.sleep(min(1.0, seconds / 5))
        report = load.result()
        node.wait_quiet(300)
    growth = _growth(queue)
    return {"rate": rate, "load": report, "queue": queue, "growth": growth, "holds": growth < STILL * rate}


def _growth(queue: list[list]) -> float:
    """Commands a second by which the queue grew over the second half of the run: least squares; the first half warms up."""
    late = queue[len(queue) // 2 :]
    if len(late) < 2:
        return 0.0
    mean_x = sum(row[0] for row in late) / len(late)
    mean_y = sum(row[1] for row in late) / len(late)
    below = sum((row[0] - mean_x) ** 2 for row in late)
    return sum((row[0] - mean_x) * (row[1] - mean_y) for row in late) / below if below else 0.0


def _latency_and_loss(bench: Bench, rate: float) -> dict:
    """An open loop; what was acknowledged is compared with what the third party got."""
    acks = bench.folder / "acks"
    with world.StandIn(bench.folder, log=True) as third, world.Node(bench.folder, world.pipelines(third.url, IN_FLIGHT)) as node:
        report = world.load(node.submit_url, rate=rate, duration=bench.seconds(10, 0.6), connections=256, acks=acks)
        node.wait_quiet(120)
        arrived, repeats = {}, 0
        for at, outcome, key, _, digest, _ in third.lines():
            if outcome == "200" and key in arrived:
                repeats += 1
            elif outcome == "200":
                arrived[key] = (at, digest)
    delays, lost, altered = [], 0, 0
    for line in acks.read_text().splitlines():
        identity, digest, _, _, intended_ms = line.split()
        if identity not in arrived:
            lost += 1
            continue
        altered += arrived[identity][1] != digest
        delays.append(arrived[identity][0] - int(intended_ms))
    if lost or altered:
        raise world.Failed(f"{lost} acknowledged commands never arrived, {altered} with another body")
    delays.sort()
    shares = {
        name: delays[min(len(delays) - 1, int(len(delays) * share))]
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
    }
    return {
        "rate": rate,
        "acknowledged": report["acknowledged"],
        "lost": lost,
        "altered": altered,
        "repeats": repeats,
        "ms": shares,
        "accept_ms": report["latency_ms"],
    }


def _find_sustained(bench: Bench, third: world.StandIn, reached: float) -> list[dict]:
    """Open loops, from much to less, until the queue holds still."""
    rates = [bench.options.rate] if bench.options.rate else [reached * share for share in SHARES]
    tried = []
    for rate in rates[-1:] if bench.quick else rates:
        bench.say(f"sustained, {rate:.0f}/s?")
        tried.append(_sustained(bench, third, max(50, rate)))
        if tried[-1]["holds"]:
            break
    return tried


def run(bench: Bench) -> Result:
    ours, curl = [], []
    with world.StandIn(bench.folder) as third:
        for turn in range(bench.runs):
            bench.say(f"run {turn + 1} of {bench.runs}: Holdfast, then libcurl")
            with world.Node(bench.folder, world.pipelines(third.url, IN_FLIGHT)) as node:
                ours.append(carried(bench, node, bench.seconds(8)))
            curl.append(curl_loop(third, bench.seconds(4)))
        reached = summary([one["rate"] for one in ours])["median"]
        sustained = _find_sustained(bench, third, reached)
    bench.say("latency and loss")
    arrived = _latency_and_loss(bench, max(50, reached * (0.2 if bench.quick else 0.5)))
    return _result(ours, curl, sustained, arrived)


def _result(ours, curl, sustained, arrived) -> Result:
    rates, bare = [one["rate"] for one in ours], [one["rate"] for one in curl]
    against = ratio(rates, bare)
    result = Result(
        figures={"carried ÷ libcurl": against},
        raw={"holdfast": ours, "curl_loop": curl, "sustained": sustained, "latency": arrived},
    )
    cpu, curl_cpu = summary([one["cpu_us"] for one in ours]), summary([one["cpu_us_per_request"] for one in curl])
    rows = [["Holdfast", spread(summary(rates)), spread(cpu)], ["bare libcurl loop", spread(summary(bare)), spread(curl_cpu)]]
    rows.append(["ratio", spread(against), number(cpu["median"] / curl_cpu["median"])])
    result.tables.append(table("Carried to the end", ["", "a second", "CPU µs a command"], rows))
    result.tables.append(_sustained_table(sustained))
    shares = arrived["ms"]
    rows = [
        [
            number(arrived["rate"]),
            *(number(shares[name]) for name in ("p50", "p99", "p99.9")),
            number(arrived["acknowledged"]),
            arrived["lost"],
            arrived["repeats"],
        ]
    ]
    columns = ["offered/s", "POST to call, p50 ms", "p99 ms", "p99.9 ms", "acknowledged", "lost", "called twice"]
    result.tables.append(table("From POST to the third party, and what was lost on the way", columns, rows))
    series = [{"name": f"{number(one['rate'])}/s", "points": [row[:2] for row in one["queue"]]} for one in sustained]
    result.plots.append(plot.lines("The queue by offered rate", "seconds", "open commands", series))
    return result


def _sustained_table(sustained: list[dict]) -> dict:
    rows = []
    for one in sustained:
        load, longest = one["load"], max(row[1] for row in one["queue"])
        text = "holds still" if one["holds"] else "grows"
        cells = (one["rate"], load["rate"], load["latency_ms"]["p99"], longest, one["growth"])
        rows.append([*(number(cell) for cell in cells), text])
    columns = ["offered/s", "accepted/s", "accept p99 ms", "longest queue", "growth/s", "the queue"]
    note = "Growth: commands a second by which the queue grew over the second half of the run."
    return table("Sustained", columns, rows, note)
