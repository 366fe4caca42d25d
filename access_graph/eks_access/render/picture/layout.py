"""Positions of boxes and lines: columns from left to right, and in each column an order with few crossings.

The columns say what an object is, so that only the order and the heights are to be found. Parts of the picture that no
edge connects are placed one below the other. An edge over several columns has a place of its own in each column between
its ends, so that it crosses no box. The order is that of the mean place of the neighbours (Sugiyama's barycenter); the
heights are those closest to the neighbours that keep the order (isotonic regression).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from eks_access.questions.picture.model import Column, Edge, Node

COLUMN_WIDTH = 184
GAP = 48
"""Width between two columns."""
_SPACE = 14
"""Height between two boxes of a column."""
_BAND_SPACE = 26
"""Height between two parts that no edge connects."""
_LINE_HEIGHT = 8
"""Height of an edge in a column that it crosses."""
_SWEEPS = 8

Item = str | tuple[int, int]
"""The id of a node; or number of an edge, and a column that it crosses."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """The place of a node."""

    x: float
    y: float
    height: float
    band: int


@dataclass
class Layout:
    """Places of all nodes and edges. Heights begin at zero."""

    columns: list[tuple[Column, float]]
    """The columns that have nodes, with their left border."""
    boxes: dict[str, Box] = field(default_factory=dict)
    lines: list[tuple[Point, ...]] = field(default_factory=list)
    """For each edge the points that it passes: from box to box, and both borders of each column between."""
    bands: list[tuple[float, float]] = field(default_factory=list)
    """Top and bottom of each part that no edge connects with another."""

    @property
    def width(self) -> float:
        return len(self.columns) * (COLUMN_WIDTH + GAP) - GAP

    @property
    def height(self) -> float:
        return self.bands[-1][1] if self.bands else 0.0


def layout(nodes: Sequence[Node], edges: Sequence[Edge], height_of: Callable[[Node], float]) -> Layout:
    """Return the places of nodes and edges. The same picture has the same layout."""
    present = [column for column in Column if any(node.column is column for node in nodes)]
    found = Layout([(column, index * (COLUMN_WIDTH + GAP)) for index, column in enumerate(present)])
    place = {node.id: present.index(node.column) for node in nodes}
    heights: dict[Item, float] = {node.id: height_of(node) for node in nodes}
    chains: list[list[Item]] = []
    for index, edge in enumerate(edges):
        crossed = range(place[edge.source] + 1, place[edge.target])
        chains.append([edge.source, *((index, column) for column in crossed), edge.target])
        heights |= {(index, column): _LINE_HEIGHT for column in crossed}
    neighbours: dict[Item, list[Item]] = {item: [] for item in heights}
    for chain in chains:
        for before, after in pairwise(chain):
            neighbours[before].append(after)
            neighbours[after].append(before)
    centers: dict[Item, float] = {}
    top = 0.0
    for band, items in enumerate(_connected([node.id for node in nodes], neighbours)):
        columns: dict[int, list[Item]] = {}
        for item in items:
            columns.setdefault(place[item] if isinstance(item, str) else item[1], []).append(item)
        ordered = [columns[column] for column in sorted(columns)]
        _order(ordered, neighbours)
        _align(ordered, neighbours, heights, centers)
        highest = min(centers[item] - heights[item] / 2 for item in items)
        for item in items:
            centers[item] += top - highest
            if isinstance(item, str):
                y = centers[item] - heights[item] / 2
                found.boxes[item] = Box(place[item] * (COLUMN_WIDTH + GAP), y, heights[item], band)
        bottom = max(centers[item] + heights[item] / 2 for item in items)
        found.bands.append((top, bottom))
        top = bottom + _BAND_SPACE
    found.lines = _lines(chains, found.boxes, centers)
    return found


def _connected(ids: Sequence[str], neighbours: Mapping[Item, Sequence[Item]]) -> list[list[Item]]:
    """Return the parts that no edge connects with another, in the order of their first node."""
    seen: set[Item] = set()
    parts: list[list[Item]] = []
    for start in ids:
        if start in seen:
            continue
        seen.add(start)
        part: list[Item] = [start]
        for item in part:
            new = [each for each in dict.fromkeys(neighbours[item]) if each not in seen]
            seen.update(new)
            part += new
        parts.append(part)
    return parts


def _order(columns: list[list[Item]], neighbours: Mapping[Item, Sequence[Item]]) -> None:
    """Order each column by the mean place of its neighbours, from both sides in turn."""
    place = {item: index / len(column) for column in columns for index, item in enumerate(column)}
    for sweep in range(2 * _SWEEPS):
        others = columns if sweep % 2 == 0 else columns[::-1]
        for before, column in pairwise(others):
            side = set(before)
            means = {}
            for item in column:
                around = [place[each] for each in neighbours[item] if each in side]
                means[item] = sum(around) / len(around) if around else place[item]
            column.sort(key=means.__getitem__)
            place.update((item, (index + 0.5) / len(column)) for index, item in enumerate(column))


def _align(
    columns: list[list[Item]],
    neighbours: Mapping[Item, Sequence[Item]],
    heights: Mapping[Item, float],
    centers: dict[Item, float],
) -> None:
    """Set the heights: first one item below the other, and then as close to the neighbours as the order allows."""
    for column in columns:
        top = 0.0
        for item in column:
            centers[item] = top + heights[item] / 2
            top += heights[item] + _SPACE
    for sweep in range(2 * _SWEEPS):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            # Where each item would be if all above it had no height.
            offsets, offset = [], 0.0
            for index, item in enumerate(column):
                offset += 0.0 if index == 0 else (heights[column[index - 1]] + heights[item]) / 2 + _SPACE
                offsets.append(offset)
            wishes = []
            for item, shift in zip(column, offsets, strict=True):
                around = [centers[each] for each in neighbours[item]]
                wishes.append((sum(around) / len(around) if around else centers[item]) - shift)
            for item, shift, value in zip(column, offsets, _monotone(wishes), strict=True):
                centers[item] = value + shift


def _monotone(values: Sequence[float]) -> list[float]:
    """Return the numbers closest to `values` of which none is less than the one before it."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            before, size = blocks.pop()
            total, count = total + before, count + size
        blocks.append((total, count))
    return [total / count for total, count in blocks for _ in range(count)]


