"""A flame graph (Brendan Gregg's: width is share of samples, height is depth of the call) from `perf script`, as SVG.

Each stack's lowest frame is the process it belongs to, so that one graph shows what every actor does; hovering tells a frame's share.
"""

import html
import re

WIDTH, ROW, LEAST = 1160, 17, 0.7  # Pixels; frames narrower than LEAST are left out
DEPTH_MOST = 48

_HEAD = re.compile(r"^(\S.*?)\s+\d+(?:/\d+)?\s+[\d.]+:")
_FRAME = re.compile(r"^\s+[0-9a-f]+\s+(.+?)(?:\+0x[0-9a-f]+)?\s+\(([^)]*)\)$")


def fold(script: str) -> dict[tuple[str, ...], int]:
    """How many samples each stack has, lowest frame first, from the text that perf script prints."""
    stacks: dict[tuple[str, ...], int] = {}
    name, frames = None, []
    for line in [*script.splitlines(), ""]:
        head = _HEAD.match(line)
        if head:
            name, frames = head.group(1), []
        elif not line.strip() and name:
            stack = (name, *reversed(frames))[:DEPTH_MOST]
            stacks[stack] = stacks.get(stack, 0) + 1
            name = None
        else:
            frame = _FRAME.match(line)
            if frame:
                symbol = frame.group(1)
                module = frame.group(2).rpartition("/")[2]
                frames.append(module if symbol == "[unknown]" else symbol)
    return stacks


class _Frame:
    def __init__(self, name: str):
        self.name = name
        self.samples = 0
        self.children: dict[str, _Frame] = {}

    def add(self, stack: tuple[str, ...], samples: int) -> None:
        self.samples += samples
        if stack:
            self.children.setdefault(stack[0], _Frame(stack[0])).add(stack[1:], samples)

    def depth(self) -> int:
        return 1 + max((child.depth() for child in self.children.values()), default=0)


def svg(stacks: dict[tuple[str, ...], int]) -> str:
    """The graph; "" where there are no samples."""
    root = _Frame("all")
    for stack, samples in stacks.items():
        root.add(stack, samples)
    if not root.samples:
        return ""
    depth = min(root.depth(), DEPTH_MOST)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {depth * ROW + 4}" role="img" aria-label="flame graph" xmlns="http://www.w3.org/2000/svg" style="min-width:60rem">'
    ]
    _draw(parts, root, 0.0, depth - 1, WIDTH / root.samples, root.samples)
    return "".join([*parts, "</svg>"])


def _draw(parts: list[str], frame: _Frame, x: float, row: int, scale: float, total: int) -> None:
    width = frame.samples * scale
    if width < LEAST or row < 0:
        return
    hue = 18 + sum(frame.name.encode()) % 34  # Warm, and the same for the same name
    y = row * ROW + 2
    title = f"{frame.name}: {100 * frame.samples / total:.1f} %"
    parts.append(
        f'<g><title>{html.escape(title)}</title><rect x="{x:.1f}" y="{y}" width="{max(0.3, width - 0.4):.1f}" height="{ROW - 1}" rx="1" '
        f'style="fill:hsl({hue} 82% 66%)"/>'
    )
    room = int((width - 6) / 6.3)
    if room >= 3:
        text = frame.name if len(frame.name) <= room else frame.name[: room - 1] + "…"
        parts.append(f'<text x="{x + 3:.1f}" y="{y + 12}" style="font-size:11px;fill:#221a10">{html.escape(text)}</text>')
    parts.append("</g>")
    for child in sorted(frame.children.values(), key=lambda one: one.name):
        _draw(parts, child, x, row - 1, scale, total)
        x += child.samples * scale
