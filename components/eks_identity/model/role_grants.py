"""The RBAC roles of a group: made here or only bound, in the whole cluster or in some namespaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from eks_identity.errors import Problem, Problems
from eks_identity.model import names, rbac
from eks_identity.model.rbac import Rule

CLUSTER_ADMIN = "cluster-admin"
"""Kubernetes' own ClusterRole that allows everything."""

KUBERNETES_OWN = frozenset({CLUSTER_ADMIN, "admin", "edit", "view"})
"""The ClusterRoles for people that every cluster has."""
_KUBERNETES_OWN_PREFIXES = ("system:", "eks:")


@dataclass(frozen=True)
class RoleGrant:
    """One role, and the bindings that give it to a group."""

    kind: str
    """`ClusterRole` or `Role`."""
    name: str
    binding_name: str
    namespaces: tuple[str, ...] = ()
    """Where it is bound; none: in the whole cluster."""
    rules: tuple[Rule, ...] | None = None
    """None: the role is there already."""

    @classmethod
    def of(cls, role: Mapping[str, Any], group: str) -> Self:
        """One of `roles`, as a program writes it. Refuses, all at once, what could not work or would reach too far."""
        with Problems() as problems:
            kind = problems.parse("kind", rbac.role_kind, role.get("kind", "ClusterRole"))
            name = problems.parse("name", names.rbac_name, role["name"])
            rules = role.get("rules")
            # Many groups may get a role that is there already, each by a binding of its own.
            usual = f"{group}-{role['name']}" if rules is None else f"{role['name']}-binding"
            binding_name = role.get("binding_name", usual)
            if name is not None:
                problems.parse("binding_name", names.rbac_name, binding_name)
            namespaces = _namespaces(role, problems)
            if kind == "Role" and not role.keys() & {"namespace", "namespaces"}:
                rule = "a Role is in a namespace (Kubernetes)"
                problems.add("namespace", rule, None, "name it, or use kind ClusterRole")
            found = None
            if rules is not None:
                problems.extend(_overwritten(kind, role["name"]))
                found = problems.parse("rules", rbac.rules, rules, namespaced=bool(namespaces) or kind == "Role")
        assert kind is not None
        return cls(kind, role["name"], binding_name, namespaces, found)

    @property
    def is_cluster_admin(self) -> bool:
        """Whether who has it is an administrator of the cluster."""
        return (self.kind, self.name, self.namespaces) == ("ClusterRole", CLUSTER_ADMIN, ())

    @property
    def binding_namespaces(self) -> tuple[str | None, ...]:
        """The namespace of each binding; None for the one ClusterRoleBinding."""
        return self.namespaces or (None,)

    @property
    def role_namespaces(self) -> tuple[str | None, ...]:
        """The namespace of each role that is made; None for a ClusterRole."""
        if self.rules is None:
            return ()
        return self.namespaces if self.kind == "Role" else (None,)


def rbac_fields(grants: Sequence[RoleGrant], group: str) -> dict[str, Any]:
    """Return roles and bindings as dicts, which a guard keeps in the state."""
    roles = [
        {**_place(namespace, grant.name), "rules": [rule.manifest() for rule in grant.rules or ()]}
        for grant in grants
        for namespace in grant.role_namespaces
    ]
    bindings = [
        {**_place(namespace, grant.binding_name), "kind": grant.kind, "role": grant.name, "group": group}
        for grant in grants
        for namespace in grant.binding_namespaces
    ]
    return {"roles": roles, "bindings": bindings}


def _place(namespace: str | None, name: str) -> dict[str, str]:
    return {"name": name} if namespace is None else {"name": name, "namespace": namespace}


def _namespaces(role: Mapping[str, Any], problems: Problems) -> tuple[str, ...]:
    if "namespace" in role and "namespaces" in role:
        problems.add("namespaces", "namespace or namespaces", role["namespaces"], "leave one of the two")
    if "namespace" in role:
        problems.parse("namespace", names.namespace, role["namespace"])
        return (role["namespace"],)
    given: Sequence[str] = role.get("namespaces", ())
    if "namespaces" in role and not given:
        rule = "at least one namespace: none would be the whole cluster"
        problems.add("namespaces", rule, [], "name one, or leave namespaces out for the whole cluster")
    for index, namespace in enumerate(given):
        problems.parse(f"namespaces[{index}]", names.namespace, namespace)
        if namespace in given[:index]:
            problems.add(f"namespaces[{index}]", "each namespace once", namespace, "take the repeated one out")
    return tuple(given)


def _overwritten(kind: str | None, name: str) -> list[Problem]:
    """Rules for one of Kubernetes' own ClusterRoles would be written over it, for everybody who has it."""
    if kind == "ClusterRole" and (name in KUBERNETES_OWN or name.startswith(_KUBERNETES_OWN_PREFIXES)):
        rule = "Kubernetes and EKS keep the rules of their own ClusterRoles"
        return [Problem("rules", rule, name, "leave rules out, and the role is only bound; or choose another name")]
    return []
