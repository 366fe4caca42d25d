"""The shapes of the picture: lanes for AWS and the cluster, boxes, and lines with a symbol for each verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from eks_access.findings import Finding, Verdict
from eks_access.graph.tables import NotRead
from eks_access.questions.picture.model import Column, Edge, Node, Picture
from eks_access.render.page import SYMBOLS
from eks_access.render.picture.labels import shorten, valid, wrap
from eks_access.render.picture.layout import COLUMN_WIDTH, GAP, Layout, Point, layout
from eks_access.render.picture.texts import TRAP, kind_line, link_texts, lists_below

MARGIN = 24
HEAD = 122
"""Height of title, legend and column titles."""
_LABEL_CELLS, _KIND_CELLS = 22, 27
_NOTE_CELLS_PER_PIXEL = 1 / 6.7
_TITLES = {
    Column.PRINCIPALS: "IAM principals",
    Column.MAPPINGS: "mappings and pods",
    Column.SUBJECTS: "users, groups, service accounts",
    Column.BINDINGS: "bindings, annotations",
    Column.PERMISSIONS: "RBAC roles, access policies",
    Column.ROLES: "IAM roles",
    Column.TARGET_ROLES: "target roles",
    Column.POLICIES: "policies, OIDC providers",
}
_AWS = frozenset({Column.PRINCIPALS, Column.ROLES, Column.TARGET_ROLES, Column.POLICIES})


@dataclass(frozen=True)
class DrawnNode:
    """A box."""

    number: int
    node: Node
    place: tuple[float, float, float]
    """Left border, top and height."""
    lines: tuple[str, ...]
    kind: str
    spoken: str
    """What a screen reader says: the node, and the faults of the links behind it."""
    is_dim: bool

    @property
    def classes(self) -> str:
        world = "aws" if self.node.column in _AWS else "cluster"
        state = {True: "", False: " missing", None: " unknown"}[self.node.exists]
        return f"node {world}{state}{' dim' if self.is_dim else ''}"

    @property
    def title(self) -> str:
        return valid("\n".join((self.node.name, *self.node.details)))


@dataclass(frozen=True)
class DrawnEdge:
    """A line."""

    number: int
    edge: Edge
    path: str
    badge: Point
    symbol: str
    """Symbol and number of its first finding below the picture; empty for a link that holds."""
    is_dim: bool

    @property
    def classes(self) -> str:
        state = "trap" if self.edge.verdict is Verdict.HOLDS and self.symbol else self.edge.verdict.replace(" ", "-")
        return f"edge {state}{' dim' if self.is_dim else ''}"

    @property
    def badge_width(self) -> float:
        return 12 + 7.3 * len(self.symbol)

    @property
    def title(self) -> str:
        count = [f"{self.edge.count} links"] if self.edge.count > 1 else []
        return valid("\n".join((*count, *link_texts(self.edge))))


@dataclass(frozen=True)
class DrawnBand:
    """A part of the picture that no edge connects with another."""

    height: float
    """Its height with the space below it."""
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    """Those with a symbol last, so that no line covers one."""


@dataclass(frozen=True)
class Drawing:
    """Everything that the template shows."""

    picture: Picture
    source: str
    bands: tuple[DrawnBand, ...]
    layout: Layout
    findings: tuple[Finding, ...]
    """In the order of their numbers."""
    lists: tuple[tuple[str, str], ...] = ()
    """Class and text of the lines below the picture."""

    @property
    def width(self) -> float:
        return max(self.layout.width + 2 * MARGIN, 760)

    @property
    def bottom(self) -> float:
        """Bottom of boxes and lines."""
        return HEAD + self.layout.height + MARGIN

    @property
    def height(self) -> float:
        return self.bottom + (16 * len(self.lists) + MARGIN if self.lists else 0)

    @property
    def lanes(self) -> list[tuple[str, str, float, float]]:
        """Class, title, left border and width of the lanes of AWS and of the cluster."""
        found: list[tuple[str, str, float, float]] = []
        for column, x in self.layout.columns:
            name = "aws" if column in _AWS else "cluster"
            title = "AWS" if column in _AWS else f"cluster {shorten(self.picture.cluster, 40)}"
            if found and found[-1][0] == name:
                found[-1] = (*found[-1][:3], x + COLUMN_WIDTH + MARGIN - found[-1][2] + GAP / 2 - 4)
            else:
                found.append((name, title, x + MARGIN - GAP / 2 + 14, COLUMN_WIDTH + GAP - 18))
        return [(name, title, max(x, 6), min(width, self.width - 6 - max(x, 6))) for name, title, x, width in found]

    @property
    def titles(self) -> list[tuple[str, float]]:
        return [(_TITLES[column], x + MARGIN) for column, x in self.layout.columns]

    @property
    def summary(self) -> str:
        """The picture in one sentence."""
        broken = len(self.picture.broken)
        unknown = sum(edge.verdict is Verdict.NOT_EVALUATED for edge in self.picture.edges)
        objects = sum(node.count for node in self.picture.nodes)
        parts = [f"{objects} objects", f"{broken} broken link{'' if broken == 1 else 's'}"]
        return ", ".join((*parts, f"{unknown} not evaluated"))


def draw(picture: Picture, source: str, not_read: Sequence[NotRead] = (), *, has_lists: bool = True) -> Drawing:
    """Return the picture with the places of everything."""
    labels = {node.id: wrap(node.label, _LABEL_CELLS) for node in picture.nodes}
    placed = layout(picture.nodes, picture.edges, lambda node: 44.0 if len(labels[node.id]) == 1 else 58.0)
    findings = _in_reading_order(picture, placed)
    nodes, edges = _nodes(picture, placed, labels), _edges(picture, placed, findings)
    tops = [top for top, _ in placed.bands]
    bands = [
        DrawnBand(after - top, tuple(nodes.get(index, ())), tuple(edges.get(index, ())))
        for index, (top, after) in enumerate(pairwise([*tops, placed.height]))
    ]
    drawing = Drawing(picture, valid(source), tuple(bands), placed, tuple(findings))
    cells = int((drawing.width - 2 * MARGIN) * _NOTE_CELLS_PER_PIXEL)
    return replace(drawing, lists=tuple(lists_below(picture, findings, not_read, cells))) if has_lists else drawing


def _nodes(picture: Picture, placed: Layout, labels: Mapping[str, tuple[str, ...]]) -> dict[int, list[DrawnNode]]:
    """Return the boxes of each band."""
    shown = frozenset(picture.highlighted)
    faults = _faults(picture)
    found: dict[int, list[DrawnNode]] = {}
    for number, node in enumerate(picture.nodes):
        box = placed.boxes[node.id]
        kind = shorten(kind_line(node), _KIND_CELLS)
        is_dim = bool(shown) and node.id not in shown
        spoken = valid(", ".join((node.name, *faults.get(node.id, ()))))
        place = (box.x + MARGIN, box.y + HEAD, box.height)
        found.setdefault(box.band, []).append(DrawnNode(number, node, place, labels[node.id], kind, spoken, is_dim))
    return found


def _faults(picture: Picture) -> dict[str, list[str]]:
    """Return for each node what is wrong with the links behind it."""
    found: dict[str, list[str]] = {}
    for edge in picture.edges:
        words = [finding.kind.title for finding in edge.findings]
        if edge.verdict is not Verdict.HOLDS:
            found.setdefault(edge.source, []).append(": ".join((f"next link {edge.verdict}", *words[:1])))
        elif words:
            found.setdefault(edge.source, []).append(f"next link holds: {words[0]}")
    return found


def _in_reading_order(picture: Picture, placed: Layout) -> list[Finding]:
    """Return the findings from top to bottom, and from left to right."""
    places = [
        (points[0][1], points[0][0], finding)
        for edge, points in zip(picture.edges, placed.lines, strict=True)
        for finding in edge.findings
    ]
    return list(dict.fromkeys(finding for _, _, finding in sorted(places, key=lambda place: place[:2])))


def _edges(picture: Picture, placed: Layout, findings: Sequence[Finding]) -> dict[int, list[DrawnEdge]]:
    """Return the lines of each band."""
    shown = frozenset(picture.highlighted)
    numbers = {finding: index for index, finding in enumerate(findings, start=1)}
    edges = []
    for number, (edge, points) in enumerate(zip(picture.edges, placed.lines, strict=True)):
        finding = next(iter(edge.findings), None)
        symbol = "" if edge.verdict is Verdict.HOLDS else SYMBOLS[edge.verdict]
        if finding is not None:
            symbol = f"{symbol or TRAP}{numbers[finding]}"
        moved = [(x + MARGIN, y + HEAD) for x, y in points]
        is_dim = bool(shown) and not {edge.source, edge.target} <= shown
        edges.append(DrawnEdge(number, edge, _path(moved), _middle(moved), symbol, is_dim))
    edges.sort(key=lambda each: (bool(each.symbol), each.edge.verdict is Verdict.BROKEN, each.number))
    found: dict[int, list[DrawnEdge]] = {}
    for each in edges:
        found.setdefault(placed.boxes[each.edge.source].band, []).append(each)
    return found


def _path(points: Sequence[Point]) -> str:
    """Return a line: curves between columns, and straight parts in those that it crosses."""
    parts = [f"M{pixels(points[0][0])} {pixels(points[0][1])}"]
    for index, ((x, y), (to_x, to_y)) in enumerate(pairwise(points)):
        if index % 2:
            parts.append(f"H{pixels(to_x)}")
        else:
            middle = pixels((x + to_x) / 2)
            parts.append(f"C{middle} {pixels(y)} {middle} {pixels(to_y)} {pixels(to_x)} {pixels(to_y)}")
    return "".join(parts)


def _middle(points: Sequence[Point]) -> Point:
    """Return the middle of the first curve of a line."""
    (x, y), (to_x, to_y) = points[:2]
    return (x + to_x) / 2, (y + to_y) / 2


def pixels(value: float) -> str:
    """Return a coordinate with one decimal: the same on every machine."""
    return f"{value:.1f}".removesuffix(".0")
