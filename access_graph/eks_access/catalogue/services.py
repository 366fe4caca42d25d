"""Findings of the services that decide where reading is not enough."""

from __future__ import annotations

from eks_access.findings import FindingKind, Severity

REVIEW_DENIES = FindingKind(
    "access-review-denies",
    Severity.HIGH,
    "the API server does not allow the request, by rules that eks-access did not evaluate",
    "Kubernetes, Authorization, Checking API access",
)
SIMULATION_DENIES = FindingKind(
    "simulation-denies",
    Severity.HIGH,
    "IAM does not allow the action, by policies that eks-access did not evaluate",
    "IAM API, SimulatePrincipalPolicy",
)
EXCHANGE_REJECTED = FindingKind(
    "exchange-rejected",
    Severity.HIGH,
    "AWS rejects the token, and no link that decides about it is broken",
    "STS API, AssumeRoleWithWebIdentity; EKS Auth API, AssumeRoleForPodIdentity",
)
EXCHANGE_ACCEPTED = FindingKind(
    "exchange-accepted",
    Severity.MEDIUM,
    "AWS accepts the token, although a link that decides about it is broken",
    "STS API, AssumeRoleWithWebIdentity; EKS Auth API, AssumeRoleForPodIdentity",
)
