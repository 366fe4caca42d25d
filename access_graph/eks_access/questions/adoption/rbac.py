"""The RBAC roles and bindings that a ClusterAccess can declare: bindings of one group, and the roles that they name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import RbacBinding, RbacRole
from eks_access.questions.adoption.declarations import NotAdopted, reason_of, without_empty
from eks_identity.errors import InvalidInput
from eks_identity.evaluation.rbac import RoleKey
from eks_identity.model.identities import group_to_bind
from eks_identity.model.rbac import VERBS, Rule
from eks_identity.model.role_grants import BUILTIN_ROLES, RoleGrant

_BOOTSTRAPPING = "kubernetes.io/bootstrapping"


@dataclass
class GroupBindings:
    """The items of `rbac_roles` of one group, and the objects that they declare."""

    roles: list[dict[str, Any]] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)


def group_bindings(graph: AccessGraph) -> tuple[dict[str, GroupBindings], list[NotAdopted]]:
    """Return the bindings by group, and the bindings and roles that no ClusterAccess can declare."""
    bound: dict[str, GroupBindings] = defaultdict(GroupBindings)
    reasons: dict[RoleKey, str] = {}
    declared: set[RoleKey] = set()
    left_out: list[NotAdopted] = []
    for binding in sorted(graph.rbac_bindings.all().values(), key=_order):
        if reason := _foreign(binding):
            left_out.append(NotAdopted(str(binding), reason))
            continue
        group = binding.subjects[0].name
        item = _binding_item(binding)
        role = graph.rbac_roles.get(binding.role)
        rules = None
        if role is not None and role.key not in declared:
            reasons[role.key] = _unowned(role) or _rejected_rules(role, item, group)
            rules = None if reasons[role.key] else [_rule_args(rule) for rule in role.rules]
        try:
            grant = RoleGrant.of(item, group)
        except InvalidInput as error:
            left_out.append(NotAdopted(str(binding), reason_of(error)))
            continue
        if rules is not None and role is not None:
            declared.add(role.key)
            item["rules"] = rules
            bound[group].objects.append(str(role))
        assert grant.binding_name == binding.name
        bound[group].roles.append(item)
        bound[group].objects.append(str(binding))
    for role in sorted(graph.rbac_roles.all().values(), key=_order):
        if role.key not in declared:
            reason = _unowned(role) or reasons.get(role.key) or "no adopted binding of a group names it"
            left_out.append(NotAdopted(str(role), reason))
    return dict(bound), left_out


def _order(each: RbacBinding | RbacRole) -> tuple[bool, str, str]:
    return (each.namespace is not None, each.namespace or "", each.name)


def _foreign(binding: RbacBinding) -> str:
    """Return why no ClusterAccess can declare a binding; empty if one can."""
    if reason := _of_system(binding.name, binding.labels):
        return reason
    if reason := _other_metadata(binding):
        return reason
    if len(binding.subjects) != 1 or binding.subjects[0].kind != "Group":
        subjects = ", ".join(map(str, binding.subjects)) or "no subject"
        return f"it binds {subjects}; a ClusterAccess binds one group"
    try:
        group_to_bind(binding.subjects[0].name)
    except InvalidInput as error:
        return f"its group {error.problems[0].value!r} {error.problems[0].rule}"
    return ""


def _unowned(role: RbacRole) -> str:
    """Return why no ClusterAccess can declare a role; empty if one can. A binding may still name it."""
    if role.namespace is None and role.name in BUILTIN_ROLES:
        return "Kubernetes creates it"
    if reason := _of_system(role.name, role.labels):
        return reason
    if role.aggregates:
        return "it is aggregated: a controller of Kubernetes writes its rules"
    if reason := _other_metadata(role):
        return reason
    return "" if role.rules else "it has no rules"


def _of_system(name: str, labels: Container[str]) -> str:
    if _BOOTSTRAPPING in labels or name.startswith("system:"):
        return "Kubernetes creates it"
    return "EKS creates it" if name.startswith("eks:") else ""


def _other_metadata(each: RbacBinding | RbacRole) -> str:
    keys = sorted(each.labels) + sorted(each.annotations)
    return f"it has the labels or annotations {', '.join(keys)}, which rbac_roles cannot declare" if keys else ""


def _binding_item(binding: RbacBinding) -> dict[str, Any]:
    item = without_empty(
        [
            ("name", binding.role_name),
            ("kind", None if binding.role_kind == "ClusterRole" else binding.role_kind),
            ("namespace", binding.namespace),
        ]
    )
    return {**item, "binding_name": binding.name}


def _rejected_rules(role: RbacRole, item: Mapping[str, Any], group: str) -> str:
    """Return why `rbac_roles` cannot declare the rules of a role; empty if it can."""
    try:
        grant = RoleGrant.of({**item, "rules": [_rule_args(rule) for rule in role.rules]}, group)
    except InvalidInput as error:
        return reason_of(error)
    return "" if grant.rules == role.rules else "rbac_roles would write its rules in another form"


def _rule_args(rule: Rule) -> dict[str, Any]:
    return without_empty(
        [
            ("verbs", list(rule.verbs)),
            ("resources", list(rule.resources)),
            ("api_groups", None if rule.api_groups == ("",) else list(rule.api_groups)),
            ("resource_names", list(rule.resource_names)),
            ("non_resource_urls", list(rule.non_resource_urls)),
            ("allow_unknown_verbs", None if VERBS.issuperset(rule.verbs) else True),
        ]
    )
