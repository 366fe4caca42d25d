"""Actors, between which escalations lead, and the edges that techniques make."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from eks_access.questions.escalation.permissions import Permission
from eks_access.questions.escalation.scopes import Scope, scope_words
from eks_identity.evaluation.rbac import AUTHENTICATED, RoleKey

UNAUTHENTICATED = "system:unauthenticated"
EVERY_SERVICE_ACCOUNT = "system:serviceaccounts"


class ActorKind(StrEnum):
    """Kind of an actor."""

    PRINCIPAL = "IAM principal"
    IAM_GROUP = "IAM group"
    SERVICE_ACCOUNT = "service account"
    USER = "user"
    GROUP = "group"
    NODE = "node"
    CLUSTER_ADMINISTRATOR = "cluster administrator"
    ACCOUNT_ADMINISTRATOR = "administrator of account"
    BOUND_ROLE = "permissions of"
    """The permissions of a role that a subject can bind to itself."""
    SET = "any of"
    """All actors of a set, such as the service accounts of a namespace: a subject can act as each of them."""


@dataclass(frozen=True)
class Actor:
    """A subject, a node, the administrator of the cluster or of an account, or a set of them."""

    kind: ActorKind = field(hash=False)  # the name differs as a rule, and an enum's hash is slow
    name: str = ""
    """ARN, `NAMESPACE/NAME`, name in bindings, name of the node, account id, or the bound role in words."""
    role: RoleKey | None = None
    """The bound role."""
    scope: Scope = ()
    """Where the permissions of the bound role apply."""

    def __str__(self) -> str:
        if self.kind is ActorKind.PRINCIPAL or not self.name:
            return self.name or str(self.kind)
        if self.kind is ActorKind.GROUP and self.name == AUTHENTICATED:
            return f"{self.kind} {self.name}: everybody with a valid token"
        if self.kind is ActorKind.GROUP and self.name == UNAUTHENTICATED:
            return f"{self.kind} {self.name}: everybody, without a token"
        return f"{self.kind} {self.name}"


CLUSTER_ADMINISTRATOR = Actor(ActorKind.CLUSTER_ADMINISTRATOR)


def principal(arn: str) -> Actor:
    """Return the actor of an IAM user or role."""
    return Actor(ActorKind.PRINCIPAL, arn)


def service_account(namespace: str, name: str) -> Actor:
    """Return the actor of a service account."""
    return Actor(ActorKind.SERVICE_ACCOUNT, f"{namespace}/{name}")


def bound_role(role: RoleKey, scope: Scope) -> Actor:
    """Return the actor that has the permissions of a role, which it can bind to itself, in a scope."""
    namespace, name = role
    words = f"ClusterRole {name} in {scope_words(scope)}" if namespace is None else f"Role {namespace}/{name}"
    return Actor(ActorKind.BOUND_ROLE, words, role, scope)


def account_administrator(account: str) -> Actor:
    """Return the administrator of an AWS account."""
    return Actor(ActorKind.ACCOUNT_ADMINISTRATOR, account)


@dataclass(frozen=True)
class Edge:
    """A way from one actor to another."""

    target: Actor
    technique: str = ""
    """Id of the technique; empty for what an actor has without one, such as the role of a service account."""
    words: str = ""
    """What the actor does or has, in words."""
    permissions: tuple[Permission, ...] = ()
    """The permissions that the technique needs. Without one of them there is no edge. The first is cut."""
    conditions: tuple[str, ...] = ()
    """What decides whether the edge holds; empty: it holds."""
