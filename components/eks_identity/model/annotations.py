"""Annotations of service accounts that the EKS pod identity webhook reads.

The webhook acts when a pod is created: a changed annotation has no effect on running pods.
"""

from __future__ import annotations

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import arns, labels, names

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
    """Return the annotations, as strings; the webhook's defaults apply to omitted ones.

    `audience`: the `aud` of the token, which the trust policy and the OIDC provider must name too.
    `sts_regional_endpoints`: whether pods call the STS of their region. `token_expiration`: 600 to 86,400 seconds.

    Source: README of the amazon-eks-pod-identity-webhook.
    """
    annotations: dict[str, str] = {}
    with Problems() as problems:
        if role_arn is not None and (arn := problems.parse("role_arn", arns.role_arn, role_arn)) is not None:
            annotations[ROLE_ARN] = arn
        if audience is not None:
            problems.parse("audience", names.audience, audience)
            annotations[AUDIENCE] = audience
        if sts_regional_endpoints is not None:
            problems.parse("sts_regional_endpoints", names.flag, sts_regional_endpoints)
            annotations[STS_REGIONAL_ENDPOINTS] = "true" if sts_regional_endpoints else "false"
        if token_expiration is not None:
            seconds = problems.parse("token_expiration", names.token_expiration, token_expiration)
            annotations[TOKEN_EXPIRATION] = str(seconds)
    return annotations


def other_annotations(annotations: dict[str, str]) -> dict[str, str]:
    """Return the user's annotations; raise `InvalidInput` for annotations that have a separate input."""
    problems = [
        Problem(key, f"must not begin with {PREFIX}, which has separate inputs", value, f"use {_input(key)} instead")
        for key, value in annotations.items()
        if key.startswith(PREFIX)
    ]
    problems += labels.key_problems(annotations)
    if problems:
        raise InvalidInput(problems)
    return annotations


def _input(key: str) -> str:
    return key.removeprefix(PREFIX).replace("-", "_")
