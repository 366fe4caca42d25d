"""Techniques of Kubernetes permissions: from an actor to the service accounts, nodes and roles that it can use.

A technique needs one of its requests; each binding or access policy that allows some of them makes an edge.
"""

from __future__ import annotations

from collections.abc import Iterator

from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.questions.escalation.actors import CLUSTER_ADMINISTRATOR, Actor, Edge, principal, service_account
from eks_access.questions.escalation.authorization_techniques import authorization_edges
from eks_access.questions.escalation.bind_technique import bind_edges
from eks_access.questions.escalation.cluster_permissions import Granted
from eks_access.questions.escalation.cluster_requests import (
    CHANGE_PODS,
    CREATE_PODS,
    CREATE_SECRETS,
    EPHEMERAL,
    EXEC,
    NODES_PROXY,
    READ_SECRETS,
    TOKEN,
    WRITE_ACCOUNTS,
    everywhere,
    matches_of,
    named_matches,
)
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.scopes import Scope, common_scope, in_scope

_NEW_ACCOUNT = "any-new-service-account"


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
        for match in matches_of(granted, requests):
            target = (context.running if are_running else context.accounts)(match.granted.scope)
            yield Edge(target, technique, "", (match.permission,), (condition,) if condition else ())
    for find in (_named, _secrets, _nodes, _service_account_roles, authorization_edges, bind_edges):
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


def _named(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    """Yield the edges of permissions on objects of some names."""
    workloads = context.workloads
    if workloads is None:
        return
    for match in named_matches(granted, TOKEN):
        for namespace, name in workloads.in_scope(match.granted.scope):
            if name in (match.names or ()):
                yield Edge(service_account(namespace, name), "k8s-service-account-token", "", (match.permission,))
    for technique, requests in (("k8s-exec", EXEC), ("k8s-change-pods", CHANGE_PODS)):
        for match in named_matches(granted, requests):
            for pod in workloads.pods:
                if pod.name in (match.names or ()) and in_scope(match.granted.scope, pod.namespace):
                    target = service_account(pod.namespace, pod.service_account)
                    yield Edge(target, technique, f"in pod {pod}", (match.permission,))


def _secrets(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    """Yield the edges of who can both create and read Secrets: Kubernetes writes the token into a new one."""
    for created in matches_of(granted, CREATE_SECRETS):
        for read in matches_of(granted, READ_SECRETS):
            scope = common_scope(created.granted.scope, read.granted.scope)
            if scope is not None:
                permissions = (created.permission, read.permission)
                yield Edge(context.accounts(scope), "k8s-create-token-secrets", "", permissions)


def _nodes(context: Context, granted: list[Granted]) -> Iterator[Edge]:
    nodes = context.nodes()
    workloads = context.workloads
    if not nodes or workloads is None:
        return
    for match in matches_of(granted, CREATE_PODS):
        reachable = [node for node in nodes if workloads.is_metadata_reachable(node)]
        for arn in dict.fromkeys(filter(None, map(workloads.node_role, reachable))):
            yield Edge(principal(arn), "k8s-pod-node-role", "", (match.permission,))
        condition = "Pod Security admission allows privileged pods in the namespace; its labels are not read"
        yield Edge(context.all_nodes(), "k8s-privileged-pod", "", (match.permission,), (condition,))
    for match in everywhere(matches_of(granted, NODES_PROXY)):
        yield Edge(context.running(()), "k8s-nodes-proxy", "", (match.permission,))
    for match in everywhere(named_matches(granted, NODES_PROXY)):
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
    for written in matches_of(granted, WRITE_ACCOUNTS):
        for created in matches_of(granted, (*CREATE_PODS, *EXEC, *TOKEN)):
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
    names: dict[str, list[ObjectKey]] = {}
    for key in workloads.in_scope(scope):
        names.setdefault(key[1], []).append(key)
    new = [(namespace, _NEW_ACCOUNT) for namespace in workloads.namespaces(scope)]
    issuer = _issuer(context)
    for provider, roles in trusts.providers():
        if issuer and provider.endswith(issuer):
            for arn in roles:
                named = trusts.names_in(arn)
                mentioned = names if named is None else [name for name in named if name in names]
                for key in [*new, *(key for name in mentioned for key in names[name])]:
                    conditions = workloads.trusts_subject(arn, *key)
                    if conditions is not None:
                        yield arn, conditions
                        break


def _issuer(context: Context) -> str:
    issuer = context.graph.cluster.get().issuer
    return issuer.removeprefix("https://") if isinstance(issuer, str) else ""
