"""RBAC roles granted to a group: created or existing, bound in the whole cluster or in namespaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from eks_identity.errors import Problem, Problems
from eks_identity.model import names, rbac
from eks_identity.model.rbac import Rule

CLUSTER_ADMIN = "cluster-admin"
"""Kubernetes' own ClusterRole that allows everything."""

BUILTIN_ROLES = frozenset({CLUSTER_ADMIN, "admin", "edit", "view"})
"""The ClusterRoles for users that every cluster has."""
_KUBERNETES_OWN_PREFIXES = ("system:", "eks:")


@dataclass(frozen=True)
class RoleGrant:
    """An RBAC role and its bindings to a group."""

    kind: str
    """`ClusterRole` or `Role`."""
    name: str
    binding_name: str
    namespaces: tuple[str, ...] = ()
    """Namespaces of the bindings; empty: the whole cluster."""
    rules: tuple[Rule, ...] | None = None
    """None: the role exists."""

    @classmethod
    def of(cls, role: Mapping[str, Any], group: str) -> Self:
        """Return the grant of one item of `rbac_roles`; raise `InvalidInput` with all problems."""
        with Problems() as problems:
            kind = problems.parse("kind", rbac.role_kind, role.get("kind", "ClusterRole"))
            name = problems.parse("name", names.rbac_name, role["name"])
            rules = role.get("rules")
            # Many groups may be bound to an existing role, each by a separate binding.
            default_name = f"{group}-{role['name']}" if rules is None else f"{role['name']}-binding"
            binding_name = role.get("binding_name", default_name)
            if name is not None:
                problems.parse("binding_name", names.rbac_name, binding_name)
            namespaces = _namespaces(role, problems)
            if kind == "Role" and not role.keys() & {"namespace", "namespaces"}:
                rule = "must be set for kind Role (Kubernetes)"
                problems.add("namespace", rule, None, "set namespace, or use kind ClusterRole")
            parsed_rules = None
            if rules is not None:
                problems.extend(_builtin_role_problems(kind, role["name"]))
                in_namespace = bool(namespaces) or kind == "Role"
                parsed_rules = problems.parse("rules", rbac.rules, rules, namespaced=in_namespace)
        assert kind is not None
        return cls(kind, role["name"], binding_name, namespaces, parsed_rules)

    @property
    def is_cluster_admin(self) -> bool:
        """Whether its members are administrators of the cluster."""
        return (self.kind, self.name, self.namespaces) == ("ClusterRole", CLUSTER_ADMIN, ())

    @property
    def binding_namespaces(self) -> tuple[str | None, ...]:
        """The namespace of each RoleBinding; one None for a ClusterRoleBinding."""
        return self.namespaces or (None,)

    @property
    def role_namespaces(self) -> tuple[str | None, ...]:
        """The namespace of each created Role; one None for a ClusterRole."""
        if self.rules is None:
            return ()
        return self.namespaces if self.kind == "Role" else (None,)


def rbac_fields(grants: Sequence[RoleGrant], group: str) -> dict[str, Any]:
    """Return roles and bindings as dicts, as `LockoutGuard` stores them in the state."""
    roles = [
        {**_metadata(namespace, grant.name), "rules": [rule.manifest() for rule in grant.rules or ()]}
        for grant in grants
        for namespace in grant.role_namespaces
    ]
    bindings = [
        {**_metadata(namespace, grant.binding_name), "kind": grant.kind, "role": grant.name, "group": group}
        for grant in grants
        for namespace in grant.binding_namespaces
    ]
    return {"roles": roles, "bindings": bindings}


def _metadata(namespace: str | None, name: str) -> dict[str, str]:
    return {"name": name} if namespace is None else {"name": name, "namespace": namespace}


def _namespaces(role: Mapping[str, Any], problems: Problems) -> tuple[str, ...]:
    if "namespace" in role and "namespaces" in role:
        rule = "must not be set together with namespace"
        problems.add("namespaces", rule, role["namespaces"], "remove one of the two")
    if "namespace" in role:
        problems.parse("namespace", names.namespace, role["namespace"])
        return (role["namespace"],)
    namespaces: Sequence[str] = role.get("namespaces", ())
    if "namespaces" in role and not namespaces:
        rule = "must have at least one namespace: an empty list would mean the whole cluster"
        problems.add("namespaces", rule, [], "add a namespace, or remove namespaces for the whole cluster")
    for index, namespace in enumerate(namespaces):
        problems.parse(f"namespaces[{index}]", names.namespace, namespace)
        if namespace in namespaces[:index]:
            problems.add(f"namespaces[{index}]", "must be listed once", namespace, "remove the repeated namespace")
    return tuple(namespaces)


def _builtin_role_problems(kind: str | None, name: str) -> list[Problem]:
    """Return the problem of rules for a built-in ClusterRole, which would be replaced for all its members."""
    if kind == "ClusterRole" and (name in BUILTIN_ROLES or name.startswith(_KUBERNETES_OWN_PREFIXES)):
        rule = "must be omitted for a ClusterRole of Kubernetes or EKS: its rules would be replaced"
        return [Problem("rules", rule, name, "remove rules to only bind the role, or choose another name")]
    return []
