"""What a long queue costs: throughput over it, memory, the time to be back after a restart."""

import json
import pathlib
import shutil
import time

import plot
import world
from bench import Bench, Result
from figures import number, ratio, spread, summary
from report import table

ASKS = (
    "What do a million and ten million open commands cost: throughput over them, memory, and the time to be back after a restart?"
)
HOW = """The third party hangs while batches of 1,000 commands of 400 bytes are submitted, so that the queue stands; then the private memory of
all actors is read and the whole node is killed (SIGKILL). In turns with a node on an empty journal it is started again: the clock runs
until it says that it is ready, and on until its first call succeeds; then, the third party being well, 64 connections submit as fast as they
are answered for some seconds, and throughput is what succeeds in that time; then it is killed again. What a turn carries out leaves the
queue, some ten thousands of the millions. Pages of the journal's file that the kernel caches are nobody's private memory."""
SECONDS = 240
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
        rate = _throughput(bench, node, bench.seconds(6))
        node.wait_quiet(300)
        return {"rate": rate, "private_mb": sum(node.private_mb().values())}


def _again(bench: Bench, text: str, state: pathlib.Path) -> dict:
    """The node with the queue, started, asked, and killed."""
    with world.Node(bench.folder, text, state, keep=True) as node:
        began = time.monotonic()
        before = node.commands()["succeeded"]
        world.wait_until(lambda: node.commands()["succeeded"] > before, "a call succeeds after the restart", 60)
        first_call_s = node.ready_s + time.monotonic() - began
        rate = _throughput(bench, node, bench.seconds(6))
        private = sum(node.private_mb().values())
        node.kill()
    return {"ready_s": node.ready_s, "first_call_s": first_call_s, "rate": rate, "private_mb": private}


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
    empty, over = [], []
    for turn in range(bench.runs):
        bench.say(f"{number(size)} open, run {turn + 1} of {bench.runs}")
        empty.append(_empty(bench, third))
        over.append(_again(bench, text, state))
    file_mb = (state / "journal/data.mdb").stat().st_blocks * 512 / 2**20
    shutil.rmtree(state)
    return {"size": size, "fill_rate": filled, "private_mb_by_actor": private, "empty": empty, "over": over, "file_mb": file_mb}


def run(bench: Bench) -> Result:
    sizes = (20_000,) if bench.quick else [max(BATCH, int(size * min(1, bench.options.scale))) for size in SIZES]
    batch = _batch_file(bench)
    with world.StandIn(bench.folder) as third:
        return _result([_with(bench, third, size, batch) for size in sizes])


def _figures(one: dict) -> dict:
    """Of one size, the medians."""
    empty, over = one["empty"], one["over"]
    standing = sum(one["private_mb_by_actor"].values())
    return {
        "rate": summary([turn["rate"] for turn in over]),
        "ratio": ratio([turn["rate"] for turn in over], [turn["rate"] for turn in empty]),
        "private_mb": summary([max(standing, turn["private_mb"]) for turn in over]),
        "ready_s": summary([turn["ready_s"] for turn in over]),
        "first_call_s": summary([turn["first_call_s"] for turn in over]),
    }


def _result(turns: list[dict]) -> Result:
    result = Result(raw={"turns": turns})
    empty = [turn for one in turns for turn in one["empty"]]
    private = summary([turn["private_mb"] for turn in empty])
    rows = [["0", spread(summary([turn["rate"] for turn in empty])), "1", spread(private), "–", "–", "–", "–"]]
    for one in turns:
        of = _figures(one)
        rows.append(
            [number(one["size"]), *(spread(figure) for figure in of.values()), number(one["file_mb"]), number(one["fill_rate"])]
        )
        if one["size"] == 10_000_000:
            result.figures |= {
                "over 10 M ÷ empty": of["ratio"],
                "private MB at 10 M": of["private_mb"],
                "ready s at 10 M": of["ready_s"],
            }
    columns = ["open", "carried/s over it", "÷ empty", "private MB", "ready s", "first success s", "file MB", "filled at/s"]
    note = "Private memory: the larger of with the queue standing and under load. Ready counts from the start of the new process, after a kill -9."
    result.tables.append(table("Over a backlog", columns, rows, note))
    bars = [{"name": "empty", "values": [summary([turn["rate"] for turn in empty])["median"]]}]
    bars += [{"name": f"{number(one['size'])} open", "values": [_figures(one)["rate"]["median"]]} for one in turns]
    result.plots.append(plot.bars("Carried a second over a backlog", "commands a second", ["carried"], bars))
    names = list(turns[0]["private_mb_by_actor"])
    bars = [
        {"name": f"{number(one['size'])} open", "values": [one["private_mb_by_actor"].get(name, 0) for name in names]}
        for one in turns
    ]
    result.plots.append(plot.bars("Private memory by actor, with the queue standing", "MB", names, bars))
    return result
