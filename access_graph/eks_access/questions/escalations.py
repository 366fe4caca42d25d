"""The question "who can become somebody with more permissions?": all paths, the shortest first, each with its cut.

Left out by default: administrators of the cluster or of the account, who can do everything already; service-linked
roles; and users, groups and service accounts of Kubernetes and EKS themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from eks_access.graph import AccessGraph
from eks_access.questions.escalation.actors import Actor, ActorKind, Edge
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.results import Cut, Escalation, Escalations, Step
from eks_access.questions.escalation.search import Search
from eks_access.questions.escalation.subject_paths import path_order, paths_of_subject, targets_of_subject
from eks_access.questions.escalation.subjects import every_subject, parse_subject, require_existing

__all__ = [
    "Cut",
    "Escalation",
    "Escalations",
    "Step",
    "escalations",
    "new_escalations",
    "parse_subject",
    "require_existing",
]

_Reached = tuple[str, str, bool]
"""A subject, what it reaches, and whether all paths to it have conditions."""


def escalations(graph: AccessGraph, subject: str | None = None) -> Escalations:
    """Return all escalations, or those of one subject: an ARN, `NAMESPACE/NAME`, `user:NAME` or `group:NAME`."""
    search = Search(Context(graph))
    sources = [parse_subject(subject)] if subject else list(every_subject(search.context))
    administrators = _administrators(search, sources)
    searched = [source for source in sources if subject or source not in administrators]
    paths = [path for source in searched for path in paths_of_subject(search, source, keep_own=bool(subject))]
    return _result(search, administrators, paths, _not_evaluated(search))


def new_escalations(before: AccessGraph, after: AccessGraph) -> Escalations:
    """Return the escalations of a graph that an earlier one does not have, or had under more conditions.

    What could not be decided in one of the two is not evaluated: it may make a path in the later graph only. Cuts are
    searched only for subjects that reach something new.
    """
    earlier, later = (Search(Context(graph)) for graph in (before, after))
    existing = set(_reached(earlier, _ordinary(earlier)[0]))
    sources, administrators = _ordinary(later)
    found = []
    for source in sources:
        if any(_is_new(reached, existing) for reached in _reached(later, [source])):
            paths = paths_of_subject(later, source, keep_own=False)
            found += [new for path in paths for new in _new_part(path, existing)]
    return _result(later, administrators, found, [*_not_evaluated(earlier), *_not_evaluated(later)])


def _ordinary(search: Search) -> tuple[list[Actor], dict[Actor, list[Actor]]]:
    """Return the subjects that are no administrators, and those that are."""
    sources = list(every_subject(search.context))
    administrators = _administrators(search, sources)
    return [source for source in sources if source not in administrators], administrators


def _administrators(search: Search, sources: Iterable[Actor]) -> dict[Actor, list[Actor]]:
    """Return the subjects that are administrators, each with what it administers."""
    found = {}
    for source in sources:
        administered = [edge.target for edge in search.edges(source) if not edge.technique and _is_goal(edge)]
        if administered:
            found[source] = administered
    return found


def _reached(search: Search, sources: Iterable[Actor]) -> Iterator[_Reached]:
    for source in sources:
        for target, is_conditional in targets_of_subject(search, source):
            yield str(source), target, is_conditional


def _is_new(reached: _Reached, existing: Collection[_Reached]) -> bool:
    subject, target, is_conditional = reached
    return (subject, target, False) not in existing and not (is_conditional and reached in existing)


def _new_part(path: Escalation, existing: Collection[_Reached]) -> Iterator[Escalation]:
    """Yield a path with only what is new of that which it reaches."""
    targets = (path.reaches, *path.also_reaches)
    new = [target for target in targets if _is_new((path.subject, target, bool(path.conditions)), existing)]
    if path.reaches in new:
        yield replace(path, also_reaches=tuple(target for target in new if target != path.reaches))
    elif new:
        steps = (*path.steps[:-1], replace(path.steps[-1], reaches=new[0]))
        yield replace(path, reaches=new[0], also_reaches=tuple(new[1:]), steps=steps)


def _result(
    search: Search,
    administrators: Mapping[Actor, Iterable[Actor]],
    paths: Iterable[Escalation],
    not_evaluated: Iterable[str],
) -> Escalations:
    return Escalations(
        search.context.graph.cluster.get().name,
        tuple(sorted(paths, key=path_order)),
        tuple(f"{source}: {target}" for source, administered in administrators.items() for target in administered),
        tuple(dict.fromkeys(not_evaluated)),
    )


def _is_goal(edge: Edge) -> bool:
    is_goal = edge.target.kind in {ActorKind.CLUSTER_ADMINISTRATOR, ActorKind.ACCOUNT_ADMINISTRATOR}
    return is_goal and not edge.conditions


def _not_evaluated(search: Search) -> Iterable[str]:
    context = search.context
    yield from search.not_evaluated
    yield from context.aws.not_evaluated()
    for part in (context.trusts, context.workloads, context.cluster):
        yield from part.not_evaluated if part is not None else ()
