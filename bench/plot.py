"""Plots as SVG text, from plain data. Colours are CSS variables of the page (report.py), so that light and dark both read well.

A plot is a dict, kept as it is in the JSON of a result:

    {"kind": "lines", "title", "x", "y", "log_x", "log_y", "y_most", "x_values", "series": [{"name", "points": [[x, y], …], "low_high": [[x, low, high], …]}],
     "marks": [{"from", "to", "name"}]}                  marks: spans of x that something went on in
    {"kind": "bars", "title", "x", "series": [name, …], "bars": [{"name", "values": [one for each of series], "note"}]}
                                                         horizontal, stacked
"""

import html
import math

from figures import number

WIDTH, HEIGHT = 760, 330
LEFT, RIGHT, TOP, BOTTOM = 76, 20, 20, 52
COLOURS = 8
BAR_NAMES_MOST = 400  # Pixels, left of the bars
POINTS_SHOWN = 16  # More of them would hide the line


def lines(title, x, y, series, **options) -> dict:
    return {"kind": "lines", "title": title, "x": x, "y": y, "series": series, **options}


def bars(title, x, series, rows, **options) -> dict:
    return {"kind": "bars", "title": title, "x": x, "series": series, "bars": rows, **options}


def svg(plot: dict) -> str:
    return _lines(plot) if plot["kind"] == "lines" else _bars(plot)


def _text(x, y, text, anchor="middle", kind="tick", more="") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}"{more}>{html.escape(str(text))}</text>'


def _open(height, title) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title)}" xmlns="http://www.w3.org/2000/svg">'


class Axis:
    """One direction: from values to pixels, and where its ticks are."""

    def __init__(self, least: float, most: float, start: float, end: float, log: bool):
        self.log = log
        self.start, self.end = start, end
        if log:
            self.least = 10 ** math.floor(math.log10(max(least, 1e-9)))
            self.most = max(most, self.least * 1.01)
            if math.log10(self.most / self.least) > 1:
                self.most = 10 ** math.ceil(math.log10(self.most) - 1e-9)
        else:
            self.least = min(0.0, least)
            most = most if most > self.least else self.least + 1
            self.step = _step(most - self.least)
            self.most = math.ceil(max(most, self.least + self.step) / self.step - 1e-9) * self.step

    def at(self, value: float) -> float:
        if self.log:
            value = max(value, self.least)
            share = math.log(value / self.least) / math.log(self.most / self.least)
        else:
            share = (value - self.least) / (self.most - self.least)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        if not self.log:
            count = round((self.most - self.least) / self.step)
            return [self.least + index * self.step for index in range(count + 1)]
        decades = math.log10(self.most / self.least)
        steps = (1, 2, 5) if decades < 2.5 else (1,)
        found, power = [], self.least
        while power <= self.most * 1.0001:
            found += [power * step for step in steps if power * step <= self.most * 1.0001]
            power *= 10
        return found


def _step(span: float) -> float:
    """A round step that gives about five ticks."""
    raw = max(span, 1e-9) / 5
    power = 10 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)


def _short(value: float) -> str:
    """2,500,000 is 2.5 M on an axis."""
    for size, name in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= size * (1 if size > 1e3 else 10):
            return f"{value / size:g}{name}"
    return number(value) if abs(value) < 1000 else f"{value:,.0f}"


def _legend(names: list[str], y: float) -> str:
    out, x = "", LEFT
    for index, name in enumerate(names):
        out += f'<rect x="{x:.0f}" y="{y - 9:.0f}" width="12" height="12" rx="2" class="f{index % COLOURS}"/>'
        out += _text(x + 17, y + 1, name, "start", "legend")
        x += 34 + 6.6 * len(name)
    return out


def _lines(plot: dict) -> str:
    series = [one for one in plot["series"] if one["points"]]
    points = [point for one in series for point in one["points"] if point[1] is not None]
    if not points:
        return "<p>Nothing was measured.</p>"
    top = TOP + (24 if len(series) > 1 else 0)
    x_axis, y_axis = _axes(plot, series, points, top)
    out = _open(HEIGHT, plot["title"]) + _marks(plot.get("marks", []), x_axis, top)
    out += _grid(plot.get("x_values") or x_axis.ticks(), x_axis, y_axis)
    for index, one in enumerate(series):
        out += _one_line(one, x_axis, y_axis, index % COLOURS)
    if len(series) > 1:
        out += _legend([one["name"] for one in series], TOP + 4)
    out += _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, plot["x"], "middle", "axis")
    middle = (top + HEIGHT - BOTTOM) / 2
    out += _text(16, middle, plot["y"], "middle", "axis", f' transform="rotate(-90 16 {middle:.0f})"')
    return out + "</svg>"


