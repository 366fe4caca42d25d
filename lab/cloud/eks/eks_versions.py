"""Kubernetes versions, access policies, and add-ons with their versions that EKS supports.

The lab runs one Kubernetes version. A request for another version is rejected with EKS's error.

Sources: the EKS user guide's pages on access policies and on add-ons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

KUBERNETES_VERSION = "1.37"
KUBERNETES_PATCH_VERSION = "1.37.2"
PLATFORM_VERSION = "eks.1"
AMI_RELEASE_VERSION = f"{KUBERNETES_PATCH_VERSION}-20261101"
RELEASE_DATE = datetime(2026, 9, 1, tzinfo=UTC)
END_OF_STANDARD_SUPPORT = datetime(2027, 11, 1, tzinfo=UTC)
END_OF_EXTENDED_SUPPORT = datetime(2028, 11, 1, tzinfo=UTC)

CLUSTER_ADMIN_POLICY = "AmazonEKSClusterAdminPolicy"
AUTO_NODE_POLICY = "AmazonEKSAutoNodePolicy"

ACCESS_POLICIES = (
    "AIDevOpsAgentAccessPolicy",
    "AWSBackupFullAccessPolicyForBackup",
    "AWSBackupFullAccessPolicyForRestore",
    "AmazonAIOpsAssistantPolicy",
    "AmazonARCRegionSwitchScalingPolicy",
    "AmazonEKSACKPolicy",
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSArgoCDClusterPolicy",
    "AmazonEKSArgoCDPolicy",
    AUTO_NODE_POLICY,
    "AmazonEKSBlockStorageClusterPolicy",
    "AmazonEKSBlockStoragePolicy",
    CLUSTER_ADMIN_POLICY,
    "AmazonEKSClusterInsightsPolicy",
    "AmazonEKSComputeClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSEventPolicy",
    "AmazonEKSHybridPolicy",
    "AmazonEKSKROPolicy",
    "AmazonEKSLoadBalancingClusterPolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingClusterPolicy",
    "AmazonEKSNetworkingPolicy",
    "AmazonEKSPodIdentityPolicy",
    "AmazonEKSSecretAdminPolicy",
    "AmazonEKSSecretReaderPolicy",
    "AmazonEKSViewPolicy",
    "AmazonEMRJobPolicy",
    "AmazonSagemakerHyperpodClusterPolicy",
    "AmazonSagemakerHyperpodControllerPolicy",
    "AmazonSagemakerHyperpodSpacePolicy",
    "AmazonSagemakerHyperpodSpaceTemplatePolicy",
    "AmazonSagemakerHyperpodSystemNamespacePolicy",
    "AmazonSagemakerHyperpodUserClusterPolicy",
)
"""Names of the access policies that EKS manages."""


def access_policy_arn(name: str, partition: str = "aws") -> str:
    return f"arn:{partition}:eks::aws:cluster-access-policy/{name}"


@dataclass(frozen=True)
class Addon:
    """An add-on that EKS supports. The first version is the newest one and the default.

    `service_accounts` maps each service account that supports a role to the managed policies that EKS recommends.
    """

    name: str
    type: str
    versions: tuple[str, ...]
    namespace: str = "kube-system"
    service_accounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    compute_types: tuple[str, ...] = ("ec2", "hybrid", "auto")

    @property
    def default_version(self) -> str:
        return self.versions[0]


ADDONS: Mapping[str, Addon] = {
    addon.name: addon
    for addon in (
        Addon(
            "vpc-cni",
            "networking",
            ("v1.21.1-eksbuild.1", "v1.20.4-eksbuild.1"),
            service_accounts={"aws-node": ("arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",)},
        ),
        Addon("coredns", "networking", ("v1.13.1-eksbuild.1", "v1.12.4-eksbuild.1"), compute_types=("ec2", "fargate")),
        Addon("kube-proxy", "networking", ("v1.37.2-eksbuild.1", "v1.37.0-eksbuild.2")),
        Addon("eks-pod-identity-agent", "security", ("v1.3.10-eksbuild.1", "v1.3.9-eksbuild.3")),
        Addon(
            "aws-ebs-csi-driver",
            "storage",
            ("v1.53.0-eksbuild.1", "v1.52.1-eksbuild.1"),
            service_accounts={
                "ebs-csi-controller-sa": ("arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy",)
            },
        ),
        Addon(
            "aws-efs-csi-driver",
            "storage",
            ("v2.1.13-eksbuild.1", "v2.1.12-eksbuild.1"),
            service_accounts={
                "efs-csi-controller-sa": ("arn:aws:iam::aws:policy/service-role/AmazonEFSCSIDriverPolicy",)
            },
        ),
        Addon(
            "aws-mountpoint-s3-csi-driver",
            "storage",
            ("v2.2.0-eksbuild.1", "v2.1.0-eksbuild.1"),
            service_accounts={"s3-csi-driver-sa": ()},
        ),
        Addon(
            "aws-fsx-csi-driver",
            "storage",
            ("v1.7.0-eksbuild.1",),
            service_accounts={"fsx-csi-controller-sa": ("arn:aws:iam::aws:policy/AmazonFSxFullAccess",)},
        ),
        Addon(
            "external-dns",
            "networking",
            ("v0.19.0-eksbuild.2",),
            namespace="external-dns",
            service_accounts={"external-dns": ("arn:aws:iam::aws:policy/AmazonRoute53FullAccess",)},
        ),
        Addon(
            "cert-manager",
            "infra-management",
            ("v1.18.2-eksbuild.2",),
            namespace="cert-manager",
            service_accounts={"cert-manager": ("arn:aws:iam::aws:policy/AmazonRoute53FullAccess",)},
        ),
        Addon("snapshot-controller", "storage", ("v8.3.0-eksbuild.1",)),
        Addon("metrics-server", "observability", ("v0.8.0-eksbuild.3",)),
        Addon("eks-node-monitoring-agent", "observability", ("v1.4.2-eksbuild.1",)),
        Addon(
            "amazon-cloudwatch-observability",
            "observability",
            ("v4.7.0-eksbuild.1",),
            namespace="amazon-cloudwatch",
            service_accounts={"cloudwatch-agent": ("arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy",)},
        ),
    )
}
