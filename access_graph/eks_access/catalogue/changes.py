"""Findings about a change."""

from __future__ import annotations

from eks_access.findings import FindingKind, Severity

LAST_ADMINISTRATOR = FindingKind(
    "last-administrator",
    Severity.HIGH,
    "the cluster loses its last administrator",
    "EKS user guide, Grant IAM users and roles access to Kubernetes APIs; containers-roadmap issue 1209",
)
NODES_LOCKED_OUT = FindingKind(
    "nodes-locked-out",
    Severity.HIGH,
    "nodes lose the mapping by which they join the cluster",
    "EKS user guide, Amazon EKS node IAM role",
)
