"""Services that decide where reading is not enough: the API server, IAM, STS and EKS Auth.

| method                       | call                                        |
|------------------------------|---------------------------------------------|
| `review_access`              | SubjectAccessReview                         |
| `simulate`                   | `iam:SimulatePrincipalPolicy`               |
| `assume_with_web_identity`   | TokenRequest, `sts:AssumeRoleWithWebIdentity` |
| `assume_for_pod_identity`    | TokenRequest, `eks-auth:AssumeRoleForPodIdentity` |

Each has three answers: yes, no, and `NotReadError` with the reason why the service did not answer. Only a living
cluster can be asked: the services of all other sources are `NoServices`. Tokens and credentials never leave the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.graph.tables import NotReadError
from eks_identity.evaluation.rbac import Request


@dataclass(frozen=True)
class ReviewedUser:
    """A user as the authenticator of EKS describes it to the API server."""

    username: str
    groups: tuple[str, ...]
    uid: str = ""
    """Empty if the unique id of the IAM principal is not known."""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"username {self.username!r}, groups {list(self.groups)}"


@dataclass(frozen=True)
class AccessReview:
    """The answer of the API server."""

    is_allowed: bool
    is_denied: bool = False
    """Whether an authorizer denies the request, so that no other one can allow it."""
    reason: str = ""


@dataclass(frozen=True)
class Simulation:
    """The answer of IAM to one action on one resource."""

    decision: str
    """`allowed`, `explicitDeny` or `implicitDeny`."""
    policies: tuple[str, ...] = ()
    """Ids of the policies whose statements decide."""
    missing_keys: tuple[str, ...] = ()
    """Condition keys of the policies that had no value in the simulation."""
    is_allowed_by_boundary: bool = True
    is_allowed_by_organization: bool = True

    @property
    def is_allowed(self) -> bool:
        return self.decision == "allowed"

    @property
    def is_explicit_deny(self) -> bool:
        return self.decision == "explicitDeny"

    def __str__(self) -> str:
        return f"{self.decision} by {', '.join(self.policies)}" if self.policies else self.decision


@dataclass(frozen=True)
class Exchange:
    """The answer to the exchange of a token: a session, or an error."""

    session_arn: str = ""
    """Empty if the service rejects the token."""
    error: str = ""
    """Error code."""
    message: str = ""


class Services(Protocol):
    """The services that a question can ask. Each method raises `NotReadError` if the service does not answer."""

    def review_access(self, user: ReviewedUser, request: Request) -> AccessReview:
        """Return whether the API server allows a user a request."""

    def simulate(self, role_arn: str, action: str, resource: str, context: Mapping[str, str]) -> Simulation:
        """Return whether the policies of a role allow an action on a resource."""

    def assume_with_web_identity(self, account: ObjectKey, audience: str, role_arn: str) -> Exchange:
        """Return whether STS accepts a token of a service account for a role. It opens a session."""

    def assume_for_pod_identity(self, account: ObjectKey, pod: str, cluster: str) -> Exchange:
        """Return whether EKS Auth accepts a token of a pod of a service account. It opens a session."""


class NoServices:
    """The services of a source that is not a living cluster."""

    def review_access(self, _user: ReviewedUser, _request: Request) -> AccessReview:
        _fail("SubjectAccessReview")

    def simulate(self, _role_arn: str, _action: str, _resource: str, _context: Mapping[str, str]) -> Simulation:
        _fail("SimulatePrincipalPolicy")

    def assume_with_web_identity(self, _account: ObjectKey, _audience: str, _role_arn: str) -> Exchange:
        _fail("AssumeRoleWithWebIdentity")

    def assume_for_pod_identity(self, _account: ObjectKey, _pod: str, _cluster: str) -> Exchange:
        _fail("AssumeRoleForPodIdentity")


def _fail(call: str) -> NoReturn:
    raise NotReadError(call, "only the live source can ask")
