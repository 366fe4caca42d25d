"""The question "who can do this in the cluster?": every subject with the paths by which it can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import RbacBinding
from eks_access.questions.cluster_mappings import ClusterMappings
from eks_access.questions.cluster_subjects import Subject, SubjectKind, cluster_users, is_system, named_subject
from eks_access.questions.permissions import in_scope, policy_allows, policy_name, policy_reaches, rules_of
from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.cluster_rights import ClusterUser
from eks_identity.evaluation.rbac import AUTHENTICATED, Request, allows
from eks_identity.model.identities import MASTERS

_EVERY_SERVICE_ACCOUNT = "system:serviceaccounts"
_SYSTEM_SUBJECTS = ("system:kube-", "system:node", "system:masters", "kube-system/", "eks:")
"""Beginnings of the names of components of the control plane; `system:authenticated` is not one of them."""


@dataclass(frozen=True)
class Path:
    """How a subject can make the request."""

    subject: str
    kind: SubjectKind
    steps: tuple[str, ...]
    """The objects from the subject to the permission, in order."""
    conditions: tuple[str, ...] = ()
    """What decides whether the path holds; empty: it holds."""
    is_of_system: bool = False
    """Whether Kubernetes or EKS creates the binding itself, for a part of its own."""
    pods: tuple[str, ...] = ()
    """The pods that run with the subject, if that is a service account, in a path of AWS."""

    def __str__(self) -> str:
        conditional = f", if {' and '.join(self.conditions)}" if self.conditions else ""
        return " → ".join((self.subject, *self.steps)) + conditional


@dataclass(frozen=True)
class WhoCan:
    """All paths to a permission."""

    question: str
    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    """What no path shows."""


def who_can(graph: AccessGraph, request: Request) -> WhoCan:
    """Return everybody who can make a request in the cluster. Raises `NotReadError` if bindings are not read."""
    paths = sorted(_paths(graph, request), key=path_order)
    return WhoCan(f"who can {request}?", tuple(paths))


def path_order(path: Path) -> tuple[object, ...]:
    """Return the key by which paths are sorted: those with conditions last."""
    return (bool(path.conditions), path.kind, path.subject, path.steps)


@dataclass(frozen=True)
class _Granting:
    """A binding that allows the request, and its subjects."""

    binding: RbacBinding
    subjects: tuple[Subject, ...]
    conditions: tuple[str, ...]

    @property
    def steps(self) -> tuple[str, str]:
        return (str(self.binding), f"{self.binding.role_kind} {self.binding.role_name}")


def _paths(graph: AccessGraph, request: Request) -> Iterator[Path]:
    granting = list(_granting(graph, request))
    mappings = ClusterMappings(graph)
    sources = mapping_sources(mappings)
    mapped: set[Subject] = set()
    for arn, user in cluster_users(graph, mappings).items():
        for steps, conditions in _own(user, request):
            yield Path(arn, SubjectKind.PRINCIPAL, (sources[arn], *steps), conditions)
        for each in granting:
            for subject in filter(partial(is_named, user=user), each.subjects):
                mapped.add(subject)
                steps = (sources[arn], str(subject), *each.steps)
                yield Path(arn, SubjectKind.PRINCIPAL, steps, each.conditions)
    for each in granting:
        for subject in each.subjects:
            # The group of a mapped principal is shown with the principal.
            if subject not in mapped:
                is_own = is_of_system(each.binding, subject)
                yield Path(subject_words(subject), subject.kind, each.steps, each.conditions, is_of_system=is_own)


def _granting(graph: AccessGraph, request: Request) -> Iterator[_Granting]:
    """Yield the bindings that allow the request, for all objects or for those of some names."""
    graph.rbac_roles.prefetch()
    for binding in graph.rbac_bindings.all().values():
        if not in_scope(binding, request):
            continue
        rules = rules_of(graph, binding)
        conditions: tuple[str, ...] = ()
        if not allows(rules, request):
            names = [] if request.name else [name for rule in rules for name in rule.resource_names]
            allowed = [name for name in dict.fromkeys(names) if allows(rules, replace(request, name=name))]
            if not allowed:
                continue
            conditions = (f"the object is {' or '.join(allowed)}",)
        subjects = (named_subject(subject.kind, subject.name) for subject in binding.evaluated().subjects)
        yield _Granting(binding, tuple(subjects), conditions)


def _own(user: ClusterUser, request: Request) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield what allows the request without a binding, with its conditions."""
    if MASTERS in user.groups:
        yield (f"group {MASTERS}",), ()
    for policy in user.policies:
        if policy_allows(policy, request):
            yield (f"access policy {policy}",), ()
        elif policy_name(policy) not in ACCESS_POLICY_RULES and policy_reaches(policy, request):
            yield (f"access policy {policy}",), ("its rules allow it, which AWS does not document",)


def mapping_sources(mappings: ClusterMappings) -> Mapping[str, str]:
    """Return the mapping of each principal in words."""
    live = {arn for arn, entry in mappings.entries.items() if not mappings.is_dead(entry)}
    return {arn: "access entry" if arn in live else "aws-auth" for arn in mappings.arns()}


def is_of_system(binding: RbacBinding, subject: Subject) -> bool:
    """Return whether Kubernetes or EKS creates the binding itself, for a part of its own."""
    return is_system(binding) and subject.name.startswith(_SYSTEM_SUBJECTS)


def is_named(subject: Subject, user: ClusterUser) -> bool:
    """Return whether a subject of bindings is a Kubernetes user or one of its groups."""
    if subject.kind is SubjectKind.GROUP:
        return subject.name in user.groups
    return subject.kind is SubjectKind.USER and subject.name == user.username


def subject_words(subject: Subject) -> str:
    """Return a subject of bindings, with what its name does not say."""
    if subject == Subject(SubjectKind.GROUP, AUTHENTICATED):
        return f"{subject}: everybody with a valid token"
    if subject.kind is SubjectKind.GROUP and subject.name.startswith(_EVERY_SERVICE_ACCOUNT):
        namespace = subject.name.removeprefix(_EVERY_SERVICE_ACCOUNT).removeprefix(":")
        return f"{subject}: every service account" + (f" of namespace {namespace}" if namespace else "")
    return str(subject)
