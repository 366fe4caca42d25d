"""The shortest paths from one actor to all that it can act as.

Paths without conditions go before paths with conditions, then those of fewer techniques. Edges are computed when a
search reaches their actor, and kept. The search of a changed graph computes again only the edges of actors whose
permissions the change touches.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from itertools import count

from eks_access.graph.tables import NotReadError
from eks_access.questions.escalation.actors import Actor, ActorKind, Edge, principal, service_account
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.eks_techniques import eks_edges
from eks_access.questions.escalation.graph_changes import Change
from eks_access.questions.escalation.iam_techniques import iam_edges
from eks_access.questions.escalation.kubernetes_techniques import kubernetes_edges

Path = tuple[Edge, ...]
_KEPT = 32
"""Number of changed graphs that are kept."""
_TECHNIQUES: Mapping[ActorKind, tuple[Callable[[Context, Actor], Iterator[Edge]], ...]] = {
    ActorKind.PRINCIPAL: (kubernetes_edges, iam_edges, eks_edges),
    ActorKind.IAM_GROUP: (iam_edges, eks_edges),
    ActorKind.SERVICE_ACCOUNT: (kubernetes_edges,),
    ActorKind.USER: (kubernetes_edges,),
    ActorKind.GROUP: (kubernetes_edges,),
    ActorKind.BOUND_ROLE: (kubernetes_edges,),
}


class Search:
    """A graph in which paths are searched, and the edges found so far."""

    def __init__(self, context: Context, base: Search | None = None, changes: tuple[Change, ...] = ()) -> None:
        self.context = context
        self.base = base
        self.changes = changes
        self.not_evaluated: list[str] = []
        self._edges: dict[Actor, list[Edge]] = {}
        self._changed: dict[tuple[Change, ...], Search] = {}

    def without(self, *changes: Change) -> Search:
        """Return the search in a copy of the graph after changes. The latest ones are kept: subjects share cuts."""
        found = self._changed.pop(changes, None)
        if found is None:
            graph = self.context.graph
            for change in changes:
                graph = change.apply(graph)
            found = Search(Context(graph, self.context), self, changes)
        self._changed[changes] = found
        if len(self._changed) > _KEPT:
            del self._changed[next(iter(self._changed))]
        return found

    def edges(self, actor: Actor) -> list[Edge]:
        """Return the edges from an actor."""
        found = self._edges.get(actor)
        if found is None:
            if self.base is not None and not any(change.affects(self.base.context, actor) for change in self.changes):
                found = self.base.edges(actor)
            else:
                found = list(self._find(actor))
            self._edges[actor] = found
        return found

    def _find(self, actor: Actor) -> Iterator[Edge]:
        context, kind = self.context, actor.kind
        if kind is ActorKind.SET:
            yield from context.sets[actor.name]
        elif kind is ActorKind.CLUSTER_ADMINISTRATOR:
            yield Edge(context.accounts(()), "k8s-cluster-administrator")
        elif kind is ActorKind.NODE:
            yield from _node_edges(context, actor.name)
        for find in _TECHNIQUES.get(kind, ()):
            try:
                yield from find(context, actor)
            except NotReadError as error:
                self.not_evaluated.append(f"{actor}: {error}")
        if kind is ActorKind.SERVICE_ACCOUNT and context.workloads is not None:
            namespace, _, name = actor.name.partition("/")
            yield from context.workloads.roles((namespace, name))

    def paths(self, source: Actor) -> dict[Actor, Path]:
        """Return the shortest path to each actor that the source can act as."""
        order = count()
        pending: list[tuple[int, int, int, int, Actor, Actor | None, Edge | None]] = [(0, 0, 0, 0, source, None, None)]
        reached: dict[Actor, tuple[Actor | None, Edge | None]] = {}
        while pending:
            conditions, steps, hops, _, actor, previous, taken = heapq.heappop(pending)
            if actor in reached:
                continue
            reached[actor] = (previous, taken)
            for edge in self.edges(actor):
                if edge.target not in reached:
                    cost = (conditions + len(edge.conditions), steps + bool(edge.technique), hops + 1)
                    heapq.heappush(pending, (*cost, next(order), edge.target, actor, edge))
        return {
            actor: _path(actor, reached) for actor in reached if actor.kind is not ActorKind.SET and actor != source
        }

    def own(self, source: Actor) -> set[Actor]:
        """Return what an actor has without a technique, such as the role of a service account."""
        found, pending = {source}, [source]
        while pending:
            for edge in self.edges(pending.pop()):
                if not edge.technique and not edge.conditions and edge.target not in found:
                    found.add(edge.target)
                    pending.append(edge.target)
        return found


def _path(actor: Actor, reached: dict[Actor, tuple[Actor | None, Edge | None]]) -> Path:
    edges: list[Edge] = []
    current: Actor | None = actor
    while current is not None:
        current, edge = reached[current]
        if edge is not None:
            edges.append(edge)
    return tuple(reversed(edges))


def _node_edges(context: Context, name: str) -> Iterator[Edge]:
    """Yield what somebody has that runs code on a node: its role, and the tokens of its pods."""
    workloads = context.workloads
    if workloads is None or name not in workloads.nodes:
        return
    role = workloads.node_role(workloads.nodes[name])
    if role is not None:
        yield Edge(principal(role), words="has this role by its instance profile")
    for key in workloads.on_node(name):
        yield Edge(service_account(*key), words="has the tokens of its pods")
