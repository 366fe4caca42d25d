"""The principal of a request, and how the `Principal` element of a resource-based policy names it.

| the policy names                             | grant     | what else must allow, in the same account       |
|----------------------------------------------|-----------|-------------------------------------------------|
| the account: its id or its `root` ARN        | `ACCOUNT` | identity-based policy, boundary, session policy |
| the role of a session, or the federated user | `ROLE`    | boundary, session policy                        |
| the user or session itself, or `*`           | `DIRECT`  | nothing                                         |
| the service or OIDC provider                 | `DIRECT`  | nothing                                         |

A Deny with `*` denies services and OIDC providers too. The user guide leaves open whether an Allow with `*` allows
them: that is not evaluated.

`NotPrincipal` is supported with Deny only. It exempts a principal whose account, role and own ARN are all listed. It
denies every principal that has a permissions boundary. The user guide leaves open what happens if the principal is
listed and its account or role is not: that is not evaluated.

Source: IAM user guide, "AWS JSON policy elements: Principal", "AWS JSON policy elements: NotPrincipal", and "How AWS
enforcement code logic evaluates requests to allow or deny access" (resource-based policies).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, Literal

from eks_identity.errors import NoPrincipalError
from eks_identity.evaluation.iam.documents import Principals, Statement

PrincipalKind = Literal["AWS", "Federated", "Service"]
_ASSUMED_ROLE: Final = "assumed-role/"


class Grant(IntEnum):
    """How directly an Allow of a resource-based policy names the principal. A larger value is more direct."""

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


@dataclass(frozen=True)
class RequestPrincipal:
    """The principal of a request: a user, a session of a role or of a federated user, a service, or an OIDC provider.

    Args:
        arn: The ARN of the user or session, the service name, or the ARN of the provider. None for a session whose name
            is unknown.
        role: The ARN of the session's role, or of the federated user's user.
        unique_ids: The unique ids of the user or the role, which a policy shows in place of a deleted principal's ARN.
    """

    kind: PrincipalKind
    arn: str | None
    account: str = ""
    partition: str = "aws"
    role: str | None = None
    unique_ids: tuple[str, ...] = ()
    is_path_known: bool = True
    """Whether `role` has the role's path, which the ARN of a session lacks."""

    @classmethod
    def of(cls, arn: str, *, unique_ids: tuple[str, ...] = ()) -> RequestPrincipal:
        """Return the principal with this ARN: a user, a session, a federated user, or a session of a role.

        Raises `NoPrincipalError` for the ARN of another kind, such as a group, and of a root user, which no policy of
        the account limits.
        """
        partition, service, account, resource = _arn_fields(arn)
        kind, _, name = resource.partition("/")
        principal = cls("AWS", arn, account, partition, None, unique_ids)
        if (service, kind) == ("iam", "user") and name:
            return principal
        if (service, kind) == ("iam", "role") and name:
            return replace(principal, arn=None, role=arn)
        if (service, kind) == ("sts", "assumed-role") and name.count("/") == 1:
            role = f"arn:{partition}:iam::{account}:role/{name.partition('/')[0]}"
            return replace(principal, role=role, is_path_known=False)
        if (service, kind) == ("sts", "federated-user") and name:
            user = f"arn:{partition}:iam::{account}:user/{name}"
            return replace(principal, role=user, is_path_known=False)
        raise NoPrincipalError(f"{arn} is no user, role or session")

    @classmethod
    def session(cls, role_arn: str, session_name: str | None, *, unique_ids: tuple[str, ...] = ()) -> RequestPrincipal:
        """Return the principal of a role's session. Unlike the session's ARN, the role's has the path of the role."""
        principal = cls.of(role_arn, unique_ids=unique_ids)
        if principal.role != role_arn:
            raise NoPrincipalError(f"{role_arn} is no role")
        name = role_arn.rpartition("/")[2]
        session = f"arn:{principal.partition}:sts::{principal.account}:{_ASSUMED_ROLE}{name}/{session_name}"
        return replace(principal, arn=session if session_name else None)

    @classmethod
    def provider(cls, arn: str) -> RequestPrincipal:
        """Return the principal of a token of an OIDC provider."""
        return cls("Federated", arn)

    @classmethod
    def service(cls, name: str) -> RequestPrincipal:
        """Return the principal of a service, such as `pods.eks.amazonaws.com`."""
        return cls("Service", name)

    @property
    def accounts(self) -> frozenset[str]:
        """The values that name the account of the principal."""
        if not self.account:
            return frozenset()
        return frozenset({self.account, f"arn:{self.partition}:iam::{self.account}:root"})


