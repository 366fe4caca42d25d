"""The scope of permissions in the cluster: namespaces, or the whole cluster."""

from __future__ import annotations

from eks_identity.evaluation.iam import matches
from eks_identity.model.rbac import Rule

Scope = tuple[str, ...]
"""Namespaces; empty: the whole cluster. `*` in a name matches any characters."""
EVERY_NAMESPACE: Scope = ("*",)
"""All namespaces, without the objects that are in none."""


def scope_words(scope: Scope) -> str:
    """Return a scope in words."""
    if not scope:
        return "the whole cluster"
    if scope == EVERY_NAMESPACE:
        return "every namespace"
    return f"namespace {scope[0]}" if len(scope) == 1 else f"namespaces {', '.join(scope)}"


def in_scope(scope: Scope, namespace: str) -> bool:
    """Return whether a scope includes a namespace."""
    return not scope or any(matches(pattern, namespace) for pattern in scope)


def common_scope(one: Scope, other: Scope) -> Scope | None:
    """Return the namespaces that two scopes have in common; None if there is none."""
    if not one or not other:
        return one or other
    common = [name for name in one if in_scope(other, name)] + [name for name in other if in_scope(one, name)]
    return tuple(dict.fromkeys(common)) or None


def rules_in(rules: tuple[Rule, ...], scope: Scope) -> tuple[Rule, ...]:
    """Return the rules that apply in a scope: paths such as `/healthz` are in no namespace."""
    return tuple(rule for rule in rules if not (scope and rule.non_resource_urls))
