"""A cluster's settings as DescribeCluster returns them: the members of CreateCluster and EKS's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.cloud.eks import eks_versions

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")

_UNCHANGED_MEMBERS = (
    "encryptionConfig",
    "zonalShiftConfig",
    "computeConfig",
    "storageConfig",
)


def new_cluster_settings(params: Mapping[str, Any], vpc_id: str, security_group_id: str) -> dict[str, Any]:
    """Return the settings of a new cluster from CreateCluster's input."""
    return {
        "version": params.get("version", eks_versions.KUBERNETES_VERSION),
        "platformVersion": eks_versions.PLATFORM_VERSION,
        "roleArn": params["roleArn"],
        "resourcesVpcConfig": {
            "securityGroupIds": [],
            "endpointPublicAccess": True,
            "endpointPrivateAccess": False,
            "publicAccessCidrs": ["0.0.0.0/0"],
            **params["resourcesVpcConfig"],
            "clusterSecurityGroupId": security_group_id,
            "vpcId": vpc_id,
        },
        "kubernetesNetworkConfig": {
            "serviceIpv4Cidr": "10.100.0.0/16",
            "ipFamily": "ipv4",
            "elasticLoadBalancing": {"enabled": False},
            **params.get("kubernetesNetworkConfig", {}),
        },
        "logging": merge_logging([], params.get("logging", {}).get("clusterLogging", [])),
        "upgradePolicy": {"supportType": "EXTENDED", **params.get("upgradePolicy", {})},
        **{name: params[name] for name in _UNCHANGED_MEMBERS if name in params},
    }


def merge_logging(current: list[dict[str, Any]], change: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the control plane logging after `change`. Each log type is either enabled or disabled."""
    enabled = {log_type for setup in current if setup.get("enabled") for log_type in setup.get("types", [])}
    for setup in change:
        if setup.get("enabled"):
            enabled |= set(setup.get("types", []))
        else:
            enabled -= set(setup.get("types", []))
    enabled_types = [log_type for log_type in LOG_TYPES if log_type in enabled]
    disabled_types = [log_type for log_type in LOG_TYPES if log_type not in enabled]
    setups = [{"types": enabled_types, "enabled": True}, {"types": disabled_types, "enabled": False}]
    return {"clusterLogging": [setup for setup in setups if setup["types"]]}
