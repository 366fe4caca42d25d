"""Objects of AWS in the graph: the cluster, IAM principals and policies, OIDC providers, Pod Identity associations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

Document = Mapping[str, Any]
"""A policy document."""


class Unknown(NamedTuple):
    """A value that the source does not have. A snapshot has a list in its place, with the reason."""

    reason: str
    """The value and why: `roleArn of aws:eks/… app is known after the update, from aws:iam/role:Role app`."""

    def __str__(self) -> str:
        return f"not known: {self.reason}"


@dataclass(frozen=True)
class Cluster:
    """An EKS cluster, from DescribeCluster."""

    name: str
    arn: str | Unknown
    region: str
    account: str
    authentication_mode: str | Unknown
    """`CONFIG_MAP`, `API_AND_CONFIG_MAP` or `API`."""
    issuer: str | Unknown
    """URL of the OIDC issuer, with `https://`."""
    endpoint: str | Unknown = ""
    has_public_endpoint: bool | Unknown | None = None
    """Whether the API server is reachable from outside the VPC; None if the source does not have it."""
    public_access_cidrs: tuple[str | Unknown, ...] = ()
    """The ranges that reach the public endpoint. Empty: all, as EKS sets it."""
    encrypts_secrets: bool | Unknown | None = None
    """Whether a KMS key of the account encrypts Kubernetes secrets; None if the source does not have it."""
    certificate_authority: str = ""
    """Base64, as DescribeCluster returns it; empty if the source does not have it."""
    created_at: datetime | None = None
    """Time of CreateCluster; None if the source does not have it."""


@dataclass(frozen=True)
class IamPrincipal:
    """An IAM user or role with its policies, from GetUser, GetRole or GetAccountAuthorizationDetails."""

    arn: str
    """With the path."""
    unique_id: str = ""
    """`AROA…` or `AIDA…`. It changes when the principal is deleted and created again under the same ARN."""
    created_at: datetime | None = None
    trust_policy: Document | Unknown | None = None
    """None for a user."""
    inline_policies: Mapping[str, Document | Unknown] = field(default_factory=dict)
    attached_policies: tuple[str, ...] = ()
    """ARNs of managed policies."""
    other_policies: Unknown | None = None
    """Why it may have more policies than these; None if these are all."""
    boundary: str | Unknown | None = None
    """ARN of the managed policy that is the permissions boundary."""
    groups: tuple[str, ...] = ()
    """Names of a user's IAM groups."""
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str | None = field(default=None, compare=False)
    """Description of a role; None if it was not read: IAM lists roles without it."""
    max_session_duration: int | None = field(default=None, compare=False)
    """Seconds of a role's longest session; None if it was not read, as above."""
    last_used_at: datetime | None = None
    """Last use of a role (RoleLastUsed); None if IAM has none in the last 400 days, or for a user."""


@dataclass(frozen=True)
class IamGroup:
    """An IAM group of users with its policies. Neither aws-auth nor an access entry can name one."""

    arn: str
    inline_policies: Mapping[str, Document | Unknown] = field(default_factory=dict)
    attached_policies: tuple[str, ...] = ()


@dataclass(frozen=True)
class AddedPolicies:
    """The policies that a stack adds to a user, role or group that it does not declare."""

    kind: str
    """`user`, `role` or `group`."""
    name: str
    account: str
    """Empty if the stack does not have it."""
    inline_policies: Mapping[str, Document | Unknown] = field(default_factory=dict)
    attached_policies: tuple[str, ...] = ()
    unknown: Unknown | None = None
    """Why the stack may attach more policies."""


@dataclass(frozen=True)
class OidcProvider:
    """An IAM OIDC provider: an issuer that an account trusts."""

    arn: str
    url: str
    """Without `https://`, as IAM returns it."""
    audiences: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class PodIdentityAssociation:
    """A Pod Identity association, from DescribePodIdentityAssociation."""

    id: str
    namespace: str
    service_account: str
    role_arn: str | Unknown
    target_role_arn: str | Unknown | None = None
    external_id: str | None = None
    """The external id with which EKS assumes the target role."""
    disable_session_tags: bool = False
    owner_arn: str | None = None
    """ARN of the add-on that manages it."""
    session_policy: Document | Unknown | None = None
    """The policy that limits the sessions further; it requires `disable_session_tags`."""
    tags: Mapping[str, str] = field(default_factory=dict)
