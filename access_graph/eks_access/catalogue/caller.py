"""Findings about the caller's own credentials and kubeconfig, in the order of their links."""

from __future__ import annotations

from eks_access.findings import FindingKind, Severity

_CLI = "AWS CLI user guide, Configuration and credential precedence"
_SIGNATURE = "IAM user guide, Troubleshoot Signature Version 4 requests for AWS APIs"
_KUBECONFIG = "EKS user guide, Connect kubectl to an EKS cluster by creating a kubeconfig file"
_TROUBLESHOOTING = "EKS user guide, Troubleshoot problems with Amazon EKS clusters and nodes, Unauthorized"


def _high(id_: str, title: str, source: str) -> FindingKind:
    return FindingKind(id_, Severity.HIGH, title, source)


CREDENTIALS_MISSING = _high("credentials-missing", "the shell has no AWS credentials", _CLI)
CREDENTIALS_UNUSABLE = _high("credentials-unusable", "the configured AWS credentials cannot be loaded", _CLI)
CLOCK_SKEW = _high("clock-skew", "the clock of this machine differs from that of AWS", _SIGNATURE)
ACCESS_KEY_UNKNOWN = _high(
    "access-key-unknown", "the access key is inactive or deleted", "AWS STS API, Common errors, InvalidClientTokenId"
)
ACCESS_KEY_SECRET = _high("access-key-secret", "the secret access key is not that of the access key", _SIGNATURE)
SESSION_EXPIRED = _high("session-expired", "the session has expired", "AWS STS API, Common errors, ExpiredToken")
CREDENTIALS_REJECTED = _high("credentials-rejected", "STS does not accept the credentials", _CLI)
KUBECONFIG_MISSING = _high("kubeconfig-missing", "there is no kubeconfig context to call the cluster with", _KUBECONFIG)
TOKEN_COMMAND_MISSING = _high(
    "token-command-missing", "the program that gets the token is not installed", _TROUBLESHOOTING
)
TOKEN_ROLE = _high("token-role", "the credentials may not assume the role of the kubeconfig", _KUBECONFIG)
OTHER_ACCOUNT = _high("other-account", "the credentials are of another account than the cluster", _TROUBLESHOOTING)
CLUSTER_MISSING = _high("cluster-missing", "the account has no cluster of this name in the region", _KUBECONFIG)
OTHER_CLUSTER = _high("other-cluster", "the kubeconfig context is of another cluster", _KUBECONFIG)
TOKEN_REGION = _high("token-region", "the token is signed for another region than the cluster's", _TROUBLESHOOTING)
SERVER_DENIES = _high(
    "server-denies",
    "the API server denies the request, although the mapping and RBAC allow it",
    "Kubernetes, Authorization, SelfSubjectAccessReview",
)
TOKEN_REJECTED = _high("token-rejected", "the API server rejects the token", _TROUBLESHOOTING)
