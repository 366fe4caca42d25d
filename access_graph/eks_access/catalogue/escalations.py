"""Findings about privilege escalation, by what a subject can become. The path has the ids of the techniques."""

from __future__ import annotations

from eks_access.findings import FindingKind, Severity

_PATHS = "pathfinding.cloud; Kubernetes, Role Based Access Control Good Practices; EKS user guide"

TO_ACCOUNT_ADMINISTRATOR = FindingKind(
    "escalation-to-account-administrator", Severity.HIGH, "can become an administrator of the AWS account", _PATHS
)
TO_CLUSTER_ADMINISTRATOR = FindingKind(
    "escalation-to-cluster-administrator", Severity.HIGH, "can become a cluster administrator", _PATHS
)
TO_IAM_PRINCIPAL = FindingKind(
    "escalation-to-iam-principal", Severity.HIGH, "can act as another IAM user, role or group", _PATHS
)
TO_NODE = FindingKind("escalation-to-node", Severity.HIGH, "can run code on a node", _PATHS)
TO_BOUND_ROLE = FindingKind(
    "escalation-to-bound-role",
    Severity.MEDIUM,
    "can bind a role that gives more permissions",
    "Kubernetes, Using RBAC Authorization",
)
TO_KUBERNETES_SUBJECT = FindingKind(
    "escalation-to-kubernetes-subject",
    Severity.MEDIUM,
    "can act as another service account, user or group with more permissions",
    _PATHS,
)
