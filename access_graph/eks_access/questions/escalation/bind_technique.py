"""The technique of the verb `bind`: an actor gets the permissions of a role by a binding that it writes itself.

Only roles that give more than the actor has are followed, and of these only the ones that no other role includes.

Source: Kubernetes, Using RBAC Authorization, "Restrictions on role binding creation or update".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from eks_access.graph.kubernetes_objects import RbacRole
from eks_access.questions.escalation.actors import CLUSTER_ADMINISTRATOR, Edge, bound_role
from eks_access.questions.escalation.cluster_permissions import Granted
from eks_access.questions.escalation.cluster_requests import RBAC, Match, matches_of, named_matches, requests
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.permissions import Permission
from eks_access.questions.escalation.scopes import EVERY_NAMESPACE, Scope, common_scope, in_scope, rules_in
from eks_identity.evaluation.cluster_rights import ADMINISTRATION, missing_permissions
from eks_identity.evaluation.rbac import Grant, Request, RoleKey, allows, covers

_VERBS = "create update patch"
_CLUSTER_BINDINGS = "clusterrolebindings"


@dataclass(frozen=True)
class _Writable:
    """Bindings that an actor can write."""

    match: Match
    is_cluster_wide: bool
    roles: frozenset[RoleKey] | None
    """The roles of existing bindings, if only these can be written: the role of a binding cannot be changed."""


def bind_edges(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    """Yield the roles whose permissions an actor gets by a binding."""
    binding = [each for each in granted if any({"bind", "*"} & set(rule.verbs) for rule in each.rules)]
    if not binding:
        return
    writable = list(_writable(context, granted))
    for bound in binding:
        for resource in ("clusterroles", "roles"):
            for each in writable:
                yield from _edges(context, granted, bound, resource, each)


def _writable(context: Context, granted: list[Granted]) -> Iterator[_Writable]:
    bindings = context.graph.rbac_bindings.all().values()
    for resource in (_CLUSTER_BINDINGS, "rolebindings"):
        is_cluster_wide = resource == _CLUSTER_BINDINGS
        for match in matches_of(granted, requests(_VERBS, resource, RBAC)):
            if not (is_cluster_wide and match.granted.scope):
                yield _Writable(match, is_cluster_wide, None)
        for match in named_matches(granted, requests("update patch", resource, RBAC)):
            named = (each for each in bindings if each.name in (match.names or ()))
            own = (each for each in named if is_cluster_wide == (each.namespace is None))
            yield _Writable(match, is_cluster_wide, frozenset(each.role for each in own))


def _edges(
    context: Context, granted: list[Granted], bound: Granted, resource: str, writable: _Writable
) -> Iterator[Edge]:
    """Yield what an actor gets by one permission to bind and one to write bindings."""
    scope = common_scope(bound.scope, writable.match.granted.scope)
    if scope is None or (writable.is_cluster_wide and (scope or resource == "roles")):
        return
    roles = {role.key: role for role in _bindable(context, bound, resource) if _is_in(role, scope, writable.roles)}
    powerful = [key for key, role in roles.items() if allows(role.rules, ADMINISTRATION)]
    if writable.is_cluster_wide and powerful:
        permissions = (_permission(bound, resource, powerful), writable.match.permission)
        yield Edge(CLUSTER_ADMINISTRATOR, "k8s-bind", "", permissions)
        return
    own = [Grant(each.rules, each.scope) for each in granted]
    gained = {}
    for key, role in roles.items():
        where = _scope(role, scope, is_cluster_wide=writable.is_cluster_wide)
        grant = Grant(rules_in(role.rules, where), where)
        if next(missing_permissions([grant], own), None) is not None:
            gained[key] = grant
    largest = list(_largest(gained))
    permissions = (_permission(bound, resource, largest), writable.match.permission)
    for key in largest:
        yield Edge(bound_role(key, gained[key].namespaces), "k8s-bind", "", permissions)


def _bindable(context: Context, bound: Granted, resource: str) -> Iterator[RbacRole]:
    """Yield the roles on which the verb `bind` is allowed."""
    is_namespaced = resource == "roles"
    for role in context.cluster.roles.values() if context.cluster else ():
        is_kind = is_namespaced == (role.namespace is not None)
        if is_kind and allows(bound.rules, Request("bind", resource, None, RBAC, role.name)):
            yield role


def _is_in(role: RbacRole, scope: Scope, written: frozenset[RoleKey] | None) -> bool:
    """Return whether a binding in a scope can refer to a role."""
    return (role.namespace is None or in_scope(scope, role.namespace)) and (written is None or role.key in written)


def _scope(role: RbacRole, scope: Scope, *, is_cluster_wide: bool) -> Scope:
    """Return where the permissions of a bound role apply. A RoleBinding never grants objects without a namespace."""
    if role.namespace is not None:
        return (role.namespace,)
    return scope if is_cluster_wide else scope or EVERY_NAMESPACE


def _permission(bound: Granted, resource: str, roles: Iterable[RoleKey]) -> Permission:
    """Return the permission to bind: of all roles, or of these by their names."""
    every = Request("bind", resource, None, RBAC)
    if allows(bound.rules, every):
        return bound.permission([every])
    return bound.permission(Request("bind", resource, None, RBAC, name) for _, name in roles)


def _largest(gained: Mapping[RoleKey, Grant]) -> Iterator[RoleKey]:
    """Yield the roles whose permissions no other role includes. Of equal roles, the first one counts."""
    keys = list(gained)
    for index, key in enumerate(keys):
        earlier, later = keys[:index], keys[index + 1 :]
        is_included = any(_includes(gained[other], gained[key]) for other in earlier) or any(
            _includes(gained[other], gained[key]) and not _includes(gained[key], gained[other]) for other in later
        )
        if not is_included:
            yield key


def _includes(one: Grant, other: Grant) -> bool:
    return one.namespaces == other.namespaces and all(covers(one.rules, rule) for rule in other.rules)
