"""Random roles, bindings, users and requests, with what evaluators of RBAC get wrong."""

from __future__ import annotations

from random import Random
from typing import Any

from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.models.rbac_v1 import AggregationRule, PolicyRule, RoleRef, Subject
from lightkube.resources.rbac_authorization_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding

from eks_identity.evaluation.cluster_rights import ClusterUser
from eks_identity.evaluation.rbac import Request

RBAC_API = "rbac.authorization.k8s.io"
PREFIX = "oracle-"
LABEL = {"test": "random-rbac"}
NAMESPACES = ("rbac-oracle-a", "rbac-oracle-b", "other-oracle")
EVERY_SERVICE_ACCOUNT = "system:serviceaccounts"
VERBS = (
    *("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"),
    *("escalate", "bind", "impersonate", "use", "*"),
)
GROUPS = ("", "apps", RBAC_API, "example.com", "*")
RESOURCES = (
    *("pods", "pods/log", "pods/exec", "secrets", "nodes", "deployments", "deployments/scale", "deployments/status"),
    *("replicationcontrollers/scale", "clusterroles", "widgets", "widgets/scale", "*"),
)
PATTERNS = (*RESOURCES, "*/scale", "*/*", "pods/*", "deployments/*", "*/log", "PODS")
"""Resources of rules. Kubernetes has no other wildcards than `*` and `*/SUBRESOURCE`."""
PATHS = ("/", "/healthz", "/healthz/", "/healthz/etcd", "/logs", "/logs/a", "/logs/a/b", "/api", "/metrics")
PATH_PATTERNS = (*PATHS, "/healthz/*", "/healthz*", "/logs/*", "/logs/**", "/*/a", "*", "/*")
NAMES = ("one", "two", "*")
ODD_NAMES = ("a b", "Jürgen:é", "arn:aws:iam::1:user/x", "x/y@example.com", "{{SessionName}}", "*", "user", "USER")


