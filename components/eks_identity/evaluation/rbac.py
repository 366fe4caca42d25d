"""Evaluation of RBAC as in the API server: the rules that bindings grant to a user, and the requests that rules allow.

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
    """A verb on a resource, as in `kubectl auth can-i`."""

    verb: str
    resource: str
    """The plural name, with an optional subresource: `pods`, `pods/log`; or a path, `/healthz`."""
    namespace: str | None = None
    """None: all namespaces, or a cluster-scoped resource."""
    api_group: str = ""
    """The core group is `""`."""
    name: str | None = None
    """Name of the object; None: any."""

    @property
    def is_path(self) -> bool:
        """Whether it is a request for a path of the API server, not for a resource."""
        return self.resource.startswith("/")

    def __str__(self) -> str:
        group = f".{self.api_group}" if self.api_group else ""
        name = f" {self.name}" if self.name else ""
        scope = "" if self.is_path else f" in namespace {self.namespace}" if self.namespace else " in all namespaces"
        return f"{self.verb} {self.resource}{group}{name}{scope}"


AUTHENTICATED = "system:authenticated"
"""The group that the API server adds to every authenticated user."""

RoleKey = tuple[str | None, str]
"""Namespace and name of a role or binding; None as namespace for a ClusterRole or ClusterRoleBinding."""


@dataclass(frozen=True)
class Subject:
    """A user or group of a binding. A service account is the user `system:serviceaccount:NAMESPACE:NAME`."""

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
    """Empty: the whole cluster. `*` in a name matches any characters, as in the scope of an access policy."""


@dataclass(frozen=True)
class Rbac:
    """Roles with their rules, and bindings."""

    roles: Mapping[RoleKey, tuple[Rule, ...]] = field(default_factory=dict)
    bindings: Mapping[RoleKey, Binding] = field(default_factory=dict)

    def grants(self, username: str, groups: Collection[str]) -> Iterator[Grant]:
        """Yield the grants of all bindings of this user and of these groups.

        A binding to a missing role grants nothing. The rules of an aggregated ClusterRole are those that its controller
        wrote.
        """
        subjects = {Subject("Group", group) for group in (*groups, AUTHENTICATED)} | {Subject("User", username)}
        for (namespace, _), binding in self.bindings.items():
            rules = self.roles.get(binding.role)
            if rules and not subjects.isdisjoint(binding.subjects):
                yield Grant(rules, () if namespace is None else (namespace,))


def covers(rules: Iterable[Rule], rule: Rule) -> bool:
    """Return whether `rules` allow all that `rule` allows, as the API server checks to prevent privilege escalation."""
    owned = list(rules)
    return all(any(_covers(owner, single) for owner in owned) for single in single_rules(rule))


def single_rules(rule: Rule) -> Iterator[Rule]:
    """Yield `rule` as rules of one verb and one resource, or one path, each."""
    for verb, url in product(rule.verbs, rule.non_resource_urls):
        yield Rule((verb,), non_resource_urls=(url,))
    for verb, group, resource in product(rule.verbs, rule.api_groups, rule.resources):
        for name in rule.resource_names or (None,):
            yield Rule((verb,), (resource,), (group,), () if name is None else (name,))


def _covers(owner: Rule, single: Rule) -> bool:
    if not {EVERYTHING, *single.verbs} & set(owner.verbs):
        return False
    if single.non_resource_urls:
        return any(_matches_path(pattern, single.non_resource_urls[0]) for pattern in owner.non_resource_urls)
    covers_name = not owner.resource_names or (
        bool(single.resource_names) and set(single.resource_names) <= set(owner.resource_names)
    )
    in_group = bool({EVERYTHING, *single.api_groups} & set(owner.api_groups))
    return covers_name and in_group and _covers_resource(owner, single.resources[0])


def allows(rules: Iterable[Rule], request: Request) -> bool:
    """Return whether one of `rules` allows `request`. The caller checks that the rules apply in its namespace."""
    return any(_allows(rule, request) for rule in rules)


def _allows(rule: Rule, request: Request) -> bool:
    if not {EVERYTHING, request.verb} & set(rule.verbs):
        return False
    if request.is_path:
        return any(_matches_path(pattern, request.resource) for pattern in rule.non_resource_urls)
    covers_name = not rule.resource_names or request.name in rule.resource_names
    in_group = bool({EVERYTHING, request.api_group} & set(rule.api_groups))
    return covers_name and in_group and _covers_resource(rule, request.resource)


def _matches_path(pattern: str, path: str) -> bool:
    # A pattern may end in `*`, or several, and has no other wildcard.
    return path == pattern or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


def _covers_resource(rule: Rule, resource: str) -> bool:
    _, slash, subresource = resource.partition("/")
    matching = {EVERYTHING, resource, *([f"*/{subresource}"] if slash else [])}
    return bool(matching & set(rule.resources))
