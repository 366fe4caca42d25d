"""Draw the numbers that `access_graph.py --save FILE` measured: time and memory of each question by number of objects.

    python tests/bench/access_graph_plot.py FILE docs/images

writes `eks-access-cost.svg`, and the same for dark pages. Both axes are logarithmic: a straight line of the slope 1 is
linear growth.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LINES = {"trace": "#1a7f37", "who-can get pods": "#8250df", "escalations": "#bc6c00", "diff": "#1a5fb4"}
DARK_LINES = {"trace": "#3fb950", "who-can get pods": "#bc8cff", "escalations": "#e3a046", "diff": "#6cb0ff"}
WIDTH, HEIGHT = 300, 220
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Theme:
    """The colours of a picture."""

    page: str
    text: str
    grid: str
    lines: Mapping[str, str]


THEMES = {
    "eks-access-cost.svg": Theme("#ffffff", "#1f2328", "#d1d9e0", LINES),
    "eks-access-cost-dark.svg": Theme("#0d1117", "#e6edf3", "#3d444d", DARK_LINES),
}


@dataclass(frozen=True)
class Panel:
    """One diagram: its place, its limits, and the ticks of the vertical axis."""

    left: float
    title: str
    ticks: tuple[float, ...]
    limit: float
    """The limit of the design."""
    unit: str

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return 60 + HEIGHT * (1 - math.log(value / low) / math.log(high / low))


def x_of(panel: Panel, objects: float, counts: Sequence[float]) -> float:
    """Return the place of a number of objects."""
    return panel.left + 20 + (WIDTH - 40) * math.log(objects / counts[0]) / math.log(counts[-1] / counts[0])


def draw(panel: Panel, series: Mapping[str, Points], theme: Theme) -> Iterator[str]:
    """Yield the elements of one diagram."""
    counts = [objects for objects, _ in next(iter(series.values()))]
    yield f'<text x="{panel.left}" y="40" font-weight="600">{panel.title}</text>'
    for tick in panel.ticks:
        place = f'x1="{panel.left}" x2="{panel.left + WIDTH}" y1="{panel.y(tick):.1f}" y2="{panel.y(tick):.1f}"'
        yield f'<line {place} stroke="{theme.grid}"/>'
        yield f'<text x="{panel.left - 6}" y="{panel.y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
    limit = panel.y(panel.limit)
    place = f'x1="{panel.left}" x2="{panel.left + WIDTH}" y1="{limit:.1f}" y2="{limit:.1f}"'
    yield f'<line {place} stroke="{theme.text}" stroke-dasharray="5 4"/>'
    yield f'<text x="{panel.left + 4}" y="{limit - 5:.1f}" font-size="11">limit: {panel.limit:g} {panel.unit}</text>'
    for count in counts:
        place = f'x="{x_of(panel, count, counts):.1f}" y="{60 + HEIGHT + 18}"'
        yield f'<text {place} text-anchor="middle">{count:,.0f}</text>'
    for name, points in series.items():
        placed = [(x_of(panel, objects, counts), panel.y(value)) for objects, value in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        yield f'<polyline points="{path}" fill="none" stroke="{theme.lines[name]}" stroke-width="2"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{theme.lines[name]}"/>' for x, y in placed)


def picture(measured: Mapping[str, Any], theme: Theme) -> str:
    """Return the picture of the measured costs of questions to snapshots."""
    total, costs = measured["objects"], measured["costs"]
    panels = (
        Panel(60, "Processor time in s, by number of objects", (0.3, 1, 3, 10, 30), 10, "s"),
        Panel(60 + WIDTH + 80, "Peak memory in MiB, by number of objects", (30, 100, 300, 1000), 477, "MiB"),
    )
    elements: list[str] = []
    for index, panel in enumerate(panels, start=1):
        series = {
            name: [(total * float(part), cost[index]) for part, cost in costs[name].items() if float(part)]
            for name in theme.lines
        }
        elements += draw(panel, series, theme)
    for index, (name, colour) in enumerate(theme.lines.items()):
        left = 60 + index * 170
        elements.append(f'<rect x="{left}" y="322" width="14" height="4" fill="{colour}"/>')
        elements.append(f'<text x="{left + 20}" y="329">{name}</text>')
    width, height = panels[-1].left + WIDTH + 30, 350
    title = "Processor time and peak memory of questions of eks-access by number of objects in a snapshot"
    root = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return "\n".join(
        [
            f'{root} role="img" aria-labelledby="title" font-family="system-ui, sans-serif" font-size="12">',
            f'<title id="title">{title}</title>',
            f'<rect width="{width}" height="{height}" fill="{theme.page}"/>',
            f'<g fill="{theme.text}">',
            *elements,
            "</g>",
            "</svg>\n",
        ]
    )


def main(file: str, folder: str) -> None:
    measured = json.loads(Path(file).read_text())["snapshots"]
    for name, theme in THEMES.items():
        (Path(folder) / name).write_text(picture(measured, theme))


if __name__ == "__main__":
    main(*sys.argv[1:])
