"""The smallest existing access that allows a principal a request, as the commands that grant it."""

from __future__ import annotations

from eks_access.findings import Fix
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions import commands
from eks_access.questions.permissions import in_scope, rules_of
from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.rbac import Request, allows
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.access_policies import access_policy_arn
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import UserMapping
from eks_identity.model.existing_entries import AssociatedPolicy

_BY_SIZE = (
    *("AmazonEKSSecretReaderPolicy", "AmazonEKSViewPolicy", "AmazonEKSEditPolicy", "AmazonEKSAdminPolicy"),
    *("AmazonEKSAdminViewPolicy", "AmazonEKSClusterAdminPolicy"),
)
"""Access policies for people, the smallest first."""


def grant_access(graph: AccessGraph, principal: Principal, mode: AuthenticationMode, request: Request) -> Fix:
    """Return the commands that map a principal without a mapping, with access to the request."""
    group = group_with_access(graph, request)
    if mode.reads_access_entries:
        entry = commands.create_access_entry(graph.cluster.get(), principal.arn, None, [group] if group else [])
        return entry if group else commands.together(entry, associate_smallest(graph, principal, request))
    name = group or f"{principal.name.lower()}-access"
    try:
        current = graph.aws_auth.get()
    except NotReadError as error:
        return commands.advice(f"allow the caller to read aws-auth: {error}")
    mapping = commands.write_aws_auth(current, current.document.add(UserMapping.of(principal.arn, [name])))
    return mapping if group else commands.together(grant_to_group(name, request), mapping)


def group_with_access(graph: AccessGraph, request: Request) -> str | None:
    """Return the group that a binding allows the request, the one with the fewest rules; None if there is none."""
    groups: dict[str, int] = {}
    graph.rbac_roles.prefetch()
    try:
        for binding in graph.rbac_bindings.all().values():
            rules = rules_of(graph, binding)
            for subject in binding.subjects:
                is_own = subject.kind == "Group" and not subject.name.startswith("system:")
                if is_own and in_scope(binding, request) and allows(rules, request):
                    groups[subject.name] = min(len(rules), groups.get(subject.name, len(rules)))
    except NotReadError:
        return None
    return min(groups, key=lambda name: (groups[name], name), default=None)


def associate_smallest(graph: AccessGraph, principal: Principal, request: Request) -> Fix:
    """Return the command that associates the smallest access policy which allows the request, in its namespace."""
    cluster = graph.cluster.get()
    name = next(policy for policy in _BY_SIZE if allows(ACCESS_POLICY_RULES[policy], request))
    namespaces = () if request.namespace is None else (request.namespace,)
    policy = AssociatedPolicy(access_policy_arn(principal.partition, name), namespaces)
    return commands.associate_access_policy(cluster, principal.arn, policy)


def grant_to_group(group: str, request: Request) -> Fix:
    """Return the commands that create a role for the request and bind it to a group."""
    name = f"{group.replace(':', '-')}-{request.verb}-{request.resource.strip('/').replace('/', '-')}"
    return commands.together(
        commands.create_role(name, request, request.namespace),
        commands.bind_group(name, "Role" if request.namespace else "ClusterRole", name, group, request.namespace),
    )
