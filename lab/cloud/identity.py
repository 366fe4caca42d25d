"""The functions of IAM and STS that AWS services use and that no public API offers.

An AWS service knows the caller of a request, assumes roles that trust it, and verifies tokens of service accounts. EKS,
EKS Auth and EC2 use IAM and STS through this module only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.cloud import iam_lookup, root_user, session_requests, tokens, trust
from lab.cloud.request_identity import Caller, read_caller
from lab.cloud.session_requests import SessionRequestError
from lab.cloud.sessions import DEFAULT_DURATION, sessions
from lab.interfaces import Credentials, IamPrincipal

decode_token = tokens.decode
"""See `lab.cloud.tokens.decode`."""

INSTANCE_SESSION_DURATION = 21_600
"""Seconds. Instance credentials are valid for six hours."""


def find_principal(arn: str) -> IamPrincipal | None:
    """Return the user, role or root user with that ARN (full path, any account) and its current unique id, or None."""
    return root_user.find_principal(arn) or iam_lookup.find_principal(arn)


def get_calling_principal(response: Any) -> IamPrincipal:
    """Return the user or role, not the session, that signed the request of the moto response object `response`."""
    return get_caller(response).principal


def get_caller(response: Any) -> Caller:
    """Return the caller that signed the request of `response`, with ARN, user id, session and account.

    Raises:
        LookupError: the request was not authenticated.
    """
    return read_caller(response.normalized_request.environ)


def open_service_session(
    role_arn: str,
    *,
    service: str,
    session_name: str,
    tags: Mapping[str, str] | None = None,
    source_arn: str | None = None,
    source_account: str | None = None,
    duration: int = DEFAULT_DURATION,
    policy: str | None = None,
    transitive: bool = False,
    session_access_key_id: str | None = None,
    external_id: str | None = None,
) -> Credentials:
    r"""Open a session as a service principal, as EC2 and EKS Pod Identity do, and return its credentials.

    The role's trust policy must allow `service` (`ec2.amazonaws.com`, `pods.eks.amazonaws.com`) to perform
    `sts:AssumeRole`, and also `sts:TagSession` if there are `tags`. Its conditions can use `aws:SourceArn`,
    `aws:SourceAccount`, `aws:SourceOrgID` and `aws:RequestTag/…`. The session is bound to the role's current unique id:
    it ends when the role is deleted, even if a role with the same ARN is created later.

    Args:
        role_arn: ARN of the role, with its full path.
        service: The service principal.
        session_name: 2 to 64 characters of `[\w+=,.@-]`.
        tags: Session tags.
        source_arn: ARN of the resource on whose behalf the service acts.
        source_account: Account of that resource.
        duration: Seconds.
        policy: A session policy (JSON), which restricts the role's permissions.
        transitive: Whether all `tags` are transitive: they persist during role chaining.
        session_access_key_id: Access key id of a session that assumes the role in place of the service. Pod Identity
            reaches a target role of another account in this way.
        external_id: `sts:ExternalId` in the request of that session.

    Raises:
        PermissionError: the role does not exist, or does not trust `service` or the session, or `policy` is no policy.
    """
    account, partition = iam_lookup.parse_account(role_arn)
    role = iam_lookup.find_role(role_arn)
    request_tags = dict(tags or {})
    if role is None:
        raise PermissionError(f"{service} cannot assume {role_arn}: the role does not exist")
    if session_access_key_id is None:
        denial = trust.find_service_denial(
            role,
            service,
            tags=request_tags,
            session_name=session_name,
            transitive=transitive,
            source_arn=source_arn,
            source_account=source_account,
        )
    else:
        denial = trust.find_session_denial(
            role,
            sessions.get(session_access_key_id),
            session_name=session_name,
            tags=request_tags,
            transitive=transitive,
            external_id=external_id,
        )
    if denial:
        raise PermissionError(denial)
    if policy is not None:
        _check_policy(policy, role_arn)
    session = sessions.open(
        principal=IamPrincipal(arn=role_arn, unique_id=role.id),
        account=account,
        partition=partition,
        name=session_name,
        duration=duration,
        policies=() if policy is None else (policy,),
        tags=request_tags,
        transitive_tag_keys=frozenset(request_tags if transitive else ()),
    )
    return session.credentials


def _check_policy(policy: str, role_arn: str) -> None:
    try:
        session_requests.check_policy(policy)
    except SessionRequestError as error:
        raise PermissionError(f"cannot assume {role_arn} with this policy: {error.code}: {error.message}") from error


class Ec2InstanceRoles:
    """EC2's side of instance roles. Implements `lab.interfaces.InstanceRoles`."""

    def credentials(self, role_arn: str, instance_id: str) -> Credentials:
        """Assume the role for an instance and return the credentials.

        Raises:
            PermissionError: the role does not exist, or does not trust EC2.
        """
        _, partition = iam_lookup.parse_account(role_arn)
        suffix = ".cn" if partition == "aws-cn" else ""
        return open_service_session(
            role_arn,
            service=f"ec2.amazonaws.com{suffix}",
            session_name=instance_id,
            duration=INSTANCE_SESSION_DURATION,
        )


__all__: Sequence[str] = (
    "Ec2InstanceRoles",
    "decode_token",
    "find_principal",
    "get_caller",
    "get_calling_principal",
    "open_service_session",
)
