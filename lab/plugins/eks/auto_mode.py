"""EKS Auto Mode: what the official component asks of the cluster for it, and the role of the nodes that EKS starts."""

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
"""What the cluster's role needs besides."""
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
    """The role of the nodes that EKS starts, unless another is given."""
    if not is_auto(arguments) or arguments["autoMode"].get("createNodeRole") is False:
        return None
    return ServiceRole(f"{name}-nodeRole", service, _NODE_POLICIES, partition, parent, tags=arguments.get("tags"))


def auto_mode_inputs(arguments: Mapping[str, Any], node_role: ServiceRole | None) -> dict[str, Any]:
    """What aws.eks.Cluster takes for it: all of it, or nothing."""
    if not is_auto(arguments):
        return {}
    compute = {
        "enabled": True,
        "nodeRoleArn": node_role.role.output("arn") if node_role else None,
        "nodePools": ["general-purpose", "system"],
        **(arguments["autoMode"].get("computeConfig") or {}),
    }
    return {"computeConfig": compute, "storageConfig": {"blockStorage": {"enabled": True}}}
