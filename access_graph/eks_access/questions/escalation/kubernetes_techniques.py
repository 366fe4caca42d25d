"""Techniques of Kubernetes permissions.

A technique needs one of its requests; each binding or access policy that allows some of them makes an edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from eks_access.graph.tables import NotReadError
from eks_access.questions.escalation.actors import (
    CLUSTER_ADMINISTRATOR,
    Actor,
    ActorKind,
    Edge,
    principal,
    service_account,
)
from eks_access.questions.escalation.cluster_permissions import Granted, Scope, common_scope, in_scope
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.permissions import BindingOrigin, Permission
from eks_identity.evaluation.cluster_rights import ADMINISTRATION
from eks_identity.evaluation.rbac import Request, allows
from eks_identity.model.identities import MASTERS

_RBAC = "rbac.authorization.k8s.io"
_CERTIFICATES = "certificates.k8s.io"
_NEW_ACCOUNT = "any-new-service-account"


def _requests(verbs: str, resources: str, group: str = "") -> tuple[Request, ...]:
    """Return a request for each verb and each resource."""
    return tuple(Request(verb, resource, None, group) for resource in resources.split() for verb in verbs.split())


CREATE_PODS = (
    *_requests("create", "pods replicationcontrollers"),
    *_requests("update patch", "replicationcontrollers"),
    *_requests("create update patch", "deployments daemonsets statefulsets replicasets", "apps"),
    *_requests("create update patch", "jobs cronjobs", "batch"),
)
CHANGE_PODS = _requests("update patch", "pods")
EXEC = _requests("create get", "pods/exec")
EPHEMERAL = _requests("update patch", "pods/ephemeralcontainers")
TOKEN = _requests("create", "serviceaccounts/token")
READ_SECRETS = _requests("get list watch", "secrets")
CREATE_SECRETS = _requests("create", "secrets")
WRITE_ACCOUNTS = _requests("create update patch", "serviceaccounts")
WRITE_CONFIG_MAPS = _requests("update patch", "configmaps")
NODES_PROXY = _requests("create get", "nodes/proxy")
WEBHOOKS = _requests("create update patch", "mutatingwebhookconfigurations", "admissionregistration.k8s.io")


@dataclass(frozen=True)
class _Match:
    """A binding or policy that allows some of the requests, for all objects or for some names."""

    granted: Granted
    requests: tuple[Request, ...]
    names: tuple[str, ...] | None

    @property
    def permission(self) -> Permission:
        if self.names is None:
            return self.granted.permission(self.requests)
        return self.granted.permission(replace(each, name=name) for each in self.requests for name in self.names)


def kubernetes_edges(context: Context, actor: Actor) -> Iterator[Edge]:
    """Yield what an actor can do by its permissions in the cluster, one edge a technique, scope and origin."""
    cluster = context.cluster
    if cluster is None:
        return
    granted = cluster.of(actor)
    if not granted:
        return
    if cluster.is_administrator(actor):
        yield Edge(CLUSTER_ADMINISTRATOR, words="is a cluster administrator")
        return
    for technique, requests, are_running, condition in _SIMPLE:
        for match in _matches(granted, requests):
            target = (context.running if are_running else context.accounts)(match.granted.scope)
            yield Edge(target, technique, "", (match.permission,), (condition,) if condition else ())
    for find in (_named, _secrets, _nodes, _service_account_roles, _administration, _bind, _impersonate):
        yield from find(context, granted)


_SIMPLE = (
    ("k8s-create-pods", CREATE_PODS, False, ""),
    ("k8s-change-pods", CHANGE_PODS, True, ""),
    ("k8s-exec", EXEC, True, ""),
    ("k8s-ephemeral-containers", EPHEMERAL, True, ""),
    ("k8s-service-account-token", TOKEN, False, ""),
    (
        "k8s-read-token-secrets",
        READ_SECRETS,
        False,
        "a Secret has a token of the service account; Secrets are not read",
    ),
)
"""Technique, requests, whether it needs a running pod, and condition."""


def _matches(granted: Iterable[Granted], requests: tuple[Request, ...]) -> Iterator[_Match]:
    """Yield the origins that allow some of the requests for all objects."""
    for each in granted:
        allowed = tuple(request for request in requests if allows(each.rules, request))
        if allowed:
            yield _Match(each, allowed, None)


def _named_matches(granted: Iterable[Granted], requests: tuple[Request, ...]) -> Iterator[_Match]:
    """Yield the origins that allow some of the requests for objects of some names only."""
    for each in granted:
        names: dict[str, None] = {}
        allowed = []
        for request in requests:
            of_request = each.names(request)
            if of_request:
                names |= dict.fromkeys(of_request)
                allowed.append(request)
        if allowed:
            yield _Match(each, tuple(allowed), tuple(names))


def _everywhere(matches: Iterable[_Match]) -> Iterator[_Match]:
    """Yield those that apply in the whole cluster, as requests for objects without a namespace need."""
    return (match for match in matches if not match.granted.scope)


def _named(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    """Yield the edges of permissions on objects of some names."""
    workloads = context.workloads
    if workloads is None:
        return
    for match in _named_matches(granted, TOKEN):
        for namespace, name in workloads.in_scope(match.granted.scope):
            if name in (match.names or ()):
                yield Edge(service_account(namespace, name), "k8s-service-account-token", "", (match.permission,))
    for technique, requests in (("k8s-exec", EXEC), ("k8s-change-pods", CHANGE_PODS)):
        for match in _named_matches(granted, requests):
            for pod in workloads.pods:
                if pod.name in (match.names or ()) and in_scope(match.granted.scope, pod.namespace):
                    target = service_account(pod.namespace, pod.service_account)
                    yield Edge(target, technique, f"in pod {pod}", (match.permission,))


def _secrets(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    """Yield the edges of who can both create and read Secrets: Kubernetes writes the token into a new one."""
    for created in _matches(granted, CREATE_SECRETS):
        for read in _matches(granted, READ_SECRETS):
            scope = common_scope(created.granted.scope, read.granted.scope)
            if scope is not None:
                permissions = (created.permission, read.permission)
                yield Edge(context.accounts(scope), "k8s-create-token-secrets", "", permissions)


def _nodes(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    nodes = context.nodes()
    workloads = context.workloads
    if not nodes or workloads is None:
        return
    for match in _matches(granted, CREATE_PODS):
        reachable = [node for node in nodes if workloads.is_metadata_reachable(node)]
        for arn in dict.fromkeys(filter(None, map(workloads.node_role, reachable))):
            yield Edge(principal(arn), "k8s-pod-node-role", "", (match.permission,))
        condition = "Pod Security admission allows privileged pods in the namespace; its labels are not read"
        yield Edge(context.all_nodes(), "k8s-privileged-pod", "", (match.permission,), (condition,))
    for match in _everywhere(_matches(granted, NODES_PROXY)):
        yield Edge(context.running(()), "k8s-nodes-proxy", "", (match.permission,))
    for match in _everywhere(_named_matches(granted, NODES_PROXY)):
        for name in match.names or ():
            for key in workloads.on_node(name):
                yield Edge(service_account(*key), "k8s-nodes-proxy", f"on node {name}", (match.permission,))


def _service_account_roles(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    """Yield the roles that trust a service account whose annotation the actor can write and whose pods it can create.

    Roles for Pod Identity have no part in it: an association is an object of EKS.
    """
    workloads, trusts = context.workloads, context.trusts
    if workloads is None or trusts is None:
        return
    for written in _matches(granted, WRITE_ACCOUNTS):
        for created in _matches(granted, (*CREATE_PODS, *EXEC, *TOKEN)):
            scope = common_scope(written.granted.scope, created.granted.scope)
            if scope is not None:
                permissions = (written.permission, created.permission)
                target = context.roles(
                    f"the roles that trust service accounts of {' '.join(scope) or 'the cluster'}",
                    _roles_of_subjects(context, scope),
                )
                yield Edge(target, "k8s-service-account-role", "", permissions)
                break


def _roles_of_subjects(context: Context, scope: Scope) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the roles that trust an existing or a new service account of namespaces."""
    workloads, trusts = context.workloads, context.trusts
    assert workloads is not None
    assert trusts is not None
    keys = list(workloads.in_scope(scope))
    new = [(namespace, _NEW_ACCOUNT) for namespace in dict.fromkeys(namespace for namespace, _ in keys)]
    issuer = _issuer(context)
    for provider, roles in trusts.providers():
        if issuer and provider.endswith(issuer):
            for arn in roles:
                for key in [*new, *(key for key in keys if _mentions(trusts.policies[arn], key))]:
                    conditions = workloads.trusts_subject(arn, *key)
                    if conditions is not None:
                        yield arn, conditions
                        break


