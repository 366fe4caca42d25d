"""The picture while it is drawn: each node once, and one edge between two nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from eks_access.findings import Finding, Link
from eks_access.graph.tables import NotReadError
from eks_access.questions.picture.model import Column, Edge, Node, NodeKind

T = TypeVar("T")


class Drawing:
    """Nodes and edges so far, and notes on what is not drawn."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.notes: list[str] = []
        self.drawn_roles: set[str] = set()
        """ARNs of the IAM roles whose policies are drawn."""
        self._edges: dict[tuple[str, str], tuple[Link, ...]] = {}

    def node(
        self,
        kind: NodeKind,
        column: Column,
        label: str,
        *,
        key: str = "",
        namespace: str = "",
        details: tuple[str, ...] = (),
        exists: bool | None = True,
    ) -> str:
        """Add a node unless there is one of the same kind, column and key, and return its id."""
        node_id = f"{column}: {kind} {key or label}"
        self.nodes.setdefault(node_id, Node(node_id, kind, column, label, namespace, details, exists))
        return node_id

    def edge(self, source: str, target: str, *links: Link) -> None:
        """Add links between two nodes."""
        present = self._edges.get((source, target), ())
        self._edges[source, target] = (*present, *(link for link in links if link not in present))

    def holds(self, source: str, target: str, name: str, says: str = "") -> None:
        """Add a link that holds."""
        self.edge(source, target, Link.holds(name, says))

    def nothing(self, source: str, label: str, name: str, finding: Finding) -> None:
        """Add the end of a chain that should go on, with the broken link before it."""
        column = self.nodes[source].column.next
        namespace = self.nodes[source].namespace
        target = self.node(NodeKind.NOTHING, column, label, key=source, namespace=namespace, exists=False)
        self.edge(source, target, Link.broken(name, finding))

    def not_read(self, source: str, name: str, reason: str, *, column: Column | None = None) -> None:
        """Add the unknown end of a chain, with the link that was not evaluated before it."""
        place = self.nodes[source].column.next if column is None else column
        namespace = self.nodes[source].namespace
        target = self.node(NodeKind.NOT_READ, place, name, key=f"{name} of {source}", namespace=namespace, exists=None)
        self.edge(source, target, Link.not_evaluated(name, reason))

    def describe(self, node_id: str, text: str) -> None:
        """Add a line to the details of a node."""
        node = self.nodes[node_id]
        if text not in node.details:
            self.nodes[node_id] = replace(node, details=(*node.details, text))

    def read(self, column: Column, name: str, read: Callable[[], T]) -> T | None:
        """Return what `read` returns; None if that was not read, which the picture shows as a node of its own."""
        try:
            return read()
        except NotReadError as error:
            source = self.node(NodeKind.NOT_READ, column, name, details=(str(error),), exists=None)
            after = column.next
            target = self.node(NodeKind.NOT_READ, after, "unknown", key=f"after {name}", exists=None)
            self.edge(source, target, Link.not_evaluated(name, str(error)))
            return None

    @property
    def edges(self) -> tuple[Edge, ...]:
        return tuple(Edge(source, target, links) for (source, target), links in self._edges.items())
