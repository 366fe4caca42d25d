"""The escalations of one subject: the shortest path to everything that it can act as, then further paths.

All cuts of a round are applied to a copy of the graph, and paths are searched again: what is found then is a further
path. So all cuts together leave no path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from eks_access.catalogue import escalations as kinds
from eks_access.findings import FindingKind, Severity
from eks_access.questions.escalation.actors import Actor, ActorKind, Edge
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.cuts import change_for
from eks_access.questions.escalation.graph_changes import Change
from eks_access.questions.escalation.results import Cut, Escalation, Step
from eks_access.questions.escalation.search import Path, Search
from eks_access.questions.escalation.techniques import OWN

_ROUNDS = 8
_KINDS: Mapping[ActorKind, FindingKind] = {
    ActorKind.ACCOUNT_ADMINISTRATOR: kinds.TO_ACCOUNT_ADMINISTRATOR,
    ActorKind.CLUSTER_ADMINISTRATOR: kinds.TO_CLUSTER_ADMINISTRATOR,
    ActorKind.PRINCIPAL: kinds.TO_IAM_PRINCIPAL,
    ActorKind.IAM_GROUP: kinds.TO_IAM_PRINCIPAL,
    ActorKind.NODE: kinds.TO_NODE,
    ActorKind.BOUND_ROLE: kinds.TO_BOUND_ROLE,
}
_TITLES = {technique.id: technique.title for technique in OWN}


def paths_of_subject(search: Search, source: Actor, *, keep_own: bool) -> Iterator[Escalation]:
    """Yield the escalations of one subject, in rounds: each round searches without the paths of those before."""
    current, cuts = search, _Cuts(search, source)
    for _ in range(_ROUNDS):
        changes: dict[Change, None] = {}
        for group in _groups(search, current, source, keep_own=keep_own).values():
            target, path = group[0]
            change = _change(current, path)
            changes |= {change: None} if change is not None else {}
            cut = None if change is None else cuts.checked(current, change, target, path)
            also = tuple(str(other) for other, _ in group[1:])
            escalation = Escalation(
                str(source), source.kind.value, str(target), _kind(target), _steps(source, path), cut, also
            )
            yield escalation
        if not changes:
            return
        current = current.without(*changes)


def targets_of_subject(search: Search, source: Actor) -> Iterator[tuple[str, bool]]:
    """Yield everything that the escalations of one subject reach, and whether all paths to it have conditions.

    Further paths reach nothing else, so that no cut is searched for.
    """
    for target, path in _escalating(search, search, source, keep_own=False):
        yield str(target), any(edge.conditions for edge in path)


def _groups(
    search: Search, current: Search, source: Actor, *, keep_own: bool
) -> dict[object, list[tuple[Actor, Path]]]:
    """Return the paths of a subject; those that differ only in the members of a set are one group."""
    groups: dict[object, list[tuple[Actor, Path]]] = {}
    for target, path in _escalating(search, current, source, keep_own=keep_own):
        signature = (target.kind, tuple(map(_signature, path)))
        groups.setdefault(signature, []).append((target, path))
    return groups


def _escalating(search: Search, current: Search, source: Actor, *, keep_own: bool) -> Iterator[tuple[Actor, Path]]:
    """Yield the paths in the graph of a round that lead to more than the subject has before all cuts."""
    if not keep_own and not any(edge.technique for edge in search.edges(source)):
        return
    own = search.own(source)
    for target, path in current.paths(source).items():
        uses_technique = bool(path[0].technique) or any(edge.technique for edge in path)
        is_listed_elsewhere = not path[0].technique and not keep_own
        if target in own or not uses_technique or is_listed_elsewhere or not _has_more(search.context, source, target):
            continue
        yield target, path


def _signature(edge: Edge) -> object:
    name = edge.target.name if edge.target.kind is ActorKind.SET else ""
    origins = tuple(str(permission) for permission in edge.permissions)
    return (edge.technique, edge.words, edge.target.kind, name, origins, edge.conditions)


def _has_more(context: Context, source: Actor, target: Actor) -> bool:
    """Return whether a target has permissions that the source lacks."""
    if target.kind in {ActorKind.CLUSTER_ADMINISTRATOR, ActorKind.ACCOUNT_ADMINISTRATOR, ActorKind.NODE}:
        return True
    if target.kind in {ActorKind.PRINCIPAL, ActorKind.IAM_GROUP}:
        policies = context.aws.of(target.name)
        has_policies = policies is not None and bool(policies.policies.policies.identity)
        return has_policies or bool(context.cluster and context.cluster.of(target))
    return context.cluster is not None and context.cluster.has_more(target, source)


def _change(search: Search, path: Path) -> Change | None:
    """Return the cut of a path: of the first permission of the first step that can be taken away."""
    for edge in path:
        for permission in edge.permissions:
            change = change_for(search.context, permission)
            if change is not None:
                return change
    return None


class _Cuts:
    """The searches after each cut, which paths of one subject share."""

    def __init__(self, search: Search, source: Actor) -> None:
        self.search = search
        self.source = source
        self._found: dict[tuple[Search, Change], Mapping[Actor, Path]] = {}

    def checked(self, current: Search, change: Change, target: Actor, path: Path) -> Cut:
        """Return the cut, after the search in a copy of the graph with the change.

        The path is searched in the graph of its round, in which the paths before it are closed.
        """
        is_closed = self._paths(current, change).get(target) != path
        has_others = target in self._paths(self.search, change)
        return Cut(change.kind, change.subject, change.words, change.fix(current.context.graph), is_closed, has_others)

    def _paths(self, search: Search, change: Change) -> Mapping[Actor, Path]:
        key = (search, change)
        if key not in self._found:
            self._found[key] = search.without(change).paths(self.source)
        return self._found[key]


def _steps(source: Actor, path: Path) -> tuple[Step, ...]:
    """Return the path as steps: a set and its member are one."""
    steps: list[Step] = []
    actor = source
    for edge in path:
        if actor.kind is ActorKind.SET:
            last = steps.pop()
            conditions = (*last.conditions, *edge.conditions)
            steps.append(replace(last, reaches=str(edge.target), conditions=conditions))
        else:
            title = _TITLES.get(edge.technique, "")
            does = f"{title} ({edge.words})" if title and edge.words else title or edge.words or _actions(edge)
            permissions = tuple(map(str, edge.permissions))
            steps.append(Step(str(actor), edge.technique, does, permissions, str(edge.target), edge.conditions))
        actor = edge.target
    return tuple(steps)


def _actions(edge: Edge) -> str:
    return " and ".join(permission.what.partition(" on ")[0] for permission in edge.permissions)


def _kind(target: Actor) -> FindingKind:
    return _KINDS.get(target.kind, kinds.TO_KUBERNETES_SUBJECT)


def path_order(path: Escalation) -> tuple[object, ...]:
    """Return the key by which paths are sorted: the shortest first."""
    severities = list(Severity)
    goal = list(_KINDS.values()).index(path.kind) if path.kind in _KINDS.values() else len(_KINDS)
    return (
        len(path.techniques),
        severities.index(path.severity),
        goal,
        bool(path.conditions),
        path.subject,
        path.reaches,
        path.techniques,
    )
