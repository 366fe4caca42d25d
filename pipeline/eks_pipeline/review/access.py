"""The change of access that a preview shows: `eks-access diff state preview`, from a preview that ran already."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from eks_access.errors import EksAccessError
from eks_access.graph.tables import NotRead, NotReadError
from eks_access.questions.diff import Difference, diff
from eks_access.sources.preview import clusters_of_preview, graph_of_preview
from eks_access.sources.state import graph_of_state
from eks_pipeline.review.resource_plan import planned_steps
from eks_pipeline.review.stack_preview import ClusterAccess, PlannedStep
from eks_pipeline.stack.engine_output import PreviewOutput

DECIDING = (
    "aws:iam/",
    "aws:eks/",
    "kubernetes:rbac.",
    "kubernetes:core/v1:ServiceAccount",
    "eks-identity:",
    "eks_identity:",
)
"""Types of resources that decide access."""
_AWS_AUTH = "kubernetes:core/v1:ConfigMap"
_OPAQUE = ("kubernetes:helm.sh/v3:Release", "aws:cloudformation/", "aws-native:iam:", "aws-native:eks:")
"""Types of resources that may create roles, bindings or IAM roles which no step of the preview shows."""


def access_changes(
    state: Mapping[str, Any], output: PreviewOutput, existing_node_roles: Mapping[str, Collection[str]] | None = None
) -> tuple[ClusterAccess, ...]:
    """Return the change of access for each cluster of a stack, in the order of their names.

    Args:
        state: The exported state before the preview.
        output: The preview.
        existing_node_roles: Roles of nodes for which EKS created an access entry, by living cluster that was read.
    """
    node_roles = existing_node_roles or {}
    if not output.digest.get("steps"):
        return ()
    try:
        clusters = clusters_of_preview(output.digest, output.events)
    except EksAccessError as error:
        return (ClusterAccess("", not_evaluated=str(error)),)
    steps = planned_steps(output)
    if not clusters and (deciding := [step for step in steps if _is_deciding(step)]):
        words = ", ".join(f"{step.operation} {step.type} {step.name}" for step in deciding)
        return (
            ClusterAccess("", not_evaluated=f"the stack names no cluster, and changes what may decide access: {words}"),
        )
    opaque = tuple(
        NotRead(f"{step.operation} {step.type} {step.name}", "its preview does not show the access that it changes")
        for step in steps
        if step.type.startswith(_OPAQUE)
    )
    if not clusters and opaque:
        return (ClusterAccess("", Difference("state", "preview", not_evaluated=opaque)),)
    found = (_of_cluster(name, state, output, node_roles.get(name, ())) for name in clusters)
    return tuple(_with_not_evaluated(access, opaque) for access in found)


def _is_deciding(step: PlannedStep) -> bool:
    is_aws_auth = step.type.startswith(_AWS_AUTH) and "aws-auth" in (
        step.name,
        (step.inputs.get("metadata") or {}).get("name"),
    )
    return is_aws_auth or step.type.startswith(DECIDING)


def _with_not_evaluated(access: ClusterAccess, parts: Sequence[NotRead]) -> ClusterAccess:
    found = access.difference
    if found is None:
        return access
    return replace(access, difference=replace(found, not_evaluated=(*found.not_evaluated, *parts)))


def _of_cluster(
    name: str, state: Mapping[str, Any], output: PreviewOutput, existing_node_roles: Collection[str]
) -> ClusterAccess:
    try:
        after = graph_of_preview(output.digest, output.events, cluster=name)
        before = graph_of_state(state, name, after.cluster.get())
        return ClusterAccess(name, diff(before, after, existing_node_roles))
    except (EksAccessError, NotReadError) as error:
        return ClusterAccess(name, not_evaluated=str(error))


def digest(access: Sequence[ClusterAccess]) -> str:
    """Return a short digest of a change of access: equal changes have equal digests, in any run."""
    meaning = [
        (each.cluster, each.not_evaluated, each.difference and _meaning(each))
        for each in sorted(access, key=lambda each: each.cluster)
    ]
    return hashlib.sha256(msgspec.json.encode(meaning)).hexdigest()[:16]


def _meaning(access: ClusterAccess) -> tuple[Any, ...]:
    found = access.difference
    assert found is not None
    not_evaluated = sorted(str(each) for each in found.not_evaluated)
    return (found.changes, found.lockouts, found.escalations, not_evaluated)
