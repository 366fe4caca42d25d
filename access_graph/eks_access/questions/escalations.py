"""The question "who can become somebody with more permissions?": all paths, the shortest first, each with its cut.

For each subject, the shortest path to everything that it can act as is searched. Then all cuts are applied to a copy of
the graph, and paths are searched again: what is found then is a further path. So all cuts together leave no path.

Left out by default: administrators of the cluster or of the account, who can do everything already; service-linked
roles; and users, groups and service accounts of Kubernetes and EKS themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from eks_access.catalogue import escalations as kinds
from eks_access.errors import UsageError
from eks_access.findings import Finding, FindingKind, Fix, Severity
from eks_access.graph import AccessGraph
from eks_access.questions import commands
from eks_access.questions.cluster_subjects import is_system
from eks_access.questions.escalation.actors import EVERY_SERVICE_ACCOUNT, UNAUTHENTICATED, Actor, ActorKind, Edge
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.cuts import change_for
from eks_access.questions.escalation.graph_changes import Change
from eks_access.questions.escalation.search import Path, Search
from eks_access.questions.escalation.techniques import OWN
from eks_identity.evaluation.cluster_rights import missing_permissions
from eks_identity.evaluation.rbac import AUTHENTICATED, Grant

_ROUNDS = 8
_KINDS: Mapping[ActorKind, FindingKind] = {
    ActorKind.ACCOUNT_ADMINISTRATOR: kinds.TO_ACCOUNT_ADMINISTRATOR,
    ActorKind.CLUSTER_ADMINISTRATOR: kinds.TO_CLUSTER_ADMINISTRATOR,
    ActorKind.PRINCIPAL: kinds.TO_IAM_PRINCIPAL,
    ActorKind.IAM_GROUP: kinds.TO_IAM_PRINCIPAL,
    ActorKind.NODE: kinds.TO_NODE,
}
_TITLES = {technique.id: technique.title for technique in OWN}


@dataclass(frozen=True)
class Step:
    """One step of a path."""

    actor: str
    """The subject that makes the step."""
    technique: str
    """Id of the technique; empty for what the actor has without one, such as the role of a service account."""
    does: str
    permissions: tuple[str, ...]
    """The permissions that the step needs, and where they come from."""
    reaches: str
    conditions: tuple[str, ...] = ()

    def __str__(self) -> str:
        needs = f" by {', '.join(self.permissions)}" if self.permissions else ""
        return f"{self.technique or self.does}: {self.reaches}{needs}"


@dataclass(frozen=True)
class Cut:
    """The one change that closes a path."""

    kind: str
    """`role rule`, `binding`, `access policy` or `policy statement`."""
    subject: str
    """The object that changes."""
    change: str
    fix: Fix
    is_checked: bool
    """Whether the search in a copy of the graph with this change does not find the path again."""
    has_other_paths: bool
    """Whether that search still reaches the same by another path, which is listed too."""


@dataclass(frozen=True)
class Escalation:
    """A path from a subject to what it can become."""

    subject: str
    subject_kind: str
    reaches: str
    kind: FindingKind
    steps: tuple[Step, ...]
    cut: Cut | None
    """None if no change of one object closes the path."""
    also_reaches: tuple[str, ...] = ()
    """What the same permissions reach as well."""

    @property
    def severity(self) -> Severity:
        return self.kind.severity

    @property
    def conditions(self) -> tuple[str, ...]:
        """What decides whether the path holds; empty: it holds."""
        return tuple(dict.fromkeys(text for step in self.steps for text in step.conditions))

    @property
    def techniques(self) -> tuple[str, ...]:
        return tuple(step.technique for step in self.steps if step.technique)

    def finding(self) -> Finding:
        """Return the path as a finding, with the cut as its fix."""
        path = "; ".join(map(str, self.steps))
        conditions = f"; if {' and '.join(self.conditions)}" if self.conditions else ""
        fix = self.cut.fix if self.cut else commands.advice("change the permissions of one of the steps")
        should = self.cut.change if self.cut else "no such path"
        return Finding(self.kind, f"{self.subject} → {self.reaches}", f"{path}{conditions}", should, fix)


@dataclass(frozen=True)
class Escalations:
    """All paths of one graph."""

    cluster: str
    paths: tuple[Escalation, ...]
    administrators: tuple[str, ...] = ()
    """Subjects that can do everything already. Their paths are not listed."""
    not_evaluated: tuple[str, ...] = ()
    """What may make further paths and could not be decided."""


def escalations(graph: AccessGraph, subject: str | None = None) -> Escalations:
    """Return all escalations, or those of one subject: an ARN, `NAMESPACE/NAME`, `user:NAME` or `group:NAME`."""
    search = Search(Context(graph))
    sources = [parse_subject(subject)] if subject else list(_sources(search.context))
    found: list[tuple[tuple[object, ...], Escalation]] = []
    administrators = []
    for source in sources:
        administered = [edge.target for edge in search.edges(source) if not edge.technique and _is_goal(edge)]
        administrators += [f"{source}: {target}" for target in administered]
        if subject or not administered:
            found += _of_source(search, source, keep_own=bool(subject))
    found.sort(key=lambda each: each[0])
    paths = tuple(escalation for _, escalation in found)
    not_evaluated = tuple(dict.fromkeys(_not_evaluated(search)))
    return Escalations(graph.cluster.get().name, paths, tuple(administrators), not_evaluated)


def new_escalations(before: AccessGraph, after: AccessGraph) -> tuple[Escalation, ...]:
    """Return the escalations of a graph that an earlier one does not have, or had under more conditions."""
    existing = {
        (path.subject, target, bool(path.conditions)) for path in escalations(before).paths for target in _all(path)
    }
    found = []
    for path in escalations(after).paths:
        is_conditional = bool(path.conditions)
        new = [
            target
            for target in _all(path)
            if (path.subject, target, False) not in existing
            and not (is_conditional and (path.subject, target, True) in existing)
        ]
        if path.reaches in new:
            found.append(replace(path, also_reaches=tuple(target for target in new if target != path.reaches)))
        elif new:
            steps = (*path.steps[:-1], replace(path.steps[-1], reaches=new[0]))
            found.append(replace(path, reaches=new[0], also_reaches=tuple(new[1:]), steps=steps))
    return tuple(found)


def _all(path: Escalation) -> tuple[str, ...]:
    return (path.reaches, *path.also_reaches)


def parse_subject(text: str) -> Actor:
    """Return the actor of an argument; raise `UsageError` for other text."""
    prefix, separator, name = text.partition(":")
    if text.startswith("arn:"):
        return Actor(ActorKind.PRINCIPAL, text)
    if separator and name and prefix in {"user", "group"}:
        return Actor(ActorKind.USER if prefix == "user" else ActorKind.GROUP, name)
    namespace, slash, account = text.partition("/")
    if slash and namespace and account and "/" not in account:
        return Actor(ActorKind.SERVICE_ACCOUNT, text)
    message = f"--from {text!r} must be an ARN, NAMESPACE/NAME of a service account, user:NAME or group:NAME"
    raise UsageError(message, f"pass group:{AUTHENTICATED} for everybody with a token, for example")


def _sources(context: Context) -> Iterator[Actor]:
    """Yield the subjects whose paths are searched."""
    if context.trusts is not None:
        for arn in (*context.trusts.roles, *context.trusts.users):
            yield Actor(ActorKind.PRINCIPAL, arn)
    for kind, name in context.cluster.by_name if context.cluster else ():
        actor = _subject(kind, name)
        bindings = [granted.origin for granted in context.cluster.of(actor)] if context.cluster else []
        is_own = all(is_system(origin.binding) for origin in bindings if hasattr(origin, "binding"))
        if not (is_own and _is_of_kubernetes(actor)):
            yield actor


def _subject(kind: str, name: str) -> Actor:
    if name.startswith("system:serviceaccount:"):
        return Actor(ActorKind.SERVICE_ACCOUNT, name.removeprefix("system:serviceaccount:").replace(":", "/"))
    return Actor(ActorKind.GROUP if kind == "Group" else ActorKind.USER, name)


def _is_of_kubernetes(actor: Actor) -> bool:
    """Return whether Kubernetes or EKS created a subject, if only their own bindings name it."""
    if actor.kind is ActorKind.SERVICE_ACCOUNT:
        return actor.name.startswith("kube-system/")
    is_public = actor.name in {AUTHENTICATED, UNAUTHENTICATED} or actor.name.startswith(EVERY_SERVICE_ACCOUNT)
    return actor.name.startswith(("system:", "eks:")) and not is_public


def _is_goal(edge: Edge) -> bool:
    is_goal = edge.target.kind in {ActorKind.CLUSTER_ADMINISTRATOR, ActorKind.ACCOUNT_ADMINISTRATOR}
    return is_goal and not edge.conditions


def _of_source(search: Search, source: Actor, *, keep_own: bool) -> Iterator[tuple[tuple[object, ...], Escalation]]:
    """Yield the escalations of one subject, in rounds: each round searches without the paths of those before."""
    if not keep_own and not any(edge.technique for edge in search.edges(source)):
        return
    current, cuts = search, _Cuts(search, source)
    for _ in range(_ROUNDS):
        changes: dict[Change, None] = {}
        for group in _groups(current, source, keep_own=keep_own).values():
            target, path = group[0]
            change = _change(current, path)
            changes |= {change: None} if change is not None else {}
            cut = None if change is None else cuts.checked(current, change, target, path)
            also = tuple(str(other) for other, _ in group[1:])
            escalation = Escalation(
                str(source), source.kind.value, str(target), _kind(target), _steps(source, path), cut, also
            )
            yield _order(escalation), escalation
        if not changes:
            return
        current = current.without(*changes)


def _groups(search: Search, source: Actor, *, keep_own: bool) -> dict[object, list[tuple[Actor, Path]]]:
    """Return the paths of a subject; those that differ only in the members of a set are one group."""
    own = search.own(source)
    groups: dict[object, list[tuple[Actor, Path]]] = {}
    for target, path in search.paths(source).items():
        uses_technique = any(edge.technique for edge in path)
        is_listed_elsewhere = not path[0].technique and not keep_own
        if target in own or not uses_technique or is_listed_elsewhere or not _has_more(search.context, source, target):
            continue
        signature = (target.kind, tuple(map(_signature, path)))
        groups.setdefault(signature, []).append((target, path))
    return groups


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
        has_policies = policies is not None and bool(policies.identity)
        return has_policies or bool(context.cluster and context.cluster.of(target))
    if context.cluster is None:
        return False
    theirs, mine = context.cluster.of(target), context.cluster.of(source)
    if not theirs:
        return False
    grants = ([Grant(each.rules, each.scope) for each in granted] for granted in (theirs, mine))
    return next(missing_permissions(*grants), None) is not None


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


def _order(path: Escalation) -> tuple[object, ...]:
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


def _not_evaluated(search: Search) -> Iterable[str]:
    context = search.context
    yield from search.not_evaluated
    yield from context.aws.not_evaluated()
    for part in (context.trusts, context.workloads):
        yield from part.not_evaluated if part is not None else ()
    if context.cluster is not None:
        yield from context.cluster.undocumented
