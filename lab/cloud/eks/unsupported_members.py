"""Input members of EKS operations that the lab does not implement. A request with one of them fails and names it.

All other members have an effect or are returned by the operations that describe the resource, except for the few in
`WITHOUT_EFFECT`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from lab.cloud.eks.input_rules import find_values

_NO_COMPONENT_FLAGS = "the lab's control plane runs with fixed flags"
_NO_INSTANCES = "the lab's nodes are processes, not EC2 instances"
_NO_CAPABILITIES = "the lab has no EKS Capabilities"

UNSUPPORTED: Mapping[tuple[str, str], str] = {
    ("CreateCluster", "outpostConfig"): "the lab has no Outposts",
    ("*Cluster*", "remoteNetworkConfig"): "the lab has no hybrid nodes",
    ("*Cluster*", "controlPlaneScalingConfig"): "the lab's control plane has one size",
    ("*Cluster*", "kubeApiServerConfig"): _NO_COMPONENT_FLAGS,
    ("*Cluster*", "kubeControllerManagerConfig"): _NO_COMPONENT_FLAGS,
    ("*Cluster*", "kubeSchedulerConfig"): _NO_COMPONENT_FLAGS,
    ("CreateNodegroup", "remoteAccess"): _NO_INSTANCES,
    ("*NodegroupConfig", "nodeRepairConfig"): _NO_INSTANCES,
    ("CreateNodegroup", "nodeRepairConfig"): _NO_INSTANCES,
    ("*NodegroupConfig", "warmPoolConfig"): _NO_INSTANCES,
    ("CreateNodegroup", "warmPoolConfig"): _NO_INSTANCES,
    ("UpdateNodegroupVersion", "force"): "the lab replaces nodes without regard to disruption budgets",
    ("ListUpdates", "capabilityName"): _NO_CAPABILITIES,
    ("DescribeUpdate", "capabilityName"): _NO_CAPABILITIES,
}
"""The reason by operations (with wildcards) and member. A member that is false has no effect on EKS either."""

UNSUPPORTED_VALUES: Mapping[tuple[str, str], tuple[Any, str]] = {
    ("*Cluster*", "resourcesVpcConfig.controlPlaneEgressMode"): ("AWS_MANAGED", "the lab's control plane has no VPC"),
    ("*Cluster*", "kubernetesNetworkConfig.ipFamily"): ("ipv4", "the lab's clusters have no IPv6"),
}
"""The only value that the lab implements, and the reason, by operations and member."""

WITHOUT_EFFECT: Mapping[tuple[str, str], str] = {
    ("CreateCluster", "bootstrapSelfManagedAddons"): "the lab's nodes have the identity parts of add-ons built in",
    ("CreateAddon", "resolveConflicts"): "the lab runs no pods of add-ons, so that nothing conflicts",
    ("DeleteAddon", "preserve"): "the lab runs no pods of add-ons",
    ("DescribeClusterVersions", "defaultOnly"): "the lab's only version is the default one",
    ("DescribeClusterVersions", "includeAll"): "the lab has no version outside of support",
    ("ListClusters", "include"): "the lab has no connected clusters, so that the list is always complete",
    ("AssumeRoleForPodIdentity", "eksNodeName"): "EKS records the node, and does not check it",
    ("AssumeRoleForPodIdentity", "instanceId"): "EKS records the node, and does not check it",
    ("AssumeRoleForPodIdentity", "zone"): "EKS records the node, and does not check it",
    ("UpdateClusterVersion", "force"): "the lab runs one version, and rejects every other one",
    ("UpdateClusterVersion", "rollbackConfig"): "the lab runs one version, and rejects every other one",
}
"""Members that AWS acts on and that change nothing in the lab, with the reason. The lab accepts them."""


def find_unsupported(operation: str, params: Mapping[str, Any]) -> str | None:
    """Return the message for the first member of a request that the lab does not implement, or None."""
    for (operations, path), reason in UNSUPPORTED.items():
        if fnmatchcase(operation, operations) and any(value is not False for value in find_values(params, path)):
            return _message(operation, path, reason)
    for (operations, path), (implemented, reason) in UNSUPPORTED_VALUES.items():
        for value in find_values(params, path):
            if fnmatchcase(operation, operations) and value != implemented:
                return _message(operation, f"{path} {value}", reason)
    return None


def _message(operation: str, member: str, reason: str) -> str:
    return f"The lab does not implement {member} of eks:{operation}: {reason}. Use a real cluster for it."
