"""A cluster's settings as EKS gives them back: the caller's, completed with EKS's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.cloud.eks import eks_versions

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")

_GIVEN_BACK = (
    "encryptionConfig",
    "outpostConfig",
    "zonalShiftConfig",
    "remoteNetworkConfig",
    "computeConfig",
    "storageConfig",
    "controlPlaneScalingConfig",
    "kubeApiServerConfig",
    "kubeSchedulerConfig",
    "kubeControllerManagerConfig",
)


def created_settings(params: Mapping[str, Any], vpc_id: str, security_group_id: str) -> dict[str, Any]:
    """The settings of a new cluster from CreateCluster's input."""
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
        "logging": merged_logging([], params.get("logging", {}).get("clusterLogging", [])),
        "upgradePolicy": {"supportType": "EXTENDED", **params.get("upgradePolicy", {})},
        **{name: params[name] for name in _GIVEN_BACK if name in params},
    }


def merged_logging(before: list[dict[str, Any]], change: list[dict[str, Any]]) -> dict[str, Any]:
    """Control plane logging after `change`: each log type once, under enabled or not enabled."""
    enabled = {log_type for setup in before if setup.get("enabled") for log_type in setup.get("types", [])}
    for setup in change:
        if setup.get("enabled"):
            enabled |= set(setup.get("types", []))
        else:
            enabled -= set(setup.get("types", []))
    on = [log_type for log_type in LOG_TYPES if log_type in enabled]
    off = [log_type for log_type in LOG_TYPES if log_type not in enabled]
    setups = [{"types": on, "enabled": True}, {"types": off, "enabled": False}]
    return {"clusterLogging": [setup for setup in setups if setup["types"]]}
