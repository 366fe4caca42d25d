"""Everybody with permissions in the cluster, and their grants: mapped IAM principals, service accounts, users, groups.

Groups that the API server adds itself, such as `system:authenticated`, are subjects of their own: their permissions are
not repeated for each member.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import RbacBinding
from eks_access.graph.tables import NotReadError
from eks_access.questions.cluster_mappings import ClusterMappings
from eks_identity.errors import InvalidInput
from eks_identity.evaluation.cluster_rights import ClusterUser, policy_grant
from eks_identity.evaluation.rbac import Grant
from eks_identity.model.arns import Principal
from eks_identity.model.identities import MASTERS
from eks_identity.model.rbac import Rule

EVERYTHING = Grant((Rule(("*",), ("*",), ("*",)), Rule(("*",), non_resource_urls=("*",))))
_SERVICE_ACCOUNT = "system:serviceaccount:"


class SubjectKind(StrEnum):
    """Kind of a subject."""

    PRINCIPAL = "IAM principal"
    SERVICE_ACCOUNT = "service account"
    USER = "user"
    GROUP = "group"


@dataclass(frozen=True)
class Subject:
    """Somebody with permissions."""

    kind: SubjectKind
    name: str
    """ARN of an IAM principal, namespace and name of a service account, or the name in bindings."""

    def __str__(self) -> str:
        return self.name if self.kind is SubjectKind.PRINCIPAL else f"{self.kind} {self.name}"


def subjects(
    graph: AccessGraph, users: Mapping[str, ClusterUser], *, skip_system: bool = False
) -> dict[Subject, tuple[Grant, ...]]:
    """Return all subjects with their grants; `users` are those of `cluster_users`.

    Raises `NotReadError` if bindings are not read.

    With `skip_system`, bindings that Kubernetes and EKS create themselves are left out.
    """
    graph.rbac_roles.prefetch()
    bindings = [each for each in graph.rbac_bindings.all().values() if not (skip_system and is_system(each))]
    by_name = _by_name(graph, bindings)
    found: dict[Subject, tuple[Grant, ...]] = {}
    for arn, user in users.items():
        names = [("User", user.username), *(("Group", group) for group in user.groups)]
        grants = [EVERYTHING] if MASTERS in user.groups else []
        grants += [policy_grant(policy) for policy in user.policies]
        grants += [grant for name in names for grant in by_name.get(name, ())]
        found[Subject(SubjectKind.PRINCIPAL, arn)] = tuple(grants)
    for (kind, name), grants in by_name.items():
        found[named_subject(kind, name)] = tuple(grants)
    return found


def mapped_subjects(users: Iterable[ClusterUser]) -> set[Subject]:
    """Return the users and groups that IAM principals are mapped to: their permissions are those of the principals."""
    users = list(users)
    groups = {Subject(SubjectKind.GROUP, group) for user in users for group in user.groups}
    return groups | {Subject(SubjectKind.USER, user.username) for user in users}


def cluster_users(graph: AccessGraph, mappings: ClusterMappings | None = None) -> dict[str, ClusterUser]:
    """Return the Kubernetes user of each mapped IAM principal that exists, by ARN.

    `mappings` are those of the graph, if the caller has them. Raises `NotReadError` if mappings are not read.
    """
    mappings = mappings or ClusterMappings(graph)
    state = graph.cluster_state()
    users = {}
    for arn in mappings.arns():
        try:
            principal = Principal.parse(arn)
        except InvalidInput:
            continue  # matches no principal: `list` has the finding
        if mappings.principal(arn) is None:
            continue
        user = state.user(principal)
        if user is not None:
            users[arn] = user
    return users


def is_system(binding: RbacBinding) -> bool:
    """Return whether Kubernetes or EKS creates the binding itself, by its name."""
    return binding.name.startswith(("system:", "eks:")) or binding.name == "cluster-admin"


def _by_name(graph: AccessGraph, bindings: Iterable[RbacBinding]) -> dict[tuple[str, str], list[Grant]]:
    """Return the grants of bindings by kind and name of their subjects."""
    found: dict[tuple[str, str], list[Grant]] = {}
    for binding in bindings:
        grant = Grant(tuple(_rules(graph, binding)), () if binding.namespace is None else (binding.namespace,))
        for subject in binding.evaluated().subjects:
            found.setdefault((subject.kind, subject.name), []).append(grant)
    return found


def _rules(graph: AccessGraph, binding: RbacBinding) -> Iterator[Rule]:
    """Yield the rules of a binding's role; one that stands for all of them if the role was not read."""
    try:
        role = graph.rbac_roles.get(binding.role)
    except NotReadError:
        yield Rule((f"the rules of {binding.role_kind} {binding.role_name}",), ("*",), ("*",))
        return
    if role is not None:
        yield from role.rules


def named_subject(kind: str, name: str) -> Subject:
    """Return the subject that a binding names."""
    if name.startswith(_SERVICE_ACCOUNT):
        return Subject(SubjectKind.SERVICE_ACCOUNT, name.removeprefix(_SERVICE_ACCOUNT).replace(":", "/"))
    return Subject(SubjectKind.GROUP if kind == "Group" else SubjectKind.USER, name)
