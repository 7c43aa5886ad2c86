"""The same work by what people would otherwise use."""

import time

import plot
import world
from bench import Bench, Result
from experiments.carry import carried
from figures import middle, number, ratio, spread, summary
from report import table

ASKS = "How does Holdfast compare with durable queues as their own users would set them up, for the same work?"
HOW = """The work: an HTTP POST of 400 bytes, durable before it is answered, then an HTTP POST to the stand-in, recorded. 64 connections submit as
fast as they are answered for some seconds (each peer after a warm-up, for Node to compile); the clock runs until the store itself says that nothing
is pending. Holdfast and the peers take turns. Each peer is set up by its own documentation, durable to the disk (bench/peers, its configuration
below); what a kill -9 or a power cut can lose stands in the table. CPU is that of all its processes, the store's included."""
IN_FLIGHT = 128  # As many as each peer's worker has at once
SECONDS = 420
QUICK_SECONDS = 5


def _wanted(bench: Bench) -> tuple[list, dict]:
    """The peers that can be had, and why the others can't."""
    try:
        import peers
    except ImportError:
        raise world.Failed("bench/peers is not there") from None
    found, without = [], {}
    for name in bench.options.peers or (() if bench.quick else peers.NAMES):
        bench.say(f"installing {name}")
        try:
            peer = peers.load(name)
            peer.install()
            found.append(peer)
        except peers.Unavailable as error:
            without[name] = str(error)
    return found, without


def _wait(running, condition, what: str, seconds: float, every: float) -> None:
    """As world.wait_until; a store that cannot be asked is named as that, and not as one that is slow."""
    try:
        world.wait_until(condition, what, seconds, every)
    except world.Failed as error:
        raise world.Failed(f"{error}{': ' if running.uncounted else ''}{running.uncounted}") from error


def _turn(bench: Bench, peer, third: world.StandIn, number_of: int) -> dict:
    """One run of a peer, in a folder of its own."""
    seconds = bench.seconds(8)
    with peer.start(bench.folder / f"{peer.name}-{number_of}", f"{third.url}/do") as running:
        # Node compiles what it runs often, and its first seconds are not what a service that runs for weeks is like.
        world.load(running.accept_url, duration=bench.seconds(2, 0.2))
        _wait(running, lambda: running.pending() == 0, f"{peer.name} has carried out its warm-up", 120, 0.2)
        first, before, began = third.stats()["requests"], sum(running.cpu_seconds().values()), time.monotonic()
        report = world.load(running.accept_url, duration=seconds)

        def ended() -> bool:
            # A store is asked only once the last call was made: to count a backlog costs some of them more than to carry it.
            return third.stats()["requests"] - first >= report["acknowledged"] and running.pending() == 0

        _wait(running, ended, f"{peer.name} has carried out what it accepted", max(120, seconds * 30), 0.02)
        took = time.monotonic() - began
        cpu = sum(running.cpu_seconds().values()) - before
    if not report["acknowledged"]:
        raise world.Failed(f"{peer.name} accepted nothing: {report['statuses']} {report['errors']}")
    return {
        "rate": report["acknowledged"] / took,
        "accept_rate": report["rate"],
        "p99_ms": report["latency_ms"]["p99"],
        "failed": report["failed"],
        "cpu_us": cpu * 1e6 / report["acknowledged"],
        "seconds": took,
    }


def _ours(bench: Bench, third: world.StandIn) -> dict:
    with world.Node(bench.folder, world.pipelines(third.url, IN_FLIGHT)) as node:
        one = carried(bench, node, bench.seconds(8))
    return {
        "rate": one["rate"],
        "accept_rate": one["load"]["rate"],
        "p99_ms": one["load"]["latency_ms"]["p99"],
        "failed": 0,
        "cpu_us": one["cpu_us"],
        "seconds": one["seconds"],
    }


def run(bench: Bench) -> Result:
    some, without = _wanted(bench)
    turns = {"holdfast": [], **{peer.name: [] for peer in some}}
    with world.StandIn(bench.folder) as third:
        for number_of in range(bench.runs):
            bench.say(f"run {number_of + 1} of {bench.runs}: Holdfast")
            turns["holdfast"].append(_ours(bench, third))
            for peer in some:
                if peer.name in without:
                    continue
                bench.say(f"run {number_of + 1} of {bench.runs}: {peer.title}")
                try:
                    turns[peer.name].append(_turn(bench, peer, third, number_of))
                except Exception as error:  # One peer's trouble is not to cost the others
                    without[peer.name] = str(error)
    return _result(bench, turns, some, without)


def _result(bench: Bench, turns: dict, some: list, without: dict) -> Result:
    result = Result(raw={"turns": turns, "without": without})
    measured = [peer for peer in some if turns[peer.name]]
    ours = [one["rate"] for one in turns["holdfast"]]
    rows = [["Holdfast", spread(summary(ours)), "1", *_columns(turns["holdfast"])]]
    bars = [{"name": "Holdfast", "values": [summary(ours)["median"]]}]
    best = None
    for peer in measured:
        rates = [one["rate"] for one in turns[peer.name]]
        against = ratio(ours, rates)
        best = against if best is None or against["median"] < best["median"] else best
        rows.append([peer.title, spread(summary(rates)), spread(against), *_columns(turns[peer.name])])
        bars.append({"name": peer.title, "values": [summary(rates)["median"]], "ours": False})
    if best:
        result.figures["carried ÷ best peer"] = best
    columns = ["", "carried/s", "Holdfast ÷ it", "accepted/s", "accept p99 ms", "CPU µs a command", "refused"]
    note = "; ".join(f"{name}, {len(turns.get(name, []))} of {bench.runs} runs: {reason}" for name, reason in without.items())
    result.tables.append(table("The same work", columns, rows, note))
    claims = [
        [
            "Holdfast",
            "202: on disk (fdatasync)",
            "nothing acknowledged",
            "nothing acknowledged, where the disk keeps what it has synced",
        ]
    ]
    claims += [[peer.title, peer.accepted, peer.kill_9, peer.power_cut] for peer in measured]
    result.tables.append(
        table("What an accept means, what can be lost", ["", "accepted", "kill -9 loses", "a power cut loses"], claims)
    )
    for peer in measured:
        versions = ", ".join(f"{name} {version}" for name, version in peer.versions().items())
        files = "\n\n".join(f"# {name}\n{(peer.folder / name).read_text().strip()}" for name in peer.configuration)
        result.texts[f"{peer.title}: {versions}"] = files
    result.plots.append(plot.bars("Commands carried to the end", "commands a second", ["carried"], bars))
    return result


def _columns(some: list[dict]) -> list[str]:
    medians = [middle([one[name] for one in some]) for name in ("accept_rate", "p99_ms", "cpu_us")]
    return [*medians, number(sum(one["failed"] for one in some))]
