"""The rules of aggregated ClusterRoles, which a controller of Kubernetes writes and a stack does not declare.

Source: Kubernetes, "Using RBAC Authorization", Aggregated ClusterRoles; `pkg/controller/clusterroleaggregation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from eks_access.graph.kubernetes_objects import RbacRole
from eks_identity.evaluation.default_roles import DEFAULT_ROLES
from eks_identity.evaluation.rbac import RoleKey
from eks_identity.model.rbac import Rule

_TO = "rbac.authorization.k8s.io/aggregate-to-"
_NEXT = {"view": "edit", "edit": "admin"}
"""Kubernetes aggregates view to edit, and edit to admin."""


def default_roles() -> dict[RoleKey, RbacRole]:
    """Return the ClusterRoles that Kubernetes creates in every cluster, with their aggregation."""
    return {(None, name): _default_role(name) for name in DEFAULT_ROLES}


def _default_role(name: str) -> RbacRole:
    if name == "cluster-admin":
        return RbacRole(None, name, DEFAULT_ROLES[name])
    labels = {f"{_TO}{_NEXT[name]}": "true"} if name in _NEXT else {}
    return RbacRole(None, name, DEFAULT_ROLES[name], ({f"{_TO}{name}": "true"},), labels)


def aggregate(roles: Mapping[RoleKey, RbacRole]) -> dict[RoleKey, RbacRole]:
    """Return `roles` with the rules that the controller writes: those of the ClusterRoles that a selector selects.

    They replace the declared rules, which stay if there are none: the controller applies no empty list. An aggregated
    ClusterRole may select another, so each is written as many times as a chain of all of them needs.
    """
    found = dict(roles)
    aggregated = sorted((role for role in roles.values() if role.aggregates), key=lambda role: role.name)
    cluster_roles = sorted(name for namespace, name in roles if namespace is None)
    for _ in aggregated:
        before = dict(found)
        for role in aggregated:
            others = [found[None, name] for name in cluster_roles if name != role.name]
            found[role.key] = replace(role, rules=_selected_rules(role, others) or role.rules)
        if found == before:
            break
    return found


def _selected_rules(role: RbacRole, others: Sequence[RbacRole]) -> tuple[Rule, ...]:
    selected = (
        other.rules for selector in role.aggregates for other in others if selector.items() <= other.labels.items()
    )
    # The default roles select roles that the graph lacks.
    return tuple(dict.fromkeys(chain(DEFAULT_ROLES.get(role.name, ()), *selected)))
