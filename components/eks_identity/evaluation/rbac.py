"""RBAC as the API server evaluates it: the rules that bindings grant to a user, and whether rules allow a request.

Source: Kubernetes, `rbac.authorization.k8s.io/v1` PolicyRule, `pkg/apis/rbac/v1/evaluation_helpers.go`,
`pkg/registry/rbac/validation` (bindings of a user) and `component-helpers/auth/rbac/validation` (`Covers`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from eks_identity.model.rbac import Rule

EVERYTHING = "*"


@dataclass(frozen=True)
class Request:
    """A verb on a resource, as `kubectl auth can-i` takes it."""

    verb: str
    resource: str
    """The plural name, with the subresource where one is meant: `pods`, `pods/log`; or a path, `/healthz`."""
    namespace: str | None = None
    """None: in all namespaces, or of a resource that is in none."""
    api_group: str = ""
    """The core group is `""`."""
    name: str | None = None
    """The object's name; None: any."""

    @property
    def is_path(self) -> bool:
        """Whether it is about a path of the API server, and no resource."""
        return self.resource.startswith("/")

    def __str__(self) -> str:
        group = f".{self.api_group}" if self.api_group else ""
        name = f" {self.name}" if self.name else ""
        place = "" if self.is_path else f" in namespace {self.namespace}" if self.namespace else " in all namespaces"
        return f"{self.verb} {self.resource}{group}{name}{place}"


AUTHENTICATED = "system:authenticated"
"""The group that the API server adds to everybody whom it has authenticated."""

RoleKey = tuple[str | None, str]
"""Namespace and name of a role or binding; no namespace: a ClusterRole or ClusterRoleBinding."""


@dataclass(frozen=True)
class Subject:
    """A user or group that a binding names. A service account is the user `system:serviceaccount:NAMESPACE:NAME`."""

    kind: str
    """`User` or `Group`."""
    name: str


@dataclass(frozen=True)
class Binding:
    """A ClusterRoleBinding or RoleBinding."""

    role: RoleKey
    subjects: frozenset[Subject] = frozenset()


@dataclass(frozen=True)
class Grant:
    """Rules, and the namespaces in which they apply."""

    rules: tuple[Rule, ...]
    namespaces: tuple[str, ...] = ()
    """Empty: the whole cluster. `*` in a name stands for any characters, as in the scope of an access policy."""


@dataclass(frozen=True)
class Rbac:
    """Roles with their rules, and bindings."""

    roles: Mapping[RoleKey, tuple[Rule, ...]] = field(default_factory=dict)
    bindings: Mapping[RoleKey, Binding] = field(default_factory=dict)

    def grants(self, username: str, groups: Collection[str]) -> Iterator[Grant]:
        """What the bindings of this user and of these groups grant. A binding to a role that is missing grants nothing.

        The rules of an aggregated ClusterRole are the ones that the controller has filled in.
        """
        own = {Subject("Group", group) for group in (*groups, AUTHENTICATED)} | {Subject("User", username)}
        for (namespace, _), binding in self.bindings.items():
            rules = self.roles.get(binding.role)
            if rules and not own.isdisjoint(binding.subjects):
                yield Grant(rules, () if namespace is None else (namespace,))


def covers(rules: Iterable[Rule], rule: Rule) -> bool:
    """Whether `rules` allow all that `rule` allows: the API server's own test for privilege escalation."""
    owned = list(rules)
    return all(any(_covers(owner, single) for owner in owned) for single in _singles(rule))


def _singles(rule: Rule) -> Iterator[Rule]:
    for verb, url in product(rule.verbs, rule.non_resource_urls):
        yield Rule((verb,), non_resource_urls=(url,))
    for verb, group, resource in product(rule.verbs, rule.api_groups, rule.resources):
        for name in rule.resource_names or (None,):
            yield Rule((verb,), (resource,), (group,), () if name is None else (name,))


def _covers(owner: Rule, single: Rule) -> bool:
    if not {EVERYTHING, *single.verbs} & set(owner.verbs):
        return False
    if single.non_resource_urls:
        return any(_is_path_of(pattern, single.non_resource_urls[0]) for pattern in owner.non_resource_urls)
    named = not owner.resource_names or (
        bool(single.resource_names) and set(single.resource_names) <= set(owner.resource_names)
    )
    in_group = bool({EVERYTHING, *single.api_groups} & set(owner.api_groups))
    return named and in_group and _concerns(owner, single.resources[0])


def allows(rules: Iterable[Rule], request: Request) -> bool:
    """Whether one of `rules` allows `request`; that the rules apply in its namespace is for their binding to say."""
    return any(_allows(rule, request) for rule in rules)


def _allows(rule: Rule, request: Request) -> bool:
    if not {EVERYTHING, request.verb} & set(rule.verbs):
        return False
    if request.is_path:
        return any(_is_path_of(pattern, request.resource) for pattern in rule.non_resource_urls)
    named = not rule.resource_names or request.name in rule.resource_names
    return named and bool({EVERYTHING, request.api_group} & set(rule.api_groups)) and _concerns(rule, request.resource)


def _is_path_of(pattern: str, path: str) -> bool:
    # A pattern may end in `*`, and has no other wildcard.
    return path == pattern or (pattern.endswith("*") and path.startswith(pattern.removesuffix("*")))


def _concerns(rule: Rule, resource: str) -> bool:
    _, slash, subresource = resource.partition("/")
    wanted = {EVERYTHING, resource, *([f"*/{subresource}"] if slash else [])}
    return bool(wanted & set(rule.resources))
