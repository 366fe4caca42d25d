"""Matching of a request's principal with the `Principal` element of a resource-based policy, such as a trust policy.

How the policy names the principal determines which other policies must allow the request:

| the policy names                          | grant     |
|-------------------------------------------|-----------|
| the user, or the session                  | IDENTITY  |
| all principals (`*`)                      | ANYONE    |
| the session's role                        | ROLE      |
| the account (its id, or its `root` ARN)   | ACCOUNT   |

`ACCOUNT` delegates the decision to the account: an identity-based policy must allow the request. A permissions boundary
and session policies limit `ROLE`, but neither `ANYONE` nor `IDENTITY`.

In an `Allow`, `*` names all principals of accounts. In a `Deny`, it also names services and tokens of identity
providers: `"Principal": "*"` denies everyone.

A `Deny` with `NotPrincipal` exempts the user or the session that it lists. It does not exempt the other users of an
account, or sessions of a role, that it lists, nor a user or role with a permissions boundary. AWS may also deny a
listed principal whose role or account is not listed; the lab does not.

Source: IAM user guide, "How AWS enforcement code logic evaluates requests to allow or deny access", "AWS JSON policy
elements: Principal" and "AWS JSON policy elements: NotPrincipal".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from lab.cloud.policy.documents import Principals, Statement


class Grant(IntEnum):
    """How specifically a statement names the request's principal. A larger value is more specific."""

    ACCOUNT = 1
    ROLE = 2
    ANYONE = 3
    IDENTITY = 4


@dataclass(frozen=True)
class RequestPrincipal:
    """The principal of a request.

    `names` are the values with which a policy can name it: a user's ARN and unique id, a session's ARN, the ARN of an
    OIDC provider, or a service principal.
    """

    kind: Literal["AWS", "Federated", "Service"]
    names: frozenset[str]
    role_names: frozenset[str] = frozenset()
    """ARN and unique id of the session's role."""
    account: str | None = None
    partition: str = "aws"


def aws_principal(
    arn: str, *, unique_id: str, account: str, partition: str = "aws", session_arn: str | None = None
) -> RequestPrincipal:
    """Return the principal of a user, or, with `session_arn`, of a session of the role `arn`."""
    names = frozenset({arn, unique_id})
    if session_arn is None:
        return RequestPrincipal("AWS", names, account=account, partition=partition)
    return RequestPrincipal("AWS", frozenset({session_arn}), names, account, partition)


def federated_principal(provider_arn: str) -> RequestPrincipal:
    """Return the principal of a token of the OIDC provider `provider_arn`."""
    return RequestPrincipal("Federated", frozenset({provider_arn}))


def service_principal(service: str) -> RequestPrincipal:
    """Return the principal of an AWS service, such as `ec2.amazonaws.com` or `pods.eks.amazonaws.com`."""
    return RequestPrincipal("Service", frozenset({service}))


def find_grant(statement: Statement, principal: RequestPrincipal, *, has_boundary: bool = False) -> Grant | None:
    """Return how `statement` names `principal`, or None if it does not. Without `Principal` it names no principal."""
    is_deny = statement.effect == "Deny"
    if statement.not_principals is not None:
        is_exempt = _exempts(statement.not_principals, principal, is_deny=is_deny, has_boundary=has_boundary)
        return None if is_exempt else Grant.ANYONE
    if statement.principals is None:
        return None
    return _match_principals(statement.principals, principal, is_deny=is_deny)


def _exempts(listed: Principals, principal: RequestPrincipal, *, is_deny: bool, has_boundary: bool) -> bool:
    """Return whether `NotPrincipal` lists the principal. For a Deny, its role or account alone is not enough."""
    if not is_deny:
        return _match_principals(listed, principal, is_deny=False) is not None
    if has_boundary and principal.kind == "AWS":
        return False
    values = listed.get(principal.kind, ())
    return "*" in listed or "*" in values or bool(principal.names.intersection(values))


def _match_principals(principals: Principals, principal: RequestPrincipal, *, is_deny: bool) -> Grant | None:
    values = principals.get(principal.kind, ())
    if is_deny and ("*" in principals or "*" in principals.get("AWS", ()) or "*" in values):
        return Grant.ANYONE
    if principal.kind != "AWS":
        return Grant.IDENTITY if principal.names.intersection(values) else None
    if principal.names.intersection(values):
        return Grant.IDENTITY
    if "*" in values or "*" in principals:
        return Grant.ANYONE
    if principal.role_names.intersection(values):
        return Grant.ROLE
    root = f"arn:{principal.partition}:iam::{principal.account}:root"
    return Grant.ACCOUNT if principal.account in values or root in values else None