class RandomRbac:
    """Objects of policies by number: each policy has roles, and users and groups of its own."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def rule(self, *, namespaced: bool) -> PolicyRule:
        if not namespaced and self._random.random() < 0.25:
            return PolicyRule(verbs=self._some(VERBS), nonResourceURLs=self._random.sample(PATH_PATTERNS, 2))
        names = self._random.sample(NAMES, 1) if self._random.random() < 0.2 else None
        return PolicyRule(
            verbs=self._some(VERBS), apiGroups=self._some(GROUPS), resources=self._some(PATTERNS), resourceNames=names
        )

    def objects(self, number: int) -> list[Any]:
        """Return the roles of a policy, one of them aggregated, and bindings of some to its users and groups."""
        namespace = self._random.choice(NAMESPACES)
        roles: list[Any] = [
            self._cluster_role(number, "first", aggregate_to=self._random.choice(("whole", "next"))),
            self._cluster_role(number, "second", aggregate_to=self._random.choice(("whole", "next", None))),
            self._aggregated(number, "next", ("next",), aggregate_to="whole"),
            self._aggregated(number, "whole", ("whole", "missing")),
            Role(
                metadata=ObjectMeta(name=f"{PREFIX}{number}-local", namespace=namespace, labels=LABEL),
                rules=[self.rule(namespaced=True) for _ in range(self._random.randint(0, 2))],
            ),
        ]
        return [*roles, *(self._binding(number, index, roles) for index in range(self._random.randint(3, 7)))]

    def users(self, number: int) -> list[ClusterUser]:
        """Return the users of a policy: of its user and group, of one with an odd name, and a service account."""
        namespace = self._random.choice(NAMESPACES)
        account = f"system:serviceaccount:{namespace}:user-{number}"
        return [
            ClusterUser(f"user-{number}", (f"group-{number}",)),
            ClusterUser(self._odd_name(number), tuple(self._random.sample((f"group-{number}", "*", "group"), 2))),
            ClusterUser(account, (EVERY_SERVICE_ACCOUNT, f"{EVERY_SERVICE_ACCOUNT}:{namespace}")),
        ]

    def request(self) -> Request:
        if self._random.random() < 0.2:
            return Request(self._random.choice(("get", "create", "*")), self._random.choice(PATHS))
        namespace = self._random.choice((None, "default", *NAMESPACES))
        name = self._random.choice((None, None, *NAMES))
        verb, group = self._random.choice(VERBS), self._random.choice(GROUPS)
        return Request(verb, self._random.choice(RESOURCES), namespace, group, name)

    def _cluster_role(self, number: int, name: str, *, aggregate_to: str | None) -> ClusterRole:
        labels = LABEL if aggregate_to is None else {**LABEL, f"to-{aggregate_to}": str(number)}
        rules = [self.rule(namespaced=False) for _ in range(self._random.randint(0, 2))]
        return ClusterRole(metadata=ObjectMeta(name=f"{PREFIX}{number}-{name}", labels=labels), rules=rules)

    def _aggregated(
        self, number: int, name: str, selectors: tuple[str, ...], *, aggregate_to: str | None = None
    ) -> ClusterRole:
        role = self._cluster_role(number, name, aggregate_to=aggregate_to)  # the controller replaces its rules
        role.aggregationRule = AggregationRule(
            clusterRoleSelectors=[LabelSelector(matchLabels={f"to-{each}": str(number)}) for each in selectors]
        )
        return role

    def _binding(self, number: int, index: int, roles: list[Any]) -> Any:
        role = self._random.choice(roles)
        is_local = role.metadata.namespace is not None
        namespace = role.metadata.namespace
        if not is_local and self._random.random() < 0.5:
            namespace = self._random.choice(NAMESPACES)
        name = role.metadata.name if self._random.random() < 0.9 else f"{PREFIX}missing"
        return (RoleBinding if namespace else ClusterRoleBinding)(
            metadata=ObjectMeta(name=f"{PREFIX}{number}-{index}", namespace=namespace, labels=LABEL),
            roleRef=RoleRef(apiGroup=RBAC_API, kind="Role" if is_local else "ClusterRole", name=name),
            subjects=[self._subject(number) for _ in range(self._random.randint(1, 4))],
        )

    def _subject(self, number: int) -> Subject:
        kind, name = self._random.choice(
            (
                ("User", f"user-{number}"),
                ("Group", f"group-{number}"),
                ("User", self._odd_name(number)),
                ("Group", f"user-{number}"),
                ("User", f"USER-{number}"),
                ("User", f"system:serviceaccount:{self._random.choice(NAMESPACES)}:user-{number}"),
            )
        )
        if self._random.random() < 0.3:
            return Subject(kind="ServiceAccount", name=f"user-{number}", namespace=self._random.choice(NAMESPACES))
        return Subject(kind=kind, name=name, apiGroup=RBAC_API)

    def _odd_name(self, number: int) -> str:
        return ODD_NAMES[number] if number < len(ODD_NAMES) else f"{ODD_NAMES[number % len(ODD_NAMES)]} {number}"

    def _some(self, values: tuple[str, ...]) -> list[str]:
        # `*` is frequent, because random rules would otherwise hardly ever allow a random request.
        return ["*"] if self._random.random() < 0.4 else self._random.sample(values, self._random.randint(1, 4))


def objects_of_everybody() -> list[Any]:
    """Return roles that are bound to all service accounts, to those of one namespace, and to all users."""
    found: list[Any] = []
    for group, verb in (
        (EVERY_SERVICE_ACCOUNT, "watch"),
        (f"{EVERY_SERVICE_ACCOUNT}:{NAMESPACES[0]}", "patch"),
        ("system:authenticated", "use"),
    ):
        metadata = ObjectMeta(name=f"{PREFIX}every-{verb}", labels=LABEL)
        rules = [PolicyRule(verbs=[verb], apiGroups=["example.com"], resources=["widgets", "*/scale"])]
        ref = RoleRef(apiGroup=RBAC_API, kind="ClusterRole", name=f"{PREFIX}every-{verb}")
        subjects = [Subject(kind="Group", name=group, apiGroup=RBAC_API)]
        found += [
            ClusterRole(metadata=metadata, rules=rules),
            ClusterRoleBinding(metadata=metadata, roleRef=ref, subjects=subjects),
        ]
    return found
