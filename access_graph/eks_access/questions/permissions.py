"""What allows a Kubernetes user a request: access policies, the group system:masters, and bindings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import RbacBinding
from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.cluster_rights import ClusterUser
from eks_identity.evaluation.iam import matches
from eks_identity.evaluation.rbac import AUTHENTICATED, Request, allows
from eks_identity.model.existing_entries import AssociatedPolicy
from eks_identity.model.identities import MASTERS
from eks_identity.model.rbac import Rule


def allowing(graph: AccessGraph, user: ClusterUser, request: Request) -> Iterator[str]:
    """Yield what allows the request, in words. Raises `NotReadError` if bindings decide and were not read."""
    if MASTERS in user.groups:
        yield f"group {MASTERS} is allowed everything"
    yield from (f"access policy {policy}" for policy in user.policies if policy_allows(policy, request))
    for binding in bindings_of(graph, user):
        if in_scope(binding, request) and allows(rules_of(graph, binding), request):
            yield f"{binding} grants {binding.role_kind} {binding.role_name}"


def is_allowed(graph: AccessGraph, user: ClusterUser, request: Request) -> bool:
    """Return whether something allows the request."""
    return next(allowing(graph, user, request), None) is not None


def policy_allows(policy: AssociatedPolicy, request: Request) -> bool:
    """Return whether an access policy allows the request. The rules of some policies are not documented."""
    return policy_reaches(policy, request) and allows(ACCESS_POLICY_RULES.get(policy_name(policy), ()), request)


def policy_reaches(policy: AssociatedPolicy, request: Request) -> bool:
    """Return whether the scope of an access policy includes the request's namespace."""
    namespace = request.namespace
    return not policy.namespaces or (
        namespace is not None and any(matches(pattern, namespace) for pattern in policy.namespaces)
    )


def policy_name(policy: AssociatedPolicy) -> str:
    """Return the name of an access policy, as AWS documents it."""
    return policy.arn.rpartition("/")[2]


def undocumented_policies(users: Mapping[str, ClusterUser]) -> Iterator[str]:
    """Yield the access policies of mapped principals whose rules AWS does not document, in words."""
    for arn, user in users.items():
        for policy in user.policies:
            if policy_name(policy) not in ACCESS_POLICY_RULES and not user.username.startswith("system:node"):
                yield f"{arn}: AWS does not document the rules of access policy {policy}"


def bindings_of(graph: AccessGraph, user: ClusterUser) -> Iterator[RbacBinding]:
    """Yield the bindings of the user and of its groups, in all namespaces, whether or not their role exists."""
    groups = {*user.groups, AUTHENTICATED}
    for binding in graph.rbac_bindings.all().values():
        for subject in binding.evaluated().subjects:
            if subject.name in groups if subject.kind == "Group" else subject.name == user.username:
                yield binding
                break


def rules_of(graph: AccessGraph, binding: RbacBinding) -> tuple[Rule, ...]:
    """Return the rules of a binding's role; none if the role does not exist."""
    role = graph.rbac_roles.get(binding.role)
    return () if role is None else role.rules


def in_scope(binding: RbacBinding, request: Request) -> bool:
    """Return whether a binding applies in the request's namespace. A RoleBinding grants no paths."""
    return binding.namespace is None or (binding.namespace == request.namespace and not request.is_path)
