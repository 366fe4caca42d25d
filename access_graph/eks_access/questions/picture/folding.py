"""Large pictures: the objects of each namespace become one node a kind, and those of one kind if that is not enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from eks_access.errors import UsageError
from eks_access.findings import Link, Verdict
from eks_access.questions.picture.model import Column, Edge, Node, NodeKind, Picture, chain_of

MOST_NODES = 2_000
"""Number of nodes above which namespaces are folded."""
_HOW = "--namespace NAME draws a namespace, and --highlight ARN or NAMESPACE/NAME one chain, in full"
_MOST_LINKS = 3
"""Number of links with a finding that an edge between folded nodes keeps."""

_FEWEST_ALIKE = 8
"""Number of principals with the same access from which a folded picture shows them as one."""


def of_namespaces(picture: Picture, namespaces: Collection[str]) -> Picture:
    """Return the chains through objects of some namespaces."""
    present = {node.namespace for node in picture.nodes if node.namespace}
    for namespace in namespaces:
        if namespace not in present:
            rule = "must be a namespace with a chain"
            raise UsageError(f"--namespace {namespace!r} {rule}", f"pass one of {', '.join(sorted(present)[:10])}")
    starts = {node.id for node in picture.nodes if node.namespace in namespaces}
    shown = {node.id for node in picture.nodes if node.id in chain_of(picture.edges, starts)}
    nodes = tuple(node for node in picture.nodes if node.id in shown)
    edges = tuple(edge for edge in picture.edges if {edge.source, edge.target} <= shown)
    hidden = len(picture.nodes) - len(nodes)
    note = f"only namespaces {', '.join(sorted(namespaces))} are drawn: {hidden} other objects are not"
    return replace(picture, nodes=nodes, edges=edges, notes=(note, *picture.notes))


def fold(picture: Picture, highlighted: tuple[str, ...], most_nodes: int = MOST_NODES) -> Picture:
    """Return a picture of at most `most_nodes` nodes, if its highlighted nodes are fewer: these are never folded."""
    picture = replace(picture, highlighted=highlighted)
    if len(picture.nodes) <= most_nodes:
        return picture
    total, homes = len(picture.nodes), _homes(picture)
    picture = _folded(
        picture, lambda node: (homes[node.id], node.kind, node.column) if node.id in homes else None, homes
    )
    for column in (Column.MAPPINGS, Column.PRINCIPALS):
        picture = _folded(picture, _alike(picture, column))
    words = "namespace"
    if len(picture.nodes) > most_nodes:
        words = "kind"
        picture = _folded(picture, lambda node: (node.kind, node.column))
    text = f"{total} objects are folded by {words} into {len(picture.nodes)} boxes: {_HOW}"
    return replace(picture, folded=text)


def _alike(picture: Picture, column: Column) -> Callable[[Node], Hashable | None]:
    """Return the group of a node of a column: nodes of one kind whose links hold and have the same targets."""
    targets: dict[str, set[str]] = {node.id: set() for node in picture.nodes if node.column is column}
    for edge in picture.edges:
        if edge.source in targets:
            targets[edge.source].add(edge.target if edge.verdict is Verdict.HOLDS else edge.source)
    groups = {node.id: (node.namespace, node.kind, frozenset(targets.get(node.id, ()))) for node in picture.nodes}
    sizes = Counter(groups.values())

    def group_of(node: Node) -> Hashable | None:
        is_foldable = node.column is column and sizes[groups[node.id]] >= _FEWEST_ALIKE
        return groups[node.id] if is_foldable else None

    return group_of


def _homes(picture: Picture) -> dict[str, str]:
    """Return the namespace of each node: its own, or that of all nodes before or behind it, if it has one only."""
    homes = {node.id: node.namespace for node in picture.nodes if node.namespace}
    for ends in (_sources, _targets):
        # A role belongs to the namespace of its service accounts, and the role's policy to that of the role.
        for _ in range(3):
            for node_id, neighbours in ends(picture.edges).items():
                found = {homes.get(neighbour, "") for neighbour in neighbours}
                if node_id not in homes and len(found) == 1 and (home := found.pop()):
                    homes[node_id] = home
    return homes


def _sources(edges: Iterable[Edge]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in edges:
        found.setdefault(edge.target, []).append(edge.source)
    return found


def _targets(edges: Iterable[Edge]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in edges:
        found.setdefault(edge.source, []).append(edge.target)
    return found


def _folded(
    picture: Picture, group_of: Callable[[Node], Hashable | None], homes: Mapping[str, str] = MappingProxyType({})
) -> Picture:
    """Return a picture with one node for the nodes of each group. Nodes of the highlighted chain stay."""
    in_full = set(picture.highlighted)
    groups: dict[Hashable, list[Node]] = {}
    for node in picture.nodes:
        group = None if node.id in in_full else group_of(node)
        if group is not None:
            groups.setdefault(group, []).append(node)
    renamed: dict[str, str] = {}
    merged: dict[str, Node] = {}
    for members in groups.values():
        node = _merge(members, homes) if len(members) > 1 else members[0]
        merged[node.id] = node
        renamed |= {member.id: node.id for member in members}
    others = [node for node in picture.nodes if node.id not in renamed]
    nodes = sorted(
        [*merged.values(), *others], key=lambda node: (node.column.position, node.namespace, node.kind, node.id)
    )
    return replace(picture, nodes=tuple(nodes), edges=_merged_edges(picture.edges, renamed))


def _merge(members: list[Node], homes: Mapping[str, str]) -> Node:
    """Return the node that stands for several of one kind and column."""
    kind, column = members[0].kind, members[0].column
    count = sum(node.count for node in members)
    namespaces = {homes.get(node.id, node.namespace) for node in members}
    namespace = namespaces.pop() if len(namespaces) == 1 else ""
    existing = {node.exists for node in members}
    names = tuple(node.label for node in members[:5])
    more = [f"and {count - len(names)} more"] if count > len(names) else []
    how = [f"--namespace {namespace} draws each of them"] if namespace else []
    return Node(
        f"{members[0].id} and {count - 1} more",
        kind,
        column,
        f"{namespace}: {count} {plural(kind)}" if namespace else f"{count} {plural(kind)}",
        namespace,
        (*names, *more, *how),
        exists=False if False in existing else None if None in existing else True,
        count=count,
    )


def _merged_edges(edges: Iterable[Edge], renamed: dict[str, str]) -> tuple[Edge, ...]:
    found: dict[tuple[str, str], list[Edge]] = {}
    for edge in edges:
        ends = (renamed.get(edge.source, edge.source), renamed.get(edge.target, edge.target))
        found.setdefault(ends, []).append(edge)
    return tuple(
        Edge(*ends, tuple(_merged_links(members)), sum(edge.count for edge in members))
        for ends, members in sorted(found.items())
    )


def _merged_links(edges: list[Edge]) -> list[Link]:
    """Return one link for each name and verdict, and for the first findings of that."""
    counts: dict[tuple[str, str], int] = {}
    links: list[Link] = []
    for link in dict.fromkeys(link for edge in edges for link in edge.links):
        key = (link.name, link.verdict)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= (_MOST_LINKS if link.finding is not None else 1):
            links.append(link)
    return links


def plural(kind: NodeKind) -> str:
    """Return a kind in the plural: `service accounts`, `access policies`."""
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