def _lines(
    chains: Sequence[Sequence[Item]], boxes: Mapping[str, Box], centers: Mapping[Item, float]
) -> list[tuple[Point, ...]]:
    """Return the points of each edge. The edges at one side of a box end at different heights of it."""
    ends: dict[tuple[str, int], list[int]] = {}
    for index, chain in enumerate(chains):
        ends.setdefault((str(chain[0]), 1), []).append(index)
        ends.setdefault((str(chain[-1]), -2), []).append(index)
    heights: dict[tuple[int, int], float] = {}
    for (node_id, second), indexes in ends.items():
        box = boxes[node_id]
        indexes.sort(key=lambda index: (centers[chains[index][second]], index))
        step = min(10.0, (box.height - 12) / len(indexes))
        for position, index in enumerate(indexes):
            shift = (position - (len(indexes) - 1) / 2) * step
            heights[index, second] = box.y + box.height / 2 + shift
    lines = []
    for index, chain in enumerate(chains):
        points = [(boxes[str(chain[0])].x + COLUMN_WIDTH, heights[index, 1])]
        for item in chain[1:-1]:
            assert isinstance(item, tuple)
            x = item[1] * (COLUMN_WIDTH + GAP)
            points += [(x, centers[item]), (x + COLUMN_WIDTH, centers[item])]
        lines.append((*points, (boxes[str(chain[-1])].x, heights[index, -2])))
    return lines
