"""Whom the `Principal` element of a resource policy (a trust policy above all) means.

How a request's principal is named decides what else must allow it:

| the policy names                          | grant     |
|-------------------------------------------|-----------|
| the user, or this very session            | IDENTITY  |
| the session's role                        | ROLE      |
| everybody (`*`)                           | ANYONE    |
| the account (its id, or its `root` ARN)   | ACCOUNT   |

`ACCOUNT` only hands the decision on to the account: its own policies must allow the request.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from lab.cloud.policy.documents import Principals, Statement


class Grant(IntEnum):
    """How closely a statement names the request's principal; the larger, the closer."""

    ACCOUNT = 1
    ANYONE = 2
    ROLE = 3
    IDENTITY = 4


@dataclass(frozen=True)
class RequestPrincipal:
    """Who asks. For AWS principals `names` are ARN and unique id, of the session too; elsewhere the one name."""

    kind: Literal["AWS", "Federated", "Service"]
    names: frozenset[str]
    role_names: frozenset[str] = frozenset()
    """ARN and unique id of the session's role."""
    account: str | None = None
    partition: str = "aws"


def aws_principal(
    arn: str, *, unique_id: str, account: str, partition: str = "aws", session_arn: str | None = None
) -> RequestPrincipal:
    """A user, or, with `session_arn`, a session of the role `arn`."""
    own = frozenset({arn, unique_id})
    if session_arn is None:
        return RequestPrincipal("AWS", own, account=account, partition=partition)
    return RequestPrincipal("AWS", frozenset({session_arn}), own, account, partition)


def federated_principal(provider_arn: str) -> RequestPrincipal:
    """Somebody whom the OIDC provider `provider_arn` vouches for."""
    return RequestPrincipal("Federated", frozenset({provider_arn}))


def service_principal(service: str) -> RequestPrincipal:
    """An AWS service: `ec2.amazonaws.com`, `pods.eks.amazonaws.com`."""
    return RequestPrincipal("Service", frozenset({service}))


def grant(statement: Statement, principal: RequestPrincipal) -> Grant | None:
    """How `statement` names `principal`, or None if it does not speak of it. A statement without principals speaks of
    nobody.
    """
    if statement.not_principals is not None:
        return None if _named(statement.not_principals, principal) else Grant.ANYONE
    if statement.principals is None:
        return None
    return _named(statement.principals, principal)


def _named(principals: Principals, principal: RequestPrincipal) -> Grant | None:
    listed = principals.get(principal.kind, ())
    if principal.kind != "AWS":
        return Grant.IDENTITY if principal.names.intersection(listed) else None
    if principal.names.intersection(listed):
        return Grant.IDENTITY
    if principal.role_names.intersection(listed):
        return Grant.ROLE
    if "*" in listed or "*" in principals:
        return Grant.ANYONE
    root = f"arn:{principal.partition}:iam::{principal.account}:root"
    return Grant.ACCOUNT if principal.account in listed or root in listed else None
