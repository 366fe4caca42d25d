"""Techniques of permissions on access control: aws-auth, webhooks, certificates, the verbs escalate and impersonate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eks_access.graph.tables import NotReadError
from eks_access.questions.escalation.actors import CLUSTER_ADMINISTRATOR, Actor, ActorKind, Edge, service_account
from eks_access.questions.escalation.cluster_permissions import Granted
from eks_access.questions.escalation.cluster_requests import (
    CERTIFICATES,
    RBAC,
    WEBHOOKS,
    WRITE_CONFIG_MAPS,
    Match,
    everywhere,
    matches_of,
    named_matches,
    requests,
)
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.permissions import BindingOrigin
from eks_access.questions.escalation.scopes import in_scope
from eks_identity.evaluation.rbac import Request, allows
from eks_identity.model.identities import MASTERS


def authorization_edges(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    """Yield what an actor can become by permissions on the cluster's own access control."""
    yield from _aws_auth(context, granted)
    for match in everywhere(matches_of(granted, WEBHOOKS)):
        yield Edge(context.accounts(()), "k8s-mutating-webhook", "", (match.permission,))
    yield from _certificates(granted)
    yield from _escalate(context, granted)
    yield from _impersonate(context, granted)


def _aws_auth(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    try:
        if not context.graph.authentication_mode().reads_aws_auth:
            return
    except NotReadError:
        return
    named = tuple(replace(request, name="aws-auth") for request in WRITE_CONFIG_MAPS)
    for match in matches_of(granted, named):
        if in_scope(match.granted.scope, "kube-system"):
            yield Edge(CLUSTER_ADMINISTRATOR, "k8s-aws-auth", "", (match.permission,))


def _certificates(granted: list[Granted]) -> Iterator[Edge]:
    signer = "kubernetes.io/kube-apiserver-client"
    needs = (
        (Request("approve", "signers", None, CERTIFICATES, signer),),
        requests("update patch", "certificatesigningrequests/approval", CERTIFICATES),
        requests("create", "certificatesigningrequests", CERTIFICATES),
    )
    found = [list(everywhere(matches_of(granted, requests))) for requests in needs]
    if all(found):
        permissions = tuple(matches[0].permission for matches in found)
        condition = f"the control plane signs certificates of {signer}"
        yield Edge(CLUSTER_ADMINISTRATOR, "k8s-certificates", "", permissions, (condition,))


def _escalate(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    """Yield what an actor gets that can add rules to a role which it has itself."""
    escalating = [each for each in granted if any({"escalate", "*"}.intersection(rule.verbs) for rule in each.rules)]
    for each in granted if escalating else ():
        if not isinstance(each.origin, BindingOrigin):
            continue
        binding = each.origin.binding
        resource = "clusterroles" if binding.role_kind == "ClusterRole" else "roles"
        for one in escalating:
            needs_cluster = resource == "clusterroles"
            if (one.scope and needs_cluster) or (one.scope and one.scope != each.scope):
                continue
            escalate = Request("escalate", resource, None, RBAC, binding.role_name)
            writes = [replace(escalate, verb=verb) for verb in ("update", "patch")]
            allowed = tuple(request for request in writes if allows(one.rules, request))
            if allowed and allows(one.rules, escalate):
                target = context.accounts(each.scope) if each.scope else CLUSTER_ADMINISTRATOR
                words = f"adds rules to {binding.role_kind} {binding.role_name}"
                yield Edge(target, "k8s-escalate", words, (one.permission([escalate, *allowed]),))


def _impersonate(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    for match in matches_of(granted, requests("impersonate", "serviceaccounts")):
        yield Edge(context.accounts(match.granted.scope), "k8s-impersonate", "", (match.permission,))
    workloads = context.workloads
    for match in named_matches(granted, requests("impersonate", "serviceaccounts")):
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


def _impersonated(granted: list[Granted], resource: str) -> Iterator[Match]:
    impersonate = requests("impersonate", resource)
    yield from everywhere(matches_of(granted, impersonate))
    yield from everywhere(named_matches(granted, impersonate))


def _edges_to(context: Context, match: Match, kind: ActorKind) -> Iterator[Edge]:
    cluster = context.cluster
    assert cluster is not None
    names = match.names
    if names is None:
        named = (name for of_kind, name in cluster.by_name if of_kind == kind.value.title())
        names = tuple(name for name in named if not name.startswith("system:serviceaccount:"))
    for name in names:
        yield Edge(Actor(kind, name), "k8s-impersonate", "", (match.permission,))
