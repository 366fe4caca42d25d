"""Rules of Kubernetes roles, with validation of rules that the API server rejects or silently ignores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model.api_resources import CLUSTER_SCOPED, api_group_problems

VERBS = frozenset(
    {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
    | {"use", "bind", "escalate", "impersonate", "approve", "sign", "*"}
)
"""The verbs of Kubernetes itself. An API may add verbs of its own, which `allow_unknown_verbs` accepts."""

_CLUSTER_ROLE_FIX = "use kind ClusterRole, without a namespace"


@dataclass(frozen=True)
class Rule:
    """A rule of a Role or ClusterRole: verbs on resources of API groups, or on non-resource URLs.

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
        """Return the rule; raise `InvalidInput` with all problems.

        Rejects rules that the API server rejects, and rules that cannot apply. `api_groups` is the core group, `""`,
        by default. `namespaced`: the role is bound in a namespace.
        """
        with Problems() as problems:
            problems.extend(_verbs(verbs, allow_unknown_verbs=allow_unknown_verbs))
            problems.extend(_urls(non_resource_urls, namespaced=namespaced))
            if bool(resources) == bool(non_resource_urls):
                rule = "must be set, or non_resource_urls, but not both (Kubernetes)"
                problems.add("resources", rule, list(resources), "set resources, such as pods, or non_resource_urls")
            groups = tuple(api_groups) if api_groups else (("",) if resources else ())
            for index, resource in enumerate(resources):
                resource_problems = _resource(resource, namespaced=namespaced) or api_group_problems(resource, groups)
                problems.extend(resource_problems, f"resources[{index}]")
            for index, group in enumerate(api_groups or ()):
                if "/" in group:
                    rule = "must be an API group without its version (Kubernetes)"
                    problems.add(f"api_groups[{index}]", rule, group, f"write {group.partition('/')[0]}")
            for index, name in enumerate(resource_names):
                if not name:
                    rule = "must be the name of an object; omit resource_names to allow all objects (Kubernetes)"
                    problems.add(f"resource_names[{index}]", rule, name, "remove it")
        return cls(tuple(verbs), tuple(resources), groups, tuple(resource_names), tuple(non_resource_urls))

    def manifest(self) -> dict[str, Any]:
        """Return the rule with Kubernetes' field names, without empty fields."""
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
    """Return a rule on one API group; `resources` is a list separated by spaces, as in the tables of AWS."""
    return Rule(verbs, tuple(resources.split()), (group,))


def rules(specs: Sequence[dict[str, Any]], *, namespaced: bool) -> tuple[Rule, ...]:
    """Return the rules of one role; each spec holds the arguments of `Rule.of`. Rejects an empty list."""
    parsed: list[Rule] = []
    with Problems() as problems:
        if not specs:
            rule = "must have at least one rule, or the role allows nothing"
            problems.add("", rule, [], "add a rule, such as get on pods")
        for index, fields in enumerate(specs):
            parsed_rule = problems.parse(f"[{index}]", Rule.of, **fields, namespaced=namespaced)
            if parsed_rule is not None:
                parsed.append(parsed_rule)
    return tuple(parsed)


def role_kind(kind: str) -> str:
    """Return the kind of an RBAC role, `ClusterRole` or `Role`."""
    if kind not in ("ClusterRole", "Role"):
        raise InvalidInput([Problem("", "must be ClusterRole or Role (Kubernetes)", kind, "write ClusterRole")])
    return kind


def _verbs(verbs: Sequence[str], *, allow_unknown_verbs: bool) -> list[Problem]:
    if not verbs:
        return [Problem("verbs", "must have at least one verb (Kubernetes)", [], "write get, list, watch")]
    rule = f"must be one of {' '.join(sorted(VERBS))} (Kubernetes)"
    return [
        Problem(f"verbs[{index}]", rule, verb, "write the verb in lower case")
        for index, verb in enumerate(verbs)
        if verb not in VERBS and not (verb and allow_unknown_verbs)
    ]


def _urls(urls: Sequence[str], *, namespaced: bool) -> list[Problem]:
    problems = [
        Problem(f"non_resource_urls[{index}]", "must be a path that begins with / (Kubernetes)", url, f"write /{url}")
        for index, url in enumerate(urls)
        if not url.startswith("/") and url != "*"
    ]
    if urls and namespaced:
        rule = "must be omitted in a role bound in a namespace: only a ClusterRoleBinding grants paths (Kubernetes)"
        problems.append(Problem("non_resource_urls", rule, list(urls), _CLUSTER_ROLE_FIX))
    return problems


def _resource(resource: str, *, namespaced: bool) -> list[Problem]:
    problems = []
    if not resource or resource != resource.lower():
        rule = "must be the plural name of a resource, in lower case (Kubernetes)"
        problems.append(Problem("", rule, resource, "write it as `kubectl api-resources` does: pods, not Pod"))
    if namespaced and resource.partition("/")[0] in CLUSTER_SCOPED:
        rule = "must be a namespaced resource: the role is bound in a namespace, this resource is in none (Kubernetes)"
        problems.append(Problem("", rule, resource, _CLUSTER_ROLE_FIX))
    return problems
