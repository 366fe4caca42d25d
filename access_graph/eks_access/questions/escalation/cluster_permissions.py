"""The permissions of each actor in the cluster, with their origin.

A service account has the permissions of its groups too. Those of `system:authenticated` are not repeated for each
actor: this group is an actor of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import RbacBinding, RbacRole
from eks_access.questions.chain import read_or
from eks_access.questions.cluster_subjects import EVERYTHING, cluster_users
from eks_access.questions.escalation.actors import EVERY_SERVICE_ACCOUNT, Actor, ActorKind
from eks_access.questions.escalation.permissions import (
    BindingOrigin,
    BoundRoleOrigin,
    GroupOrigin,
    Permission,
    PolicyOrigin,
)
from eks_access.questions.escalation.scopes import Scope, rules_in, scope_words
from eks_access.questions.permissions import policy_name, undocumented_policies
from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.cluster_rights import ADMINISTRATION, ClusterUser, missing_permissions
from eks_identity.evaluation.default_roles import DEFAULT_ROLES
from eks_identity.evaluation.rbac import Grant, Request, RoleKey, allows
from eks_identity.model.identities import MASTERS
from eks_identity.model.rbac import Rule
from eks_identity.model.subjects import Subject as ServiceAccountSubject

_CLUSTER_ADMIN = RbacRole(None, "cluster-admin", DEFAULT_ROLES["cluster-admin"])
"""A role of every cluster: Kubernetes restores it when the API server starts."""

_RulesInScope = tuple[int, Scope]
"""Id of a tuple of rules, and where they apply."""


@dataclass(frozen=True)
class Granted:
    """Rules of one binding or access policy."""

    rules: tuple[Rule, ...]
    scope: Scope
    origin: BindingOrigin | PolicyOrigin | GroupOrigin | BoundRoleOrigin

    def permission(self, requests: Iterable[Request]) -> Permission:
        """Return the permission for requests that the rules allow."""
        listed = tuple(requests)
        origin = self.origin
        if isinstance(origin, BindingOrigin):
            origin = replace(origin, requests=listed)
        named = sorted({f" {request.name}" for request in listed if request.name})
        what = ", ".join(dict.fromkeys(f"{request.verb} {_resource(request)}" for request in listed))
        where = f" in {scope_words(self.scope)}"
        return Permission(f"{what}{' named' if named else ''}{','.join(named)}{where}", origin)

    def names(self, request: Request) -> tuple[str, ...] | None:
        """Return the names of the objects for which a request is allowed; None: all objects."""
        if allows(self.rules, request):
            return None
        named = dict.fromkeys(name for rule in self.rules for name in rule.resource_names)
        return tuple(name for name in named if allows(self.rules, replace(request, name=name)))


def _resource(request: Request) -> str:
    plural, slash, subresource = request.resource.partition("/")
    return f"{plural}{f'.{request.api_group}' if request.api_group else ''}{slash}{subresource}"


class ClusterPermissions:
    """The permissions of all actors. Raises `NotReadError` if bindings or roles cannot be listed."""

    def __init__(self, graph: AccessGraph, base: ClusterPermissions | None = None) -> None:
        """Read the permissions of a graph. Those of `base`, a similar graph, are shared as far as they are equal."""
        self.graph = graph
        self.roles = {_CLUSTER_ADMIN.key: _CLUSTER_ADMIN, **graph.rbac_roles.all()}
        self.bindings = graph.rbac_bindings.all()
        self.by_name: dict[tuple[str, str], list[Granted]] = {}
        changed = dict.fromkeys(self.bindings if base is None else self._changed(base))
        if base is not None:
            self.by_name |= base.by_name
            former = [base.bindings[key] for key in changed if key in base.bindings]
            for subject in {subject for binding in former for subject in _subject_keys(binding)}:
                remaining = (each for each in base.by_name.get(subject, ()) if not _is_of(each, changed))
                self.by_name[subject] = list(remaining)
        for key in changed:
            self._add(self.bindings[key])
        self.users = self._users(base)
        self._found: dict[Actor, list[Granted]] = {}
        self._has_more: dict[tuple[frozenset[_RulesInScope], frozenset[_RulesInScope]], bool] = {}

    @property
    def not_evaluated(self) -> Iterable[str]:
        """Access policies whose rules AWS does not document."""
        return undocumented_policies(self.users)

    def _changed(self, base: ClusterPermissions) -> Iterator[RoleKey]:
        """Yield the bindings that `base` lacks, or that are different there, or whose role is."""
        roles = {key for key, role in self.roles.items() if base.roles.get(key) is not role}
        for key, binding in self.bindings.items():
            if binding.role in roles or base.bindings.get(key) is not binding:
                yield key

    def _add(self, binding: RbacBinding) -> None:
        # A role that the source lacks is listed by the graph.
        role = read_or(lambda: self.graph.rbac_roles.get(binding.role), None)
        if role is not None and role.rules:
            scope = () if binding.namespace is None else (binding.namespace,)
            for key in _subject_keys(binding):
                granted = Granted(role.rules, scope, BindingOrigin(binding, key, ()))
                self.by_name[key] = [*self.by_name.get(key, ()), granted]

    def _users(self, base: ClusterPermissions | None) -> Mapping[str, ClusterUser]:
        """Return the users of mapped principals. If mappings were not read, there are none, and the graph lists it."""
        parts = ("entries", "aws_auth", "cluster")
        if base is not None and all(getattr(self.graph, part) is getattr(base.graph, part) for part in parts):
            return base.users
        return read_or(lambda: cluster_users(self.graph), dict[str, ClusterUser]())

    def of(self, actor: Actor) -> list[Granted]:
        """Return the permissions of an actor."""
        if actor not in self._found:
            self._found[actor] = list(self._find(actor))
        return self._found[actor]

    def _find(self, actor: Actor) -> Iterator[Granted]:
        if actor.kind is ActorKind.PRINCIPAL:
            user = self.users.get(actor.name)
            yield from () if user is None else self._of_principal(actor.name, user)
        elif actor.role is not None:
            role = self.roles.get(actor.role)
            rules = () if role is None else rules_in(role.rules, actor.scope)
            yield Granted(rules, actor.scope, BoundRoleOrigin(str(actor)))
        else:
            for key in _subjects_of(actor):
                yield from self.by_name.get(key, ())

    def _of_principal(self, arn: str, user: ClusterUser) -> Iterator[Granted]:
        if MASTERS in user.groups:
            yield Granted(EVERYTHING.rules, (), GroupOrigin(MASTERS))
        for policy in user.policies:
            if (rules := ACCESS_POLICY_RULES.get(policy_name(policy))) is not None:
                yield Granted(rules, policy.namespaces, PolicyOrigin(arn, policy))
        for key in (("User", user.username), *(("Group", group) for group in user.groups)):
            yield from self.by_name.get(key, ())

    def has_more(self, actor: Actor, other: Actor) -> bool:
        """Return whether an actor has permissions that another one lacks. Actors with the same roles share it."""
        # Actors with the same role have the same tuple of rules, which `_found` keeps: its id is not used again.
        granted = (self.of(actor), self.of(other))
        own, others = (frozenset((id(each.rules), each.scope) for each in listed) for listed in granted)
        if own <= others:
            return False
        if (own, others) not in self._has_more:
            grants = ([Grant(each.rules, each.scope) for each in listed] for listed in granted)
            self._has_more[own, others] = next(missing_permissions(*grants), None) is not None
        return self._has_more[own, others]

    def is_administrator(self, actor: Actor) -> bool:
        """Return whether an actor is allowed everything in the whole cluster."""
        return any(not granted.scope and allows(granted.rules, ADMINISTRATION) for granted in self.of(actor))


def _subject_keys(binding: RbacBinding) -> list[tuple[str, str]]:
    """Return kind and name of the subjects of a binding, as RBAC evaluates them."""
    return [(subject.kind, subject.name) for subject in binding.evaluated().subjects]


def _is_of(granted: Granted, bindings: Collection[RoleKey]) -> bool:
    return isinstance(granted.origin, BindingOrigin) and granted.origin.binding.key in bindings


def _subjects_of(actor: Actor) -> Iterator[tuple[str, str]]:
    """Yield the subjects of bindings that an actor is."""
    if actor.kind is ActorKind.SERVICE_ACCOUNT:
        namespace, _, name = actor.name.partition("/")
        yield "User", str(ServiceAccountSubject(namespace, name))
        yield "Group", f"{EVERY_SERVICE_ACCOUNT}:{namespace}"
        yield "Group", EVERY_SERVICE_ACCOUNT
    elif actor.kind is ActorKind.USER:
        yield "User", actor.name
    elif actor.kind is ActorKind.GROUP:
        yield "Group", actor.name
