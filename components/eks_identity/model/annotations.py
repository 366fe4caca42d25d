"""The annotations by which a service account asks the pod identity webhook for a role.

The webhook acts when a pod is created: a changed annotation does nothing to pods that run already.
"""

from __future__ import annotations

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import arns, names

PREFIX = "eks.amazonaws.com/"
ROLE_ARN = f"{PREFIX}role-arn"
AUDIENCE = f"{PREFIX}audience"
STS_REGIONAL_ENDPOINTS = f"{PREFIX}sts-regional-endpoints"
TOKEN_EXPIRATION = f"{PREFIX}token-expiration"


def webhook_annotations(
    *,
    role_arn: str | arns.Principal | None = None,
    audience: str | None = None,
    sts_regional_endpoints: bool | None = None,
    token_expiration: float | None = None,
) -> dict[str, str]:
    """The annotations, all of them strings as Kubernetes wants; those not given are left to the webhook.

    `audience`: the `aud` of the token, which the trust policy and the OIDC provider must then name too.
    `sts_regional_endpoints`: whether pods ask the region's own STS. `token_expiration`: 600 to 86,400 seconds.

    Source: README of the amazon-eks-pod-identity-webhook.
    """
    made: dict[str, str] = {}
    with Problems() as problems:
        if role_arn is not None and (arn := problems.parse("role_arn", arns.role_arn, role_arn)) is not None:
            made[ROLE_ARN] = arn
        if audience is not None:
            problems.parse("audience", names.audience, audience)
            made[AUDIENCE] = audience
        if sts_regional_endpoints is not None:
            problems.parse("sts_regional_endpoints", names.flag, sts_regional_endpoints)
            made[STS_REGIONAL_ENDPOINTS] = "true" if sts_regional_endpoints else "false"
        if token_expiration is not None:
            seconds = problems.parse("token_expiration", names.token_expiration, token_expiration)
            made[TOKEN_EXPIRATION] = str(seconds)
    return made


def other_annotations(given: dict[str, str]) -> dict[str, str]:
    """Annotations of the user's own; refuses those that have an input of their own here."""
    problems = [
        Problem(key, f"annotations below {PREFIX} are typed inputs here", value, f"use {_input(key)} instead")
        for key, value in given.items()
        if key.startswith(PREFIX)
    ]
    if problems:
        raise InvalidInput(problems)
    return given


def _input(key: str) -> str:
    return key.removeprefix(PREFIX).replace("-", "_")
