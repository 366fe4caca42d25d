"""EKS Auto Mode: the cluster's inputs for it, and the IAM role of its nodes, as in the official component."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from lab.plugins.eks.children import ServiceRole

CLUSTER_POLICIES: Final = (
    "AmazonEKSComputePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)
"""Additional policies of the cluster's role."""
_NODE_POLICIES: Final = ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly")


def is_auto(arguments: Mapping[str, Any]) -> bool:
    auto = arguments.get("autoMode")
    return isinstance(auto, Mapping) and auto.get("enabled") is True


def auto_node_role(
    name: str,
    arguments: Mapping[str, Any],
    service: pulumi.Input[str],
    partition: pulumi.Output[str],
    parent: pulumi.Resource,
) -> ServiceRole | None:
    """Register the role of Auto Mode's nodes, unless `createNodeRole` is false."""
    if not is_auto(arguments) or arguments["autoMode"].get("createNodeRole") is False:
        return None
    return ServiceRole(f"{name}-nodeRole", service, _NODE_POLICIES, partition, parent, tags=arguments.get("tags"))


def auto_mode_inputs(arguments: Mapping[str, Any], node_role: ServiceRole | None) -> dict[str, Any]:
    """Return the inputs of aws.eks.Cluster for Auto Mode, or none without it."""
    if not is_auto(arguments):
        return {}
    compute = {
        "enabled": True,
        "nodeRoleArn": node_role.role.output("arn") if node_role else None,
        "nodePools": ["general-purpose", "system"],
        **(arguments["autoMode"].get("computeConfig") or {}),
    }
    return {"computeConfig": compute, "storageConfig": {"blockStorage": {"enabled": True}}}
