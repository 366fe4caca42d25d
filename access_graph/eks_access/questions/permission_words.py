"""Permissions in words: verbs and resources that belong together, with their scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eks_identity.evaluation.rbac import Grant
from eks_identity.model.rbac import READ, Rule

WHOLE_CLUSTER = "whole cluster"
_ORDER = (*READ, "create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True)
class Permission:
    """Verbs on resources of Kubernetes in one scope, or actions on resources of AWS."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    scope: str
    """`whole cluster`, `namespace NAME`, or the conditions of an IAM statement."""

    def __str__(self) -> str:
        words = f"{', '.join(self.actions)} on {_enumeration(self.resources)}"
        return f"{words}, {self.scope}" if self.scope else words


def permissions(grants: Iterable[Grant]) -> tuple[Permission, ...]:
    """Return grants as permissions: those of the same verbs and scope are one."""
    verbs_of: dict[tuple[str, str], dict[str, None]] = {}
    for grant in grants:
        for scope in [f"namespace {name}" for name in grant.namespaces] or [WHOLE_CLUSTER]:
            for rule in grant.rules:
                for resource in _resources(rule):
                    verbs_of.setdefault((scope, resource), {}).update(dict.fromkeys(rule.verbs))
    resources_of: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (scope, resource), verbs in verbs_of.items():
        resources_of.setdefault((scope, _sorted_verbs(verbs)), []).append(resource)
    return tuple(Permission(verbs, tuple(resources), scope) for (scope, verbs), resources in resources_of.items())


def _resources(rule: Rule) -> list[str]:
    """Return the resources of a rule as kubectl writes them: `deployments.apps`, `pods/log`, `secrets named x`."""
    named = f" named {', '.join(rule.resource_names)}" if rule.resource_names else ""
    resources = [
        f"{_with_group(resource, group)}{named}" for resource in rule.resources for group in rule.api_groups or ("",)
    ]
    return [*resources, *rule.non_resource_urls]


def _with_group(resource: str, group: str) -> str:
    if (resource, group) == ("*", "*"):
        return "all resources"
    plural, slash, subresource = resource.partition("/")
    return f"{plural}{f'.{group}' if group else ''}{slash}{subresource}"


def _sorted_verbs(verbs: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(verbs, key=lambda verb: (_ORDER.index(verb) if verb in _ORDER else len(_ORDER), verb)))


def _enumeration(items: tuple[str, ...]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
