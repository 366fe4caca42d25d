"""What the rest of the lab asks of IAM and STS beside their public API.

AWS's services know who called them, may assume a role by its trust policy, and can tell a service account's token from
a forged one. EKS, eks-auth and the lab's EC2 do these three things through this module alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.cloud import iam_lookup, root_user, tokens, trust
from lab.cloud.request_identity import Caller, caller_of
from lab.cloud.sessions import DEFAULT_DURATION, sessions
from lab.interfaces import Credentials, IamPrincipal

decode_token = tokens.decode
"""See `lab.cloud.tokens.decode`."""


def principal(arn: str) -> IamPrincipal | None:
    """The user, role or root user behind `arn` (full path, any account) with its unique id as it is now, or None."""
    return root_user.principal(arn) or iam_lookup.principal(arn)


def caller(response: Any) -> IamPrincipal:
    """The user or role, not the session, that signed the request that the moto response object `response` answers."""
    return signer(response).principal


def signer(response: Any) -> Caller:
    """Everything known of who signed the request that `response` answers: ARN, user id, session, account.

    Raises:
        LookupError: the request did not come through authentication.
    """
    return caller_of(response.normalized_request.environ)


def service_session(
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
    assumed_by: str | None = None,
    external_id: str | None = None,
) -> Credentials:
    r"""Credentials of a session that a service principal opens, as EC2 and EKS Pod Identity do.

    The role's trust policy must allow `service` (`ec2.amazonaws.com`, `pods.eks.amazonaws.com`) to perform
    `sts:AssumeRole`, and `sts:TagSession` when there are `tags`; its conditions see `aws:SourceArn`,
    `aws:SourceAccount`, `aws:SourceOrgID` and `aws:RequestTag/…`. The session belongs to the role as it is now: a role
    made again under the same ARN is out of its reach.

    Args:
        role_arn: With its full path.
        service: The service principal.
        session_name: 2 to 64 characters of `[\w+=,.@-]`.
        tags: Session tags; `transitive` makes all of them survive role chaining.
        source_arn: The resource on whose behalf the service acts.
        source_account: That resource's account.
        duration: Seconds.
        policy: A session policy (JSON), which narrows what the role may do.
        transitive: See `tags`.
        assumed_by: The access key id of a session through which the service reaches a role of another account, as Pod
            Identity's target role is: then that session signs, not the service.
        external_id: What that session gives as `sts:ExternalId`.

    Raises:
        PermissionError: the role is missing, or does not trust `service`.
    """
    account, partition = iam_lookup.account_of(role_arn)
    role = iam_lookup.find_role(role_arn)
    request_tags = dict(tags or {})
    if role is None:
        raise PermissionError(f"{service} cannot assume {role_arn}: there is no such role")
    if assumed_by is None:
        refusal = trust.refusal_for_service(
            role,
            service,
            tags=request_tags,
            session_name=session_name,
            transitive=transitive,
            source_arn=source_arn,
            source_account=source_account,
        )
    else:
        refusal = trust.refusal_for_session(role, sessions.get(assumed_by), tags=request_tags, external_id=external_id)
    if refusal:
        raise PermissionError(refusal)
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


__all__: Sequence[str] = ("caller", "decode_token", "principal", "service_session", "signer")
