"""RBAC rules: what a Kubernetes role allows, checked for what the API server would refuse or silently ignore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model.api_resources import nowhere

VERBS = frozenset(
    {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
    | {"use", "bind", "escalate", "impersonate", "approve", "sign", "*"}
)
"""The verbs that Kubernetes itself knows; an API may add its own, which `allow_unknown_verbs` lets through."""

_WHOLE_CLUSTER = "use kind ClusterRole, without a namespace"

_CLUSTER_SCOPED = frozenset(
    {
        "nodes",
        "namespaces",
        "persistentvolumes",
        "clusterroles",
        "clusterrolebindings",
        "customresourcedefinitions",
        "storageclasses",
    }
)


@dataclass(frozen=True)
class Rule:
    """One rule of a Role or ClusterRole: verbs on resources of API groups, or on paths that are no resources.

    Source: Kubernetes, `rbac.authorization.k8s.io/v1` PolicyRule.
    """

    verbs: tuple[str, ...]
    resources: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        verbs: Sequence[str],
        resources: Sequence[str] = (),
        api_groups: Sequence[str] | None = None,
        resource_names: Sequence[str] = (),
        non_resource_urls: Sequence[str] = (),
        allow_unknown_verbs: bool = False,
        namespaced: bool = False,
    ) -> Self:
        """Refuses, all at once, what the API server refuses and what could never apply.

        `api_groups` is the core group, `""`, where it is left out. `namespaced`: the role is bound in a
        namespace.
        """
        with Problems() as problems:
            problems.extend(_verbs(verbs, allow_unknown_verbs=allow_unknown_verbs))
            problems.extend(_urls(non_resource_urls, namespaced=namespaced))
            if bool(resources) == bool(non_resource_urls):
                rule = "a rule is about resources or about non_resource_urls, one of the two (Kubernetes)"
                problems.add("resources", rule, list(resources), "write resources, such as pods")
            groups = tuple(api_groups) if api_groups else (("",) if resources else ())
            for index, resource in enumerate(resources):
                wrong = _resource(resource, namespaced=namespaced) or nowhere(resource, groups)
                problems.extend(wrong, f"resources[{index}]")
            for index, group in enumerate(api_groups or ()):
                if "/" in group:
                    rule = "an API group without its version (Kubernetes)"
                    problems.add(f"api_groups[{index}]", rule, group, f"write {group.partition('/')[0]}")
            for index, name in enumerate(resource_names):
                if not name:
                    rule = "the name of an object; leave resource_names out for all of them (Kubernetes)"
                    problems.add(f"resource_names[{index}]", rule, name, "take it out")
        return cls(tuple(verbs), tuple(resources), groups, tuple(resource_names), tuple(non_resource_urls))

    def manifest(self) -> dict[str, Any]:
        """The rule as Kubernetes's own names have it, empty fields left out."""
        fields = {
            "apiGroups": self.api_groups,
            "nonResourceURLs": self.non_resource_urls,
            "resourceNames": self.resource_names,
            "resources": self.resources,
            "verbs": self.verbs,
        }
        return {name: list(values) for name, values in fields.items() if values}


READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "patch", "update")


def rule_on(group: str, resources: str, verbs: tuple[str, ...]) -> Rule:
    """A rule as the tables of AWS and Kubernetes have it: `resources` of one API group, in words."""
    return Rule(verbs, tuple(resources.split()), (group,))


def rules(given: Sequence[dict[str, Any]], *, namespaced: bool) -> tuple[Rule, ...]:
    """The rules of one role, each given as `Rule.of` takes it. Refuses none at all, and every one that is wrong."""
    found: list[Rule] = []
    with Problems() as problems:
        if not given:
            problems.add("", "at least one rule, or the role allows nothing", [], "add a rule, such as get on pods")
        for index, fields in enumerate(given):
            rule = problems.parse(f"[{index}]", Rule.of, **fields, namespaced=namespaced)
            if rule is not None:
                found.append(rule)
    return tuple(found)


def role_kind(kind: str) -> str:
    """`ClusterRole` or `Role`."""
    if kind not in ("ClusterRole", "Role"):
        raise InvalidInput([Problem("", "ClusterRole or Role (Kubernetes)", kind, "write ClusterRole")])
    return kind


def _verbs(verbs: Sequence[str], *, allow_unknown_verbs: bool) -> list[Problem]:
    if not verbs:
        return [Problem("verbs", "at least one (Kubernetes)", [], "write get, list, watch")]
    known = " ".join(sorted(VERBS))
    return [
        Problem(f"verbs[{index}]", f"one of {known} (Kubernetes)", verb, "write the verb in lower case")
        for index, verb in enumerate(verbs)
        if verb not in VERBS and not (verb and allow_unknown_verbs)
    ]


def _urls(urls: Sequence[str], *, namespaced: bool) -> list[Problem]:
    problems = [
        Problem(f"non_resource_urls[{index}]", "a path begins with / (Kubernetes)", url, f"write /{url}")
        for index, url in enumerate(urls)
        if not url.startswith("/") and url != "*"
    ]
    if urls and namespaced:
        rule = "paths are in no namespace: a ClusterRole that is bound in the whole cluster gives them (Kubernetes)"
        problems.append(Problem("non_resource_urls", rule, list(urls), _WHOLE_CLUSTER))
    return problems


def _resource(resource: str, *, namespaced: bool) -> list[Problem]:
    problems = []
    if not resource or resource != resource.lower():
        rule = "the plural name of a resource, in lower case (Kubernetes)"
        problems.append(Problem("", rule, resource, "write it as `kubectl api-resources` does: pods, not Pod"))
    if namespaced and resource.partition("/")[0] in _CLUSTER_SCOPED:
        rule = "a role that is bound in a namespace reaches what lives in it; this resource is in none (Kubernetes)"
        problems.append(Problem("", rule, resource, _WHOLE_CLUSTER))
    return problems
