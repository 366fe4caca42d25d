"""The subjects whose escalations are searched."""

from __future__ import annotations

from collections.abc import Iterator

from eks_access.errors import UsageError
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions.cluster_subjects import is_system
from eks_access.questions.escalation.actors import EVERY_SERVICE_ACCOUNT, UNAUTHENTICATED, Actor, ActorKind
from eks_access.questions.escalation.context import Context
from eks_identity.evaluation.rbac import AUTHENTICATED


def parse_subject(text: str) -> Actor:
    """Return the actor of an argument; raise `UsageError` for other text."""
    prefix, separator, name = text.partition(":")
    if text.startswith("arn:"):
        return Actor(ActorKind.PRINCIPAL, text)
    if separator and name and prefix in {"user", "group"}:
        return Actor(ActorKind.USER if prefix == "user" else ActorKind.GROUP, name)
    namespace, slash, account = text.partition("/")
    if slash and namespace and account and "/" not in account:
        return Actor(ActorKind.SERVICE_ACCOUNT, text)
    message = f"--from {text!r} must be an ARN, NAMESPACE/NAME of a service account, user:NAME or group:NAME"
    raise UsageError(message, f"pass group:{AUTHENTICATED} for everybody with a token, for example")


def require_existing(graph: AccessGraph, subject: Actor) -> None:
    """Raise `UsageError` for a principal or service account that does not exist; one that was not read may exist."""
    try:
        if subject.kind is ActorKind.PRINCIPAL:
            exists = graph.principals.get(subject.name) is not None
        elif subject.kind is ActorKind.SERVICE_ACCOUNT:
            namespace, _, name = subject.name.partition("/")
            exists = graph.service_accounts.get((namespace, name)) is not None
        else:
            return
    except NotReadError:
        return
    if not exists:
        message = f"--from {subject.name!r} must be an existing IAM user, IAM role or service account"
        raise UsageError(message, "pass the ARN that IAM has, or NAMESPACE/NAME as `kubectl get` lists it")


def every_subject(context: Context) -> Iterator[Actor]:
    """Yield the subjects whose paths are searched."""
    if context.trusts is not None:
        for arn in (*context.trusts.roles, *context.trusts.users):
            yield Actor(ActorKind.PRINCIPAL, arn)
    for kind, name in context.cluster.by_name if context.cluster else ():
        actor = _subject(kind, name)
        bindings = [granted.origin for granted in context.cluster.of(actor)] if context.cluster else []
        is_own = all(is_system(origin.binding) for origin in bindings if hasattr(origin, "binding"))
        if not (is_own and _is_of_kubernetes(actor)):
            yield actor


def _subject(kind: str, name: str) -> Actor:
    if name.startswith("system:serviceaccount:"):
        return Actor(ActorKind.SERVICE_ACCOUNT, name.removeprefix("system:serviceaccount:").replace(":", "/"))
    return Actor(ActorKind.GROUP if kind == "Group" else ActorKind.USER, name)


def _is_of_kubernetes(actor: Actor) -> bool:
    """Return whether Kubernetes or EKS created a subject, if only their own bindings name it."""
    if actor.kind is ActorKind.SERVICE_ACCOUNT:
        return actor.name.startswith("kube-system/")
    is_public = actor.name in {AUTHENTICATED, UNAUTHENTICATED} or actor.name.startswith(EVERY_SERVICE_ACCOUNT)
    return actor.name.startswith(("system:", "eks:")) and not is_public
