"""The question "how do all chains of this cluster look, and which links are broken?"."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

from eks_access.errors import UsageError
from eks_access.graph import AccessGraph
from eks_access.graph.services import NoServices
from eks_access.questions.cluster_mappings import ClusterMappings
from eks_access.questions.picture.cluster_access import ClusterAccessPart
from eks_access.questions.picture.drawing import Drawing
from eks_access.questions.picture.folding import MOST_NODES, fold, of_namespaces
from eks_access.questions.picture.model import Column, Node, NodeKind, Picture, chain_of
from eks_access.questions.picture.rbac import RbacPart
from eks_access.questions.picture.workloads import WorkloadsPart


def draw_picture(
    graph: AccessGraph,
    *,
    namespaces: Collection[str] = (),
    highlight: str = "",
    now: datetime | None = None,
    most_nodes: int = MOST_NODES,
) -> Picture:
    """Return the picture of all chains.

    Args:
        graph: The graph of any source. A part that it could not read is a node, and its links are not evaluated.
        namespaces: Draw only the chains of objects in these namespaces.
        highlight: ARN of a principal or role, or NAMESPACE/NAME of a service account, whose chain is highlighted.
        now: Time that decides which roles are unused; by default the time of the call.
        most_nodes: Number of nodes above which namespaces are folded.

    Raises:
        NotReadError: The cluster is not known.
        UsageError: No chain has the namespace or the object to highlight.
    """
    # A picture has many links: it asks no service about one.
    graph = replace(graph, services=NoServices())
    cluster = graph.cluster.get()
    drawing = Drawing()
    mapped = drawing.read(Column.MAPPINGS, "access entries and aws-auth", lambda: ClusterMappings(graph))
    mappings = []
    if mapped is not None:
        mappings = ClusterAccessPart(drawing, mapped, now or datetime.now(UTC)).draw()
        if not mapped.mode.reads_access_entries:
            drawing.notes.append(f"access entries are not drawn: the authentication mode {mapped.mode} ignores them")
    rbac = RbacPart(drawing, graph, mappings)
    rbac.draw()
    WorkloadsPart(drawing, graph).draw(rbac.bound_accounts)
    nodes = tuple(sorted(drawing.nodes.values(), key=_order))
    place = {node.id: index for index, node in enumerate(nodes)}
    edges = tuple(sorted(drawing.edges, key=lambda edge: (place[edge.source], place[edge.target])))
    picture = Picture(cluster.name, nodes, edges, tuple(drawing.notes))
    if namespaces:
        picture = of_namespaces(picture, namespaces)
    highlighted = _highlighted(picture, highlight) if highlight else ()
    return fold(picture, highlighted, most_nodes)


def _order(node: Node) -> tuple[object, ...]:
    return (node.column.position, node.namespace, node.kind, node.label, node.id)


def _highlighted(picture: Picture, text: str) -> tuple[str, ...]:
    """Return the ids of the nodes of a chain."""
    names = {node.id: _names(node) for node in picture.nodes}
    starts = [node_id for node_id, own in names.items() if text in own]
    if not starts:
        every = sorted({name for own in names.values() for name in own})
        close = difflib.get_close_matches(text, every, n=3, cutoff=0.5)
        fix = f"pass one of {', '.join(close)}" if close else "pass the ARN of a principal, or NAMESPACE/NAME"
        raise UsageError(f"--highlight {text!r} must be an object of the picture", fix)
    chain = chain_of(picture.edges, starts)
    return tuple(node.id for node in picture.nodes if node.id in chain)


def _names(node: Node) -> tuple[str, ...]:
    """Return what users may call a node: its ARN, or namespace and name."""
    if node.namespace:
        return (f"{node.namespace}/{node.label}",) if node.kind is NodeKind.SERVICE_ACCOUNT else ()
    return node.details[:1] if node.details[:1] and node.details[0].startswith("arn:") else ()
