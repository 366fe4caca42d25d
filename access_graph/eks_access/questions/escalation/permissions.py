"""A permission with its origin, which is also where it can be taken away."""

from __future__ import annotations

from dataclasses import dataclass

from eks_access.graph.kubernetes_objects import RbacBinding
from eks_identity.evaluation.iam import Statement
from eks_identity.evaluation.rbac import Request
from eks_identity.model.existing_entries import AssociatedPolicy


@dataclass(frozen=True)
class BindingOrigin:
    """A binding whose role allows the requests."""

    binding: RbacBinding
    subject: tuple[str, str]
    """Kind and name of the binding's subject that the actor is or is a member of, as RBAC evaluates it."""
    requests: tuple[Request, ...]

    def __str__(self) -> str:
        return f"{self.binding} grants {self.binding.role_kind} {self.binding.role_name} to {' '.join(self.subject)}"


@dataclass(frozen=True)
class PolicyOrigin:
    """An access policy of an access entry."""

    principal_arn: str
    policy: AssociatedPolicy

    def __str__(self) -> str:
        return f"access policy {self.policy} of the access entry"


@dataclass(frozen=True)
class StatementOrigin:
    """The statements of a principal's policies that allow an action."""

    principal_arn: str
    action: str
    resource: str
    statements: tuple[Statement, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.statements))


@dataclass(frozen=True)
class TrustOrigin:
    """A trust policy that names the principal, so that it needs no permission of its own."""

    principal_arn: str
    role_arn: str

    def __str__(self) -> str:
        return f"trust policy of {self.role_arn}"


@dataclass(frozen=True)
class GroupOrigin:
    """Membership of the group system:masters."""

    group: str

    def __str__(self) -> str:
        return f"group {self.group} of the mapping"


@dataclass(frozen=True)
class BoundRoleOrigin:
    """A role that the actor has bound to itself. The permission to bind it is taken away, not this one."""

    role: str

    def __str__(self) -> str:
        return self.role


Origin = BindingOrigin | PolicyOrigin | StatementOrigin | TrustOrigin | GroupOrigin | BoundRoleOrigin


@dataclass(frozen=True)
class Permission:
    """What an actor is allowed, and by what."""

    what: str
    origin: Origin

    def __str__(self) -> str:
        return f"{self.what} ({self.origin})"


@dataclass(frozen=True)
class Allowed:
    """A permission that a decision of IAM allows, maybe under conditions."""

    permission: Permission
    conditions: tuple[str, ...] = ()
