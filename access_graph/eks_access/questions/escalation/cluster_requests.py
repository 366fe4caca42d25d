"""The requests to the API server that techniques need, and what of an actor's permissions allows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from eks_access.questions.escalation.cluster_permissions import Granted
from eks_access.questions.escalation.permissions import Permission
from eks_identity.evaluation.rbac import Request, allows

RBAC = "rbac.authorization.k8s.io"
CERTIFICATES = "certificates.k8s.io"


def requests(verbs: str, resources: str, group: str = "") -> tuple[Request, ...]:
    """Return a request for each verb and each resource."""
    return tuple(Request(verb, resource, None, group) for resource in resources.split() for verb in verbs.split())


CREATE_PODS = (
    *requests("create", "pods replicationcontrollers"),
    *requests("update patch", "replicationcontrollers"),
    *requests("create update patch", "deployments daemonsets statefulsets replicasets", "apps"),
    *requests("create update patch", "jobs cronjobs", "batch"),
)
CHANGE_PODS = requests("update patch", "pods")
EXEC = requests("create get", "pods/exec")
EPHEMERAL = requests("update patch", "pods/ephemeralcontainers")
TOKEN = requests("create", "serviceaccounts/token")
READ_SECRETS = requests("get list watch", "secrets")
CREATE_SECRETS = requests("create", "secrets")
WRITE_ACCOUNTS = requests("create update patch", "serviceaccounts")
WRITE_CONFIG_MAPS = requests("update patch", "configmaps")
NODES_PROXY = requests("create get", "nodes/proxy")
WEBHOOKS = requests("create update patch", "mutatingwebhookconfigurations", "admissionregistration.k8s.io")


@dataclass(frozen=True)
class Match:
    """A binding or policy that allows some of the requests, for all objects or for some names."""

    granted: Granted
    requests: tuple[Request, ...]
    names: tuple[str, ...] | None

    @property
    def permission(self) -> Permission:
        if self.names is None:
            return self.granted.permission(self.requests)
        return self.granted.permission(replace(each, name=name) for each in self.requests for name in self.names)


def matches_of(granted: Iterable[Granted], requests: tuple[Request, ...]) -> Iterator[Match]:
    """Yield the origins that allow some of the requests for all objects."""
    allowed_by: dict[int, tuple[Request, ...]] = {}
    for each in granted:
        # Many bindings of an actor grant the same role, whose rules are one object.
        rules = id(each.rules)
        if rules not in allowed_by:
            allowed_by[rules] = tuple(request for request in requests if allows(each.rules, request))
        if allowed_by[rules]:
            yield Match(each, allowed_by[rules], None)


def named_matches(granted: Iterable[Granted], requests: tuple[Request, ...]) -> Iterator[Match]:
    """Yield the origins that allow some of the requests for objects of some names only."""
    for each in granted:
        if not any(rule.resource_names for rule in each.rules):
            continue
        names: dict[str, None] = {}
        allowed = []
        for request in requests:
            of_request = each.names(request)
            if of_request:
                names |= dict.fromkeys(of_request)
                allowed.append(request)
        if allowed:
            yield Match(each, tuple(allowed), tuple(names))


def everywhere(matches: Iterable[Match]) -> Iterator[Match]:
    """Yield those that apply in the whole cluster, as requests for objects without a namespace need."""
    return (match for match in matches if not match.granted.scope)
