"""A figure is a median of repeated runs with its spread; a ratio is the median of the ratios of runs that stood side by side.

The machine drifts: its processor and disk are not the same from one minute to the next. So what is compared is measured in turns (ours,
control, ours, control …), and each of ours is divided by the control of its own turn before the median is taken.
"""

import statistics


def summary(values: list[float]) -> dict:
    """{"median", "low", "high", "runs"}: the spread is the whole of it, least to largest; few runs bear no finer claim."""
    if not values:
        return {"median": None, "low": None, "high": None, "runs": []}
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "runs": list(values)}


def ratio(ours: list[float], control: list[float]) -> dict:
    """The summary of ours ÷ control, turn by turn. Turns whose control is 0 say nothing and are left out."""
    return summary([one / other for one, other in zip(ours, control) if other])


def number(value, digits: int = 3) -> str:
    """For people: three digits that count, thousands apart: 12,300 · 0.45 · 3.14. "–" where there is none."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if value == 0:
        return "0"
    return f"{value:.{digits}g}" if abs(value) >= 0.001 else f"{value:.1e}"


def middle(values: list[float]) -> str:
    """The median alone, for people."""
    return number(summary(values)["median"])


def spread(of: dict) -> str:
    """12,300 (11,900 … 12,800)"""
    if of["median"] is None:
        return "–"
    if len(of["runs"]) == 1:
        return number(of["median"])
    return f"{number(of['median'])} ({number(of['low'])} … {number(of['high'])})"