def _axes(plot: dict, series: list, points: list, top: float) -> tuple[Axis, Axis]:
    xs = [point[0] for point in points]
    ys = [point[1] for point in points] + [point[2] for one in series for point in one.get("low_high", [])]
    if plot.get("log_y"):
        ys = [value for value in ys if value > 0] or [1]
    x_axis = Axis(min(xs), max(xs), LEFT, WIDTH - RIGHT, bool(plot.get("log_x")))
    if plot.get("x_values"):
        x_axis.most = max(xs)  # Its ticks are its values: no round end is needed
    return x_axis, Axis(min(ys), plot.get("y_most") or max(ys), HEIGHT - BOTTOM, top, bool(plot.get("log_y")))


def _marks(marks: list[dict], x_axis: Axis, top: float) -> str:
    out, height = "", HEIGHT - BOTTOM - top
    for index, mark in enumerate(marks):
        left, right = x_axis.at(mark["from"]), min(x_axis.at(mark["to"]), WIDTH - RIGHT)
        out += f'<rect x="{left:.1f}" y="{top}" width="{max(0, right - left):.1f}" height="{height}" class="mark{index % 2}"/>'
        out += _text((left + right) / 2, top + 14, mark["name"], "middle", "legend")
    return out


def _grid(x_ticks: list[float], x_axis: Axis, y_axis: Axis) -> str:
    out = "".join(_text(x_axis.at(value), HEIGHT - BOTTOM + 18, _short(value)) for value in x_ticks)
    for value in y_axis.ticks():
        y = y_axis.at(value)
        out += f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        out += _text(LEFT - 8, y + 4, _short(value), "end")
    return out


def _one_line(one: dict, x_axis: Axis, y_axis: Axis, colour: int) -> str:
    """Its spread, its line, and where there are few points each of them."""
    out = ""
    for value, low, high in one.get("low_high", []):
        x = f"{x_axis.at(value):.1f}"
        out += f'<line x1="{x}" x2="{x}" y1="{y_axis.at(low):.1f}" y2="{y_axis.at(high):.1f}" class="s{colour} spread"/>'
    out += _path(one["points"], x_axis, y_axis, colour)
    for x, y in one["points"] if len(one["points"]) <= POINTS_SHOWN else []:
        if y is not None:
            title = html.escape(f"{one['name']}: {number(x)}, {number(y)}")
            at = f'cx="{x_axis.at(x):.1f}" cy="{y_axis.at(y):.1f}"'
            out += f'<circle {at} r="3" class="f{colour}"><title>{title}</title></circle>'
    return out


def _path(points, x_axis: Axis, y_axis: Axis, colour: int) -> str:
    """A line that is broken where there is no value."""
    path, pen = "", "M"
    for x, y in points:
        if y is None or (y_axis.log and y <= 0):
            pen = "M"
            continue
        path += f"{pen}{x_axis.at(x):.1f},{y_axis.at(y):.1f}"
        pen = "L"
    return f'<path d="{path}" class="s{colour} line"/>'


def _bars(plot: dict) -> str:
    rows = plot["bars"]
    if not rows:
        return "<p>Nothing was measured.</p>"
    left = min(BAR_NAMES_MOST, 24 + int(7.2 * max(len(row["name"]) for row in rows)))
    legend = 24 if len(plot["series"]) > 1 else 0
    top, row_height = 10 + legend, 30
    height = top + row_height * len(rows) + 48
    most = max(sum(value or 0 for value in row["values"]) for row in rows)
    axis = Axis(0, most or 1, left, WIDTH - 70, False)
    out = _open(height, plot["title"])
    bottom = top + row_height * len(rows)
    for value in axis.ticks():
        x = axis.at(value)
        out += f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" class="grid"/>' + _text(x, bottom + 16, _short(value))
    for index, row in enumerate(rows):
        y, at = top + index * row_height + 5, 0.0
        room = int((left - 16) / 7.0)
        name = row["name"] if len(row["name"]) <= room else row["name"][: room - 1] + "…"
        out += _text(left - 8, y + 14, name, "end", "legend")
        for which, value in enumerate(row["values"]):
            x, end = axis.at(at), axis.at(at + (value or 0))
            title = html.escape(f"{row['name']}, {plot['series'][which]}: {number(value)}")
            colour = which if len(plot["series"]) > 1 else (0 if row.get("ours", True) else 1)
            out += f'<rect x="{x:.1f}" y="{y}" width="{max(0, end - x):.1f}" height="20" class="f{colour % COLOURS}"><title>{title}</title></rect>'
            at += value or 0
        out += _text(axis.at(at) + 6, y + 14, row.get("note") or number(at), "start", "tick")
    if legend:
        out += _legend(plot["series"], 12)
    out += _text((left + WIDTH - 70) / 2, height - 8, plot["x"], "middle", "axis")
    return out + "</svg>"
