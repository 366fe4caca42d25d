"""What Kubernetes answers to a request, from the rules of a role: pure, for tests of what was declared.

Source: Kubernetes, `rbac.authorization.k8s.io/v1` PolicyRule and `pkg/apis/rbac/v1/evaluation_helpers.go`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
