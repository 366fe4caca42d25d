"""Kubernetes subjects that get the AWS session of a service account.

A subject that may create pods in the namespace of a service account, or a controller that creates them, can run a pod
with it. A subject that may execute commands in its pods, or request its tokens, has its session too.

Source: Kubernetes documentation, "Role Based Access Control Good Practices" (workload creation, token request).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import RbacBinding
from eks_access.questions.cluster_mappings import ClusterMappings
from eks_access.questions.cluster_subjects import Subject, SubjectKind, cluster_users, named_subject
from eks_access.questions.permissions import policy_name, policy_reaches, rules_of, undocumented_policies
from eks_access.questions.who_can import is_of_system, mapping_sources, subject_words
from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.cluster_rights import ClusterUser
from eks_identity.evaluation.rbac import Request, allows
from eks_identity.model.identities import MASTERS
from eks_identity.model.rbac import Rule

_CREATE: Final = (
    *(Request("create", resource) for resource in ("pods", "replicationcontrollers")),
    *(Request("create", name, None, "apps") for name in ("deployments", "statefulsets", "daemonsets", "replicasets")),
    *(Request("create", name, None, "batch") for name in ("jobs", "cronjobs")),
)
_EXECUTE: Final = ("create", "get")
"""Verbs of `pods/exec`: a WebSocket connection is a GET."""
_EVERYTHING: Final = (Rule(("*",), ("*",), ("*",)),)


@dataclass(frozen=True)
class PodAccess:
    """A subject that gets the session of a service account."""

    subject: str
    kind: SubjectKind
    steps: tuple[str, ...]
    """The objects from the subject to the permission."""
    means: tuple[str, ...]
    """What it may do, as in "create pods"."""
    is_of_system: bool = False
    """Whether Kubernetes or EKS creates the binding itself, for a part of its own."""


@dataclass(frozen=True)
class _Holder:
    """A subject with rules, in the namespaces of a binding or an access policy."""

    subject: str
    kind: SubjectKind
    steps: tuple[str, ...]
    rules: tuple[Rule, ...]
    create: tuple[str, ...]
    """What of `_CREATE` the rules allow."""
    executes: bool
    """Whether a rule is on `pods/exec`, of all pods or of some names."""
    requests_tokens: bool
    is_of_system: bool = False

    @classmethod
    def of(cls, subject: str, kind: SubjectKind, steps: tuple[str, ...], rules: tuple[Rule, ...]) -> _Holder:
        create = tuple(_words(request) for request in _CREATE if allows(rules, request))
        means = (_mentions(rules, resource) for resource in ("pods/exec", "serviceaccounts/token"))
        return cls(subject, kind, steps, rules, create, *means)


class PodAccessSearch:
    """The subjects of a graph with permissions on pods."""

    def __init__(self, graph: AccessGraph) -> None:
        self._graph = graph
        mappings = ClusterMappings(graph)
        self._users = cluster_users(graph, mappings)
        self._sources = mapping_sources(mappings)
        self.not_evaluated = tuple(undocumented_policies(self._users))
        """Access policies that may give permissions on pods."""
        self._by_name = _users_by_name(self._users)
        self._everywhere: list[_Holder] = []
        self._in_namespace: dict[str, list[_Holder]] = {}
        self._of_principals: dict[str, tuple[_Holder, ...]] = {}
        graph.rbac_roles.prefetch()
        for binding in graph.rbac_bindings.all().values():
            self._add(binding)

    def find(self, namespace: str, name: str, pods: Sequence[str]) -> Iterator[PodAccess]:
        """Yield the subjects that get the session of a service account with these pods."""
        if namespace not in self._of_principals:
            self._of_principals[namespace] = tuple(self._without_binding(namespace))
        holders = (*self._everywhere, *self._in_namespace.get(namespace, ()), *self._of_principals[namespace])
        own = subject_words(Subject(SubjectKind.SERVICE_ACCOUNT, f"{namespace}/{name}"))
        for holder in holders:
            means = _means(holder, name, pods)
            if means and holder.subject != own:
                yield PodAccess(holder.subject, holder.kind, holder.steps, means, holder.is_of_system)

    def _add(self, binding: RbacBinding) -> None:
        steps = (str(binding), f"{binding.role_kind} {binding.role_name}")
        holder = _Holder.of("", SubjectKind.GROUP, steps, rules_of(self._graph, binding))
        if not holder.create and not holder.executes and not holder.requests_tokens:
            return
        scope = self._everywhere
        if binding.namespace is not None:
            scope = self._in_namespace.setdefault(binding.namespace, [])
        for bound in binding.evaluated().subjects:
            subject = named_subject(bound.kind, bound.name)
            users = self._by_name.get((bound.kind, bound.name), ())
            for arn in users:
                mapped = (self._sources[arn], str(subject), *steps)
                scope.append(replace(holder, subject=arn, kind=SubjectKind.PRINCIPAL, steps=mapped))
            if not users:
                is_own = is_of_system(binding, subject)
                words = subject_words(subject)
                scope.append(replace(holder, subject=words, kind=subject.kind, is_of_system=is_own))

    def _without_binding(self, namespace: str) -> Iterator[_Holder]:
        """Yield the principals with permissions in a namespace by the group system:masters, or by an access policy."""
        for arn, user in self._users.items():
            for step, rules in _own_rules(user, namespace):
                yield _Holder.of(arn, SubjectKind.PRINCIPAL, (self._sources[arn], step), rules)


def _own_rules(user: ClusterUser, namespace: str) -> Iterator[tuple[str, tuple[Rule, ...]]]:
    if MASTERS in user.groups:
        yield f"group {MASTERS}", _EVERYTHING
    for policy in user.policies:
        if policy_reaches(policy, Request("create", "pods", namespace)):
            yield f"access policy {policy}", tuple(ACCESS_POLICY_RULES.get(policy_name(policy), ()))


def _users_by_name(users: Mapping[str, ClusterUser]) -> dict[tuple[str, str], list[str]]:
    """Return the ARNs of mapped principals by kind and name of the subjects that bindings name them with."""
    found: dict[tuple[str, str], list[str]] = {}
    for arn, user in users.items():
        for name in (("User", user.username), *(("Group", group) for group in user.groups)):
            found.setdefault(name, []).append(arn)
    return found


def _words(request: Request) -> str:
    return f"create {request.resource}{f'.{request.api_group}' if request.api_group else ''}"


def _mentions(rules: Sequence[Rule], resource: str) -> bool:
    """Return whether rules may allow something on a subresource, of all objects or of some names."""
    written = {"*", resource, f"*/{resource.partition('/')[2]}"}
    return any(not written.isdisjoint(rule.resources) for rule in rules)


def _means(holder: _Holder, name: str, pods: Sequence[str]) -> tuple[str, ...]:
    found = list(holder.create)
    requests = (Request(verb, "pods/exec", name=pod) for verb, pod in product(_EXECUTE, pods))
    if holder.executes and any(allows(holder.rules, request) for request in requests):
        found.append("execute commands in its pods")
    if holder.requests_tokens and allows(holder.rules, Request("create", "serviceaccounts/token", name=name)):
        found.append("create serviceaccounts/token")
    return tuple(found)