@dataclass(frozen=True)
class Naming:
    """How a statement names a principal: the least and the most direct grant, which differ if a name is unknown."""

    low: Grant
    high: Grant
    undecided: str = ""
    """The value of the policy that decides, if they differ."""
    not_evaluated: str = ""


def naming(statement: Statement, principal: RequestPrincipal, *, has_boundary: bool) -> Naming:
    """Return how a statement of a resource-based policy names `principal`."""
    if statement.not_principals is not None:
        return _naming_of_others(statement, statement.not_principals, principal, has_boundary=has_boundary)
    return _named(statement, statement.principals or {}, principal)


def _named(statement: Statement, principals: Principals, principal: RequestPrincipal) -> Naming:
    values, is_everyone = principals.get(principal.kind, ()), "*" in principals.get("AWS", ())
    if is_everyone and (statement.effect == "Deny" or principal.kind == "AWS"):
        return Naming(Grant.DIRECT, Grant.DIRECT)
    if principal.arn in values or (principal.role is None and _names_id(values, principal)):
        return Naming(Grant.DIRECT, Grant.DIRECT)
    if is_everyone:
        reason = f"{statement}: whether Principal * allows {principal.arn}"
        return Naming(Grant.NONE, Grant.DIRECT, not_evaluated=reason)
    low = Grant.NONE
    if principal.role is not None and (principal.role in values or _names_id(values, principal)):
        low = Grant.ROLE
    elif principal.accounts & set(values):
        low = Grant.ACCOUNT
    if low is Grant.NONE and principal.kind == "AWS" and "CanonicalUser" in principals:
        reason = f"{statement}: whether CanonicalUser is account {principal.account}"
        return Naming(Grant.NONE, Grant.ACCOUNT, not_evaluated=reason)
    session, role = _unknown_session(values, principal), _unknown_path(values, principal)
    return Naming(low, Grant.DIRECT if session else Grant.ROLE if role else low, session or role)


def _naming_of_others(
    statement: Statement, listed: Principals, principal: RequestPrincipal, *, has_boundary: bool
) -> Naming:
    """Return how `NotPrincipal` names a principal: whether it is not listed."""
    where = f"{statement}: NotPrincipal"
    values = listed.get(principal.kind, ())
    if statement.effect == "Allow":
        return Naming(Grant.NONE, Grant.DIRECT, not_evaluated=f"{where} with Allow, which IAM does not support")
    if has_boundary and principal.kind == "AWS":
        return Naming(Grant.DIRECT, Grant.DIRECT)
    if unknown := _unknown_session(values, principal):
        return Naming(Grant.NONE, Grant.DIRECT, unknown)
    is_listed = principal.arn in values or "*" in values or (principal.role is None and _names_id(values, principal))
    parents = _unlisted_parents(values, principal) if principal.kind == "AWS" and "*" not in values else []
    if is_listed and parents:
        reason = f"{where} lists {principal.arn}, and not {', '.join(parents)}"
        return Naming(Grant.NONE, Grant.DIRECT, not_evaluated=reason)
    grant = Grant.NONE if is_listed else Grant.DIRECT
    return Naming(grant, grant)


def _unlisted_parents(values: tuple[str, ...], principal: RequestPrincipal) -> list[str]:
    """Return the role and the account of the principal that are not among `values`."""
    is_role_listed = principal.role is None or principal.role in values or bool(_unknown_path(values, principal))
    parents = [] if is_role_listed or principal.role is None else [principal.role]
    return parents if principal.accounts & set(values) else [*parents, f"account {principal.account}"]


def _names_id(values: tuple[str, ...], principal: RequestPrincipal) -> bool:
    return any(unique_id in values for unique_id in principal.unique_ids)


def _unknown_session(values: tuple[str, ...], principal: RequestPrincipal) -> str:
    """Return the value that names a session of the role, if the name of the request's session is unknown."""
    if principal.arn is not None or principal.role is None:
        return ""
    name = principal.role.rpartition("/")[2]
    prefix = f"arn:{principal.partition}:sts::{principal.account}:{_ASSUMED_ROLE}{name}/"
    return next((value for value in values if value.startswith(prefix)), "")


def _unknown_path(values: tuple[str, ...], principal: RequestPrincipal) -> str:
    """Return the value that names a role of the session's name with a path, if the path of the role is unknown."""
    if principal.is_path_known or principal.role is None or principal.role in values:
        return ""
    parent, _, name = principal.role.partition("/")
    return next((value for value in values if value.startswith(f"{parent}/") and value.endswith(f"/{name}")), "")


def _arn_fields(arn: str) -> tuple[str, str, str, str]:
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        raise NoPrincipalError(f"{arn} is no ARN")
    return parts[1], parts[2], parts[4], parts[5]
