"""One third party that hangs among a hundred: what the others' commands wait."""

import world
from bench import Bench, Result
from figures import number, ratio, spread, summary
from report import table

ASKS = "Do the commands of 99 destinations wait longer because the hundredth hangs?"
HOW = """A hundred destinations with a pipeline each, all at the same stand-in; an open loop of 500 commands a second goes round them. The time
from when a POST was meant to be sent until the stand-in had read the call, by the load generator's and the stand-in's own records, over all
destinations but the first. In turn: the first one answers like the others; the first one never answers (timeout 10 s, 64 at once)."""
SECONDS = 80
QUICK_SECONDS = 6
COUNT = 100
RATE = 500


def _turn(bench: Bench, hangs: bool) -> dict:
    acks = bench.folder / "acks"
    with world.StandIn(bench.folder, log=True, gather_us=0) as third:
        text = world.pipelines(third.url, 64, COUNT)
        text = text.replace(f"{third.url}/do-0/", f"{third.url}/hang/do-0/") if hangs else text
        with world.Node(bench.folder, text) as node:
            url = node.submit_url.replace("/bench/", "/bench-{n}/")
            report = world.load(url, rate=RATE, duration=bench.seconds(12, 1), connections=128, spread=COUNT, acks=acks)
            others = report["acknowledged"] - report["acknowledged"] // COUNT - 1
            world.wait_until(
                lambda: third.stats()["by_status"].get("200", 0) >= others, "all the others are carried out", 120, 0.05
            )
            arrived = {key: at for at, outcome, key, _, _, path in third.lines() if outcome == "200" and "do-0/" not in path}
            node.kill()  # A stop would wait for the calls that hang
    delays = []
    for line in acks.read_text().splitlines():
        identity, _, _, _, intended_ms = line.split()
        if identity in arrived:
            delays.append(arrived[identity] - int(intended_ms))
    delays.sort()
    at = lambda share: delays[min(len(delays) - 1, int(len(delays) * share))]
    return {"hangs": hangs, "commands": len(delays), "p50": at(0.5), "p99": at(0.99)}


def run(bench: Bench) -> Result:
    well, ill = [], []
    for turn in range(bench.runs):
        bench.say(f"run {turn + 1} of {bench.runs}")
        well.append(_turn(bench, False))
        ill.append(_turn(bench, True))
    result = Result(raw={"none hangs": well, "one hangs": ill})
    rows = []
    for name, turns in (("none hangs", well), ("one hangs", ill)):
        rows.append(
            [
                name,
                turns[0]["commands"],
                spread(summary([one["p50"] for one in turns])),
                spread(summary([one["p99"] for one in turns])),
            ]
        )
    against = ratio([max(1, one["p99"]) for one in ill], [max(1, one["p99"]) for one in well])
    rows.append(["ratio of p99", "", "", spread(against)])
    result.tables.append(
        table(
            f"From POST to call at {number(RATE)}/s over {COUNT} destinations, the first one left out",
            ["", "commands", "p50 ms", "p99 ms"],
            rows,
        )
    )
    return result
