"""The question "who can become somebody with more permissions?": all paths, the shortest first, each with its cut.

Left out by default: administrators of the cluster or of the account, who can do everything already; service-linked
roles; and users, groups and service accounts of Kubernetes and EKS themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from eks_access.graph import AccessGraph
from eks_access.questions.escalation.actors import ActorKind, Edge
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.results import Cut, Escalation, Escalations, Step
from eks_access.questions.escalation.search import Search
from eks_access.questions.escalation.subject_paths import path_order, paths_of_subject
from eks_access.questions.escalation.subjects import every_subject, parse_subject

__all__ = ["Cut", "Escalation", "Escalations", "Step", "escalations", "new_escalations", "parse_subject"]


def escalations(graph: AccessGraph, subject: str | None = None) -> Escalations:
    """Return all escalations, or those of one subject: an ARN, `NAMESPACE/NAME`, `user:NAME` or `group:NAME`."""
    search = Search(Context(graph))
    sources = [parse_subject(subject)] if subject else list(every_subject(search.context))
    paths: list[Escalation] = []
    administrators = []
    for source in sources:
        administered = [edge.target for edge in search.edges(source) if not edge.technique and _is_goal(edge)]
        administrators += [f"{source}: {target}" for target in administered]
        if subject or not administered:
            paths += paths_of_subject(search, source, keep_own=bool(subject))
    paths.sort(key=path_order)
    not_evaluated = tuple(dict.fromkeys(_not_evaluated(search)))
    return Escalations(graph.cluster.get().name, tuple(paths), tuple(administrators), not_evaluated)


def new_escalations(before: AccessGraph, after: AccessGraph) -> Escalations:
    """Return the escalations of a graph that an earlier one does not have, or had under more conditions.

    What could not be decided in one of the two is not evaluated: it may make a path in the later graph only.
    """
    earlier, later = escalations(before), escalations(after)
    existing = {(path.subject, target, bool(path.conditions)) for path in earlier.paths for target in _all(path)}
    found = []
    for path in later.paths:
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
    not_evaluated = tuple(dict.fromkeys((*earlier.not_evaluated, *later.not_evaluated)))
    return replace(later, paths=tuple(found), not_evaluated=not_evaluated)


def _all(path: Escalation) -> tuple[str, ...]:
    return (path.reaches, *path.also_reaches)


def _is_goal(edge: Edge) -> bool:
    is_goal = edge.target.kind in {ActorKind.CLUSTER_ADMINISTRATOR, ActorKind.ACCOUNT_ADMINISTRATOR}
    return is_goal and not edge.conditions


def _not_evaluated(search: Search) -> Iterable[str]:
    context = search.context
    yield from search.not_evaluated
    yield from context.aws.not_evaluated()
    for part in (context.trusts, context.workloads, context.cluster):
        yield from part.not_evaluated if part is not None else ()
