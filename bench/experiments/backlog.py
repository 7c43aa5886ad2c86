"""What a long queue costs: throughput over it, memory, the time to be back after a restart."""

import json
import time

import plot
import world
from bench import Bench, Result
from figures import number, spread, summary
from report import table

ASKS = (
    "What do a million and ten million open commands cost: throughput over them, memory, and the time to be back after a restart?"
)
HOW = """The third party hangs while batches of 1,000 commands of 400 bytes are submitted, so that the queue stands; then the private memory of
all actors is read, the whole node is killed (SIGKILL) and started again, and the clock runs until it says that it is ready, and on until
its first call succeeds. Then the third party is well, and for some seconds 64 connections submit as fast as they
are answered: throughput is what succeeds in that time. The empty node's is measured the same way before and after each queue, and the
ratio is to the mean of the two. Pages of the journal's file that the kernel caches are nobody's private memory."""
SECONDS = 900
QUICK_SECONDS = 6
SIZES = (1_000_000, 10_000_000)
BATCH = 1000


def _batch_file(bench: Bench) -> str:
    """Bodies of 400 bytes, one a line, as the batch endpoint takes them."""
    path = bench.folder / "batch.ndjson"
    with open(path, "w", encoding="utf-8") as file:
        for index in range(BATCH):
            head = json.dumps({"instance": f"i-{index}", "pad": ""}, separators=(",", ":"))
            file.write(head[:-2] + "x" * (world.BODY_BYTES - len(head)) + head[-2:] + "\n")
    return str(path)


def _fill(bench: Bench, node: world.Node, size: int, batch: str) -> float:
    """Submits so many; commands a second."""
    url = node.submit_url.replace("/commands", "/batch")
    load = world.Load(
        url, connections=4, count=size // BATCH, timeout=120, body_file=batch, header="Content-Type: application/x-ndjson"
    )
    began = time.monotonic()
    while load.running():
        bench.say(f"{number(size)}: {number(node.open_commands())} are open")
        time.sleep(1 if not bench.quick else 0.1)
    report = load.result()
    if report["failed"] or report["unsent"]:
        raise world.Failed(f"{report['failed']} of {report['requests']} batches were not accepted: {report['statuses']}")
    return size / (time.monotonic() - began)


def _throughput(bench: Bench, node: world.Node, seconds: float) -> float:
    """Commands that succeed a second while 64 connections submit."""
    before, began = node.commands()["succeeded"], time.monotonic()
    world.load(node.submit_url, duration=seconds)
    return (node.commands()["succeeded"] - before) / (time.monotonic() - began)


def _empty(bench: Bench, third: world.StandIn) -> dict:
    with world.Node(bench.folder, world.pipelines(third.url)) as node:
        rate = _throughput(bench, node, bench.seconds(10))
        node.wait_quiet(300)
        return {"rate": rate, "private_mb": sum(node.private_mb().values())}


def _with(bench: Bench, third: world.StandIn, size: int, batch: str) -> dict:
    """A queue of that size, and everything that is asked of it."""
    text = world.pipelines(third.url).replace("timeout = 10s", "timeout = 1h")
    state = bench.folder / "backlog"
    third.mood(hang=1)
    with world.Node(bench.folder, text, state, keep=True) as node:
        filled = _fill(bench, node, size, batch)
        private = node.private_mb()
        node.kill()  # Its hung calls with it: they are uncertain, and come again
    third.mood(clear=1)
    with world.Node(bench.folder, text, state) as node:
        began = time.monotonic()
        before = node.commands()["succeeded"]
        world.wait_until(lambda: node.commands()["succeeded"] > before, "a call succeeds after the restart", 60)
        first_call_s = node.ready_s + time.monotonic() - began
        over = _throughput(bench, node, bench.seconds(10))
        after = node.private_mb()
        file_mb = (state / "journal/data.mdb").stat().st_blocks * 512 / 2**20
    return {
        "size": size,
        "fill_rate": filled,
        "private_mb": max(sum(private.values()), sum(after.values())),
        "private_mb_by_actor": private,
        "ready_s": node.ready_s,
        "first_call_s": first_call_s,
        "rate": over,
        "file_mb": file_mb,
    }


def run(bench: Bench) -> Result:
    sizes = (20_000,) if bench.quick else [max(BATCH, int(size * min(1, bench.options.scale))) for size in SIZES]
    batch = _batch_file(bench)
    turns = []
    with world.StandIn(bench.folder) as third:
        empty = [_empty(bench, third)]
        for size in sizes:
            bench.say(f"{number(size)} open commands")
            one = _with(bench, third, size, batch)
            bench.say("empty again")
            empty.append(_empty(bench, third))
            one["ratio"] = one["rate"] / ((empty[-2]["rate"] + empty[-1]["rate"]) / 2)
            turns.append(one)
    return _result(empty, turns)


def _result(empty: list[dict], turns: list[dict]) -> Result:
    result = Result(raw={"empty": empty, "turns": turns})
    for one in turns:
        if one["size"] == 10_000_000:
            result.figures["over 10 M ÷ empty"] = summary([one["ratio"]])
            result.figures["private MB at 10 M"] = summary([one["private_mb"]])
            result.figures["ready s at 10 M"] = summary([one["ready_s"]])
    private = summary([one["private_mb"] for one in empty])
    rows = [["0", spread(summary([one["rate"] for one in empty])), "1", spread(private), "–", "–", "–", "–"]]
    for one in turns:
        row = [number(one["size"]), number(one["rate"]), number(one["ratio"]), number(one["private_mb"]), number(one["ready_s"])]
        rows.append([*row, number(one["first_call_s"]), number(one["file_mb"]), number(one["fill_rate"])])
    columns = ["open", "carried/s over it", "÷ empty", "private MB", "ready s", "first success s", "file MB", "filled at/s"]
    note = "Private memory: the larger of before the restart and under load after it. Ready counts from the start of the new process, after a kill -9."
    result.tables.append(table("Over a backlog", columns, rows, note))
    bars = [{"name": "empty", "values": [summary([one["rate"] for one in empty])["median"]]}]
    bars += [{"name": f"{number(one['size'])} open", "values": [one["rate"]]} for one in turns]
    result.plots.append(plot.bars("Carried a second over a backlog", "commands a second", ["carried"], bars))
    names = list(turns[0]["private_mb_by_actor"])
    bars = [
        {"name": f"{number(one['size'])} open", "values": [one["private_mb_by_actor"].get(name, 0) for name in names]}
        for one in turns
    ]
    result.plots.append(plot.bars("Private memory by actor, with the queue standing", "MB", names, bars))
    return result
