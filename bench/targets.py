"""What Holdfast promises of its speed, and whether a figure keeps it. A miss is a miss: nothing is rounded before it is compared."""

from figures import spread

# name of the figure in a result · what it is · floor · goal · unit · where less is better
TARGETS = (
    ("accept ÷ nginx", "durable accepts, 64 connections, ÷ nginx's constant 202", 0.30, 0.50, "", False),
    ("carried ÷ best peer", "commands carried to the end ÷ best peer", 4, 8, "", False),
    ("carried ÷ libcurl", "commands carried to the end ÷ bare libcurl loop on the same stand-in", 0.45, 0.65, "", False),
    ("accept p99 ÷ fdatasync", "accept p99 at half of saturation ÷ one fdatasync of the same disk", 8, 4, "", True),
    ("over 10 M ÷ empty", "throughput over a backlog of 10 million ÷ empty", 0.6, 0.8, "", False),
    ("private MB at 10 M", "private memory, all actors, at 10 million open", 300, 150, "MB", True),
    ("ready s at 10 M", "ready after restart with 10 million open", 2, 0.5, "s", True),
    ("simulated ÷ real", "simulated drain time ÷ real drain time", (0.8, 1.25), (0.9, 1.1), "", None),
)


def keeps(value: float, bound, less: bool | None) -> bool:
    if less is None:
        return bound[0] <= value <= bound[1]
    return value <= bound if less else value >= bound


def verdict(value: float | None, floor, goal, less: bool | None) -> str:
    """goal met · floor met · missed · not measured"""
    if value is None:
        return "not measured"
    if keeps(value, goal, less):
        return "goal met"
    return "floor met" if keeps(value, floor, less) else "missed"


def _bound(bound, unit: str) -> str:
    text = f"{bound[0]}–{bound[1]}" if isinstance(bound, tuple) else f"{bound:g}"
    return f"{text} {unit}".strip()


def rows(figures: dict[str, dict]) -> list[list]:
    """A table: figure, measured (its median, with spread), floor, goal, verdict."""
    found = []
    for name, what, floor, goal, unit, less in TARGETS:
        figure = figures.get(name)
        value = figure["median"] if figure else None
        shown = f"{spread(figure)} {unit}".strip() if figure and value is not None else "–"
        found.append([what, shown, _bound(floor, unit), _bound(goal, unit), verdict(value, floor, goal, less)])
    return found
