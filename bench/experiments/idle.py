"""What a node costs that has nothing to do."""

import time

import plot
import world
from bench import Bench, Result
from figures import number, spread, summary
from report import table

ASKS = "What does a node cost that has nothing to do?"
HOW = """A node with one pipeline, left alone: CPU time of every process (user and system, as the kernel counts them) over some seconds after
its first ones, and memory that belongs to a process alone (Private_Clean and Private_Dirty of smaps_rollup)."""
SECONDS = 30
QUICK_SECONDS = 2


def _turn(bench: Bench, third: world.StandIn) -> tuple[dict, dict]:
    with world.Node(bench.folder, world.pipelines(third.url)) as node:
        time.sleep(bench.seconds(2, 0.2))
        seconds = bench.seconds(8)
        before = node.cpu_seconds()
        time.sleep(seconds)
        after = node.cpu_seconds()
        return {name: (after[name] - before[name]) / seconds * 100 for name in after}, node.private_mb()


def run(bench: Bench) -> Result:
    turns = []
    with world.StandIn(bench.folder) as third:
        for turn in range(bench.runs):
            bench.say(f"run {turn + 1} of {bench.runs}")
            turns.append(_turn(bench, third))
    names = list(turns[0][0])
    rows = []
    for name in names:
        rows.append(
            [name, spread(summary([cpu[name] for cpu, _ in turns])), spread(summary([memory[name] for _, memory in turns]))]
        )
    memory = summary([sum(one.values()) for _, one in turns])
    rows.append(["all", spread(summary([sum(cpu.values()) for cpu, _ in turns])), spread(memory)])
    bars = [{"name": name, "values": [summary([one[name] for _, one in turns])["median"]]} for name in names]
    result = Result(raw={"cpu_percent": [cpu for cpu, _ in turns], "private_mb": [one for _, one in turns]})
    result.tables.append(table("An idle node", ["actor", "% of one processor", "private MB"], rows))
    result.plots.append(
        plot.bars(f"Private memory of an idle node: {number(memory['median'])} MB in all", "MB", ["private"], bars)
    )
    return result
