"""Previews of stacks as data, for tests of their review."""

from __future__ import annotations

from typing import Any

from eks_access.catalogue import changes as kinds
from eks_access.findings import Finding, Fix
from eks_access.graph.tables import NotRead
from eks_access.questions.changes import Change, System
from eks_access.questions.cluster_subjects import SubjectKind
from eks_access.questions.diff import Difference
from eks_access.questions.permission_words import Permission
from eks_pipeline.review.stack_preview import ClusterAccess, PlannedStep, StackPreview

OPERATOR = "arn:aws:iam::123456789012:user/eks-ope"
READ = Permission(("get", "list", "watch"), ("pods", "nodes"), "whole cluster")
BUCKETS = Permission(("s3:Get*", "s3:List*"), ("*",), "")
NOT_READ = NotRead("Pod Identity Agent", "not in the preview")


def gains(subject: str = OPERATOR, *permissions: Permission) -> Change:
    return Change(subject, SubjectKind.PRINCIPAL, System.KUBERNETES, gained=permissions or (READ,))


def loses(subject: str = "service account default/test-sa", *permissions: Permission) -> Change:
    return Change(subject, SubjectKind.SERVICE_ACCOUNT, System.AWS, lost=permissions or (BUCKETS,))


def lockout(cluster: str = "cluster eks-clu") -> Finding:
    says, should = "no administrator; before: admin", "at least one administrator"
    return Finding(kinds.LAST_ADMINISTRATOR, cluster, says, should, Fix(advice="keep the access of admin"))


def step(name: str = "sa-role", operation: str = "update", **inputs: Any) -> PlannedStep:
    kind = "aws:iam/role:Role"
    return PlannedStep(f"urn:pulumi:dev::shop::{kind}::{name}", kind, operation, ("tags",), inputs)


def access(*changes: Change, cluster: str = "eks-clu", **parts: Any) -> ClusterAccess:
    return ClusterAccess(cluster, Difference("state of stack dev", "preview of stack dev", changes, **parts))


def preview(*found: ClusterAccess, stack: str = "dev", **parts: Any) -> StackPreview:
    return StackPreview(stack, access=found, **parts)
