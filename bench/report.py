"""Results for people: tables on the terminal, and one HTML page that needs nothing but itself."""

import html
import json
import pathlib
import time

import plot
import targets

STYLE = """
:root { --paper: #fff; --ink: #1b1f24; --soft: #5c6670; --rule: #d9dee3; --box: #f5f7f9; --markA: #f6d7d0; --markB: #dbe7f5;
  --c0: #0b62b0; --c1: #c4501b; --c2: #2d7d46; --c3: #7a3fa8; --c4: #a8780a; --c5: #0e7f86; --c6: #b02a5b; --c7: #5c6670;
  --good: #2d7d46; --fair: #8a6206; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e4e8ec; --soft: #9aa5b0; --rule: #343b42; --box: #1d2226;
  --markA: #4a2a24; --markB: #23344a;
  --c0: #5aa9f0; --c1: #f0925f; --c2: #6cc088; --c3: #bd8fe6; --c4: #dcb14c; --c5: #53c3ca; --c6: #ee7ba3; --c7: #9aa5b0;
  --good: #6cc088; --fair: #dcb14c; --bad: #f28b82; } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1.25rem 5rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem } h2 { font-size: 1.3rem; margin: 3rem 0 .3rem; padding-top: .8rem; border-top: 1px solid var(--rule) }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem }
p { margin: .4rem 0; max-width: 46rem } .soft { color: var(--soft); font-size: .9rem } nav a { margin-right: 1rem; white-space: nowrap }
a { color: var(--c0) } code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .88em }
.scroll { overflow-x: auto } table { border-collapse: collapse; margin: .5rem 0; font-size: .92rem; font-variant-numeric: tabular-nums }
th, td { padding: .32rem .8rem .32rem 0; text-align: right; border-bottom: 1px solid var(--rule); vertical-align: top }
th { color: var(--soft); font-weight: 600 } th:first-child, td:first-child, .words { text-align: left !important }
.goal { color: var(--good); font-weight: 600 } .floor { color: var(--fair); font-weight: 600 } .missed { color: var(--bad); font-weight: 600 }
figure { margin: 1rem 0; padding: .8rem .6rem .4rem; background: var(--box); border-radius: 6px; overflow-x: auto }
figcaption { font-weight: 600; font-size: .95rem; padding: 0 .5rem .3rem } svg { width: 100%; min-width: 34rem; height: auto; display: block }
svg text { fill: var(--ink); font-family: inherit } svg .tick, svg .legend { font-size: 12px } svg .tick { fill: var(--soft) } svg .axis { font-size: 12.5px; fill: var(--soft) }
.grid { stroke: var(--rule); stroke-width: 1 } .line { fill: none; stroke-width: 2.2; stroke-linejoin: round } .spread { stroke-width: 1.4; opacity: .55 }
.mark0 { fill: var(--markA) } .mark1 { fill: var(--markB) }
details { margin: .6rem 0 } summary { cursor: pointer; color: var(--soft) } pre { overflow-x: auto; font-size: .82rem; background: var(--box); padding: .7rem; border-radius: 6px }
.failed { border-left: 4px solid var(--bad); padding-left: .8rem }
"""
STYLE += "".join(
    f".s{index} {{ stroke: var(--c{index}) }} .f{index} {{ fill: var(--c{index}) }}\n" for index in range(plot.COLOURS)
)


def table(title: str, columns: list[str], rows: list[list], note: str = "") -> dict:
    """A table of a result; cells are texts already (figures.number, figures.spread)."""
    return {"title": title, "columns": columns, "rows": [[str(cell) for cell in row] for row in rows], "note": note}


# ---- On the terminal

# Characters of a row; what is wider is told line by line.
TERMINAL_MOST = 200


def print_table(one: dict) -> None:
    rows = [one["columns"], *one["rows"]]
    widths = [max(len(row[index]) for row in rows) for index in range(len(one["columns"]))]
    print(f"\n  {one['title']}")
    if sum(widths) > TERMINAL_MOST:  # Sentences: one under the other
        for row in one["rows"]:
            print("    " + "\n      ".join([row[0], *(f"{name}: {cell}" for name, cell in zip(one["columns"][1:], row[1:]))]))
        rows = []
    for row in rows:
        cells = [cell.ljust(width) if index == 0 else cell.rjust(width) for index, (cell, width) in enumerate(zip(row, widths))]
        print("    " + "  ".join(cells).rstrip())
    if one.get("note"):
        print(f"    {one['note']}")