def _issuer(context: Context) -> str:
    issuer = context.graph.cluster.get().issuer
    return issuer.removeprefix("https://") if isinstance(issuer, str) else ""


def _mentions(policy: object, key: tuple[str, str]) -> bool:
    """Return whether a trust policy may name a service account: its name is in it, or a wildcard."""
    text = str(policy)
    return key[1] in text or "*" in text or "?" in text


def _administration(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    """Yield the techniques that make a cluster administrator, and mutating webhooks."""
    yield from _aws_auth(context, granted)
    for match in _everywhere(_matches(granted, WEBHOOKS)):
        yield Edge(context.accounts(()), "k8s-mutating-webhook", "", (match.permission,))
    yield from _certificates(granted)
    yield from _escalate(context, granted)


def _aws_auth(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    try:
        if not context.graph.authentication_mode().reads_aws_auth:
            return
    except NotReadError:
        return
    named = tuple(replace(request, name="aws-auth") for request in WRITE_CONFIG_MAPS)
    for match in _matches(granted, named):
        if in_scope(match.granted.scope, "kube-system"):
            yield Edge(CLUSTER_ADMINISTRATOR, "k8s-aws-auth", "", (match.permission,))


def _certificates(granted: list[Granted]) -> Iterator[Edge]:
    signer = "kubernetes.io/kube-apiserver-client"
    needs = (
        (Request("approve", "signers", None, _CERTIFICATES, signer),),
        _requests("update patch", "certificatesigningrequests/approval", _CERTIFICATES),
        _requests("create", "certificatesigningrequests", _CERTIFICATES),
    )
    found = [list(_everywhere(_matches(granted, requests))) for requests in needs]
    if all(found):
        permissions = tuple(matches[0].permission for matches in found)
        condition = f"the control plane signs certificates of {signer}"
        yield Edge(CLUSTER_ADMINISTRATOR, "k8s-certificates", "", permissions, (condition,))


def _escalate(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    """Yield what an actor gets that can add rules to a role which it has itself."""
    for each in granted:
        if not isinstance(each.origin, BindingOrigin):
            continue
        binding = each.origin.binding
        resource = "clusterroles" if binding.role_kind == "ClusterRole" else "roles"
        for one in granted:
            needs_cluster = resource == "clusterroles"
            if (one.scope and needs_cluster) or (one.scope and one.scope != each.scope):
                continue
            escalate = Request("escalate", resource, None, _RBAC, binding.role_name)
            writes = [replace(escalate, verb=verb) for verb in ("update", "patch")]
            allowed = tuple(request for request in writes if allows(one.rules, request))
            if allowed and allows(one.rules, escalate):
                target = context.accounts(each.scope) if each.scope else CLUSTER_ADMINISTRATOR
                words = f"adds rules to {binding.role_kind} {binding.role_name}"
                yield Edge(target, "k8s-escalate", words, (one.permission([escalate, *allowed]),))


def _bind(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    """Yield what an actor gets that can bind any role, or a role with all permissions."""
    roles = [role.name for role in context.graph.rbac_roles.all().values() if role.namespace is None]
    powerful = [name for name in ("cluster-admin", *roles) if name == "cluster-admin" or _is_powerful(context, name)]
    for bound in granted:
        name = next((each for each in powerful if allows(bound.rules, _bind_request(each))), None)
        if name is None:
            continue
        for resource in ("clusterrolebindings", "rolebindings"):
            creates = _requests("create update patch", resource, _RBAC)
            for created in _matches(granted, creates):
                scope = common_scope(bound.scope, created.granted.scope)
                if scope is None or (scope and resource == "clusterrolebindings"):
                    continue
                target = CLUSTER_ADMINISTRATOR if resource == "clusterrolebindings" else context.accounts(scope)
                permissions = (bound.permission([_bind_request(name)]), created.permission)
                yield Edge(target, "k8s-bind", f"binds ClusterRole {name}", permissions)


def _bind_request(name: str) -> Request:
    return Request("bind", "clusterroles", None, _RBAC, name)


def _is_powerful(context: Context, name: str) -> bool:
    role = context.graph.rbac_roles.all().get((None, name))
    return role is not None and allows(role.rules, ADMINISTRATION)


def _impersonate(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    for match in _matches(granted, _requests("impersonate", "serviceaccounts")):
        yield Edge(context.accounts(match.granted.scope), "k8s-impersonate", "", (match.permission,))
    workloads = context.workloads
    for match in _named_matches(granted, _requests("impersonate", "serviceaccounts")):
        for namespace, name in workloads.in_scope(match.granted.scope) if workloads else ():
            if name in (match.names or ()):
                yield Edge(service_account(namespace, name), "k8s-impersonate", "", (match.permission,))
    users = list(_impersonated(granted, "users"))
    for match in users:
        yield from _edges_to(context, match, ActorKind.USER)
    # A request that impersonates a group must impersonate a user too.
    for match in _impersonated(granted, "groups") if users else ():
        if match.names is None or MASTERS in match.names:
            permissions = (match.permission, users[0].permission)
            yield Edge(CLUSTER_ADMINISTRATOR, "k8s-impersonate", f"impersonates {MASTERS}", permissions)
        else:
            yield from _edges_to(context, match, ActorKind.GROUP)


def _impersonated(granted: list[Granted], resource: str) -> Iterator[_Match]:
    requests = _requests("impersonate", resource)
    yield from _everywhere(_matches(granted, requests))
    yield from _everywhere(_named_matches(granted, requests))


def _edges_to(context: Context, match: _Match, kind: ActorKind) -> Iterator[Edge]:
    cluster = context.cluster
    assert cluster is not None
    names = match.names
    if names is None:
        named = (name for of_kind, name in cluster.by_name if of_kind == kind.value.title())
        names = tuple(name for name in named if not name.startswith("system:serviceaccount:"))
    for name in names:
        yield Edge(Actor(kind, name), "k8s-impersonate", "", (match.permission,))
