"""Faults of a binding that no user needs to show: its role does not exist, or aggregates nothing.

A finding without a request has advice as its fix: which rules the role should have, only its owner can say.
"""

from __future__ import annotations

import difflib

from eks_access.catalogue import cluster_access as kinds
from eks_access.findings import Finding
from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import RbacBinding, RbacRole
from eks_access.questions import commands
from eks_identity.evaluation.rbac import Request, allows

SIMILARITY = 0.8
"""Share of equal characters from which a name counts as a misspelt one."""


def missing_role(graph: AccessGraph, binding: RbacBinding, request: Request | None = None) -> Finding:
    """Return the finding of a binding whose role does not exist; `request` is what its subjects need."""
    names = [
        name
        for (namespace, name), role in graph.rbac_roles.all().items()
        if namespace == binding.role[0] and (request is None or allows(role.rules, request))
    ]
    similar = difflib.get_close_matches(binding.role_name, names, n=1, cutoff=SIMILARITY)
    says = f"{binding.role_kind} {binding.role_name}, which does not exist"
    if similar:
        fix = commands.recreate_binding(binding, binding.role_kind, similar[0])
        return Finding(kinds.BINDING_ROLE_MISSING, str(binding), says, f"{binding.role_kind} {similar[0]}", fix)
    if request is not None:
        fix = commands.create_role(binding.role_name, request, binding.role[0])
        return Finding(kinds.BINDING_ROLE_MISSING, str(binding), says, "an existing role with the permission", fix)
    fix = commands.advice(f"create {binding.role_kind} {binding.role_name}, or delete {binding}")
    return Finding(kinds.BINDING_ROLE_MISSING, str(binding), says, "an existing role", fix)


def empty_aggregation(role: RbacRole, request: Request | None = None) -> Finding:
    """Return the finding of a ClusterRole that aggregates nothing; `request` is what it should allow."""
    labels = [f"{key}={value}" for key, value in role.aggregates[0].items()]
    should = f"a ClusterRole with the labels {', '.join(labels)}"
    if not labels:
        should = "a ClusterRole with labels that the aggregationRule selects"
        fix = commands.advice(f"run `kubectl get clusterrole {role.name} -o yaml`, and label a ClusterRole as it says")
    elif request is None:
        fix = commands.advice(f"add the labels {', '.join(labels)} to the ClusterRole whose rules {role} should have")
    else:
        name = f"{role.name}-{request.verb}-{request.resource.replace('/', '-')}"
        label = commands.command("kubectl", "label", "clusterrole", name, *labels)
        fix = commands.together(commands.create_role(name, request, None), label)
    return Finding(kinds.CLUSTER_ROLE_AGGREGATES_NOTHING, str(role), "no rules", should, fix)