def print_result(result: dict) -> None:
    print(f"\n{result['experiment']}: {result['asks']}")
    if result.get("failed"):
        print(f"  FAILED: {result['failed']}")
    for one in result.get("tables", []):
        print_table(one)


# ---- As a page


def _table(one: dict) -> str:
    verdicts = {"goal met": "goal", "floor met": "floor", "missed": "missed"}
    words = [index and any(len(row[index]) > 40 for row in one["rows"]) for index in range(len(one["columns"]))]

    def cell(text: str, column: int) -> str:
        kind = verdicts.get(text) or ("words" if words[column] else "")
        return f'<td class="{kind}">{html.escape(text)}</td>' if kind else f"<td>{html.escape(text)}</td>"

    head = "".join(
        f'<th class="words">{html.escape(name)}</th>' if prose else f"<th>{html.escape(name)}</th>"
        for name, prose in zip(one["columns"], words)
    )
    body = "".join("<tr>" + "".join(cell(text, index) for index, text in enumerate(row)) + "</tr>" for row in one["rows"])
    note = f'<p class="soft">{html.escape(one["note"])}</p>' if one.get("note") else ""
    return f'<h3>{html.escape(one["title"])}</h3><div class="scroll"><table><tr>{head}</tr>{body}</table></div>{note}'


def _figure(one: dict) -> str:
    drawing = one["svg"] if one["kind"] == "svg" else plot.svg(one)
    return f'<figure><figcaption>{html.escape(one["title"])}</figcaption>{drawing}</figure>'


def _section(result: dict) -> str:
    where = result["machine"]
    out = f'<h2 id="{result["experiment"]}">{result["experiment"]}</h2><p>{html.escape(result["asks"])}</p>'
    if result.get("failed"):
        out += f'<p class="failed">Failed: {html.escape(result["failed"])}</p>'
    out += "".join(_figure(one) for one in result.get("plots", []))
    out += "".join(_table(one) for one in result.get("tables", []))
    out += f'<details><summary>How it was measured</summary><p>{html.escape(result["how"])}</p>'
    for title, text in result.get("texts", {}).items():
        out += f"<h3>{html.escape(title)}</h3><pre>{html.escape(text)}</pre>"
    out += "</details>"
    quick = " A quick run: it shows that the harness works, not how fast anything is." if result["quick"] else ""
    return out + (
        f'<p class="soft"><code>{html.escape(result["command"])}</code> · {result["began"]} · {result["seconds"]:.0f} s · '
        f'{html.escape(where["processor"])}, {where["memory"]} · kernel {where["kernel"]} · {html.escape(where["system"])} · '
        f'Holdfast {where["holdfast"]} ({where["commit"]}) · load average before {result["load_before"]:.1f}.{quick}</p>'
    )


def figures_of(results: list[dict]) -> dict[str, dict]:
    """The named figures of all results."""
    return {name: figure for result in results for name, figure in result.get("figures", {}).items()}


def targets_table(results: list[dict]) -> dict:
    rows = targets.rows(figures_of(results))
    if any(one["quick"] for one in results):
        rows = [[*row[:-1], "quick run"] for row in rows]
    return table(
        "Floors and goals",
        ["figure", "measured", "floor", "goal", ""],
        rows,
        "Medians, with the least and the largest of the runs. Not measured: the experiment was not run, or could not say.",
    )


def page(results: list[dict]) -> str:
    links = "".join(f'<a href="#{one["experiment"]}">{one["experiment"]}</a>' for one in results)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Holdfast, measured</title><style>{STYLE}</style></head><body><h1>Holdfast, measured</h1>"
        f'<p class="soft">Drawn {time.strftime("%F %T UTC", time.gmtime())} by <code>scripts/bench</code>; '
        "what each figure means and can’t say stands in docs/benchmarks.md.</p>"
        f"<nav>{links}</nav>{_table(targets_table(results))}{''.join(_section(one) for one in results)}</body></html>\n"
    )


def read(folder: pathlib.Path, order: list[str]) -> list[dict]:
    """The newest result of each experiment, in that order."""
    found = []
    for name in order:
        path = folder / f"{name}.json"
        if path.exists():
            found.append(json.loads(path.read_text()))
    return found


def write(folder: pathlib.Path, order: list[str]) -> pathlib.Path:
    """Draws the page of all results that are in the folder."""
    path = folder / "report.html"
    path.write_text(page(read(folder, order)))
    return path
