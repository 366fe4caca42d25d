"""Args of a new cluster, with the names that pulumi_eks has for them.

The classes are the library's own, so that editors and the SDKs of other languages know every option, and a program with
an existing cluster does not import pulumi_eks. A test compares them with the installed pulumi_eks. More
nested options are in `new_cluster_access.py`, `new_cluster_addons.py` and `new_cluster_nodes.py`. In Python a nested
option also accepts the `…Args` object of pulumi_eks.
"""

from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

import pulumi

from eks_identity.clusters.cluster_options import REPLACED_CLUSTER_OPTIONS
from eks_identity.clusters.new_cluster_access import ClusterAccessEntry, KubeconfigOptions
from eks_identity.clusters.new_cluster_addons import CoreDnsAddonOptions, KubeProxyAddonOptions, VpcCniOptions
from eks_identity.clusters.new_cluster_nodes import ClusterNodeGroupOptions
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.runtime.typed_dicts import Strings, Tags, sdk_options

if TYPE_CHECKING:
    from pulumi_aws.ec2 import SecurityGroup
    from pulumi_aws.iam import Role
else:
    Role = SecurityGroup = pulumi.Resource


@sdk_options("pulumi_eks.ClusterComputeConfigArgs")
class ClusterComputeConfig(TypedDict):
    """Nodes of EKS Auto Mode."""

    node_pools: NotRequired[Strings]
    """Built-in node pools: `general-purpose`, `system`. By default both."""
    node_role_arn: NotRequired[pulumi.Input[str]]
    """ARN of the IAM role of the nodes. EKS cannot change it later. By default pulumi_eks creates a role."""


@sdk_options("pulumi_eks.AutoModeOptionsArgs")
class AutoModeOptions(TypedDict):
    """EKS Auto Mode: EKS manages nodes, EBS volumes and load balancers."""

    enabled: bool
    """Whether the cluster has Auto Mode. pulumi_eks then installs neither VPC CNI nor kube-proxy by default."""
    compute_config: NotRequired[pulumi.Input[ClusterComputeConfig]]
    """Nodes of Auto Mode."""
    create_node_role: NotRequired[bool]
    """Whether pulumi_eks creates the nodes' role if `compute_config` has none. Default: true."""


@sdk_options("pulumi_aws.eks.FargateProfileSelectorArgs")
class FargateProfileSelector(TypedDict):
    """Pods that run on Fargate."""

    namespace: pulumi.Input[str]
    """Namespace of the pods; `*` matches any characters."""
    labels: NotRequired[Tags]
    """Labels that a pod must have, all of them. By default every pod of the namespace matches."""


@sdk_options("pulumi_eks.FargateProfileArgs")
class FargateProfile(TypedDict):
    """A Fargate profile of the cluster."""

    pod_execution_role_arn: NotRequired[pulumi.Input[str]]
    """ARN of the pod execution role. By default pulumi_eks creates one with
    `AmazonEKSFargatePodExecutionRolePolicy`."""
    selectors: NotRequired[pulumi.Input[list[pulumi.Input[FargateProfileSelector]]]]
    """Pods that run on Fargate, at most 5 selectors (EKS). By default those of `default` and `kube-system`."""
    subnet_ids: NotRequired[Strings]
    """Ids of private subnets for the pods. By default the cluster's private subnets."""


@sdk_options("pulumi_kubernetes.meta.v1.ObjectMetaArgs")
class StorageClassMetadata(TypedDict):
    """Metadata of a StorageClass."""

    name: NotRequired[pulumi.Input[str]]
    """Name in Kubernetes. By default Pulumi generates one."""
    generate_name: NotRequired[pulumi.Input[str]]
    """Prefix of a name that the API server generates."""
    labels: NotRequired[Tags]
    """Labels."""
    annotations: NotRequired[Tags]
    """Annotations."""
    finalizers: NotRequired[Strings]
    """Finalizers."""


@sdk_options("pulumi_eks.StorageClassArgs")
class StorageClass(TypedDict):
    """A Kubernetes StorageClass for EBS volumes."""

    type: pulumi.Input[str]
    """EBS volume type, such as `gp3`."""
    default: NotRequired[pulumi.Input[bool]]
    """Whether it is the default StorageClass. A cluster should have one. Default: false."""
    allow_volume_expansion: NotRequired[pulumi.Input[bool]]
    """Whether volumes can grow. Default: false (Kubernetes)."""
    encrypted: NotRequired[pulumi.Input[bool]]
    """Whether volumes are encrypted. Default: the account's setting of EBS."""
    kms_key_id: NotRequired[pulumi.Input[str]]
    """ARN of the KMS key of encrypted volumes. By default AWS's own key."""
    iops_per_gb: NotRequired[pulumi.Input[int]]
    """IOPS per GiB of `io1` volumes; a volume has at most 20,000."""
    zones: NotRequired[Strings]
    """Availability zones of the volumes. By default those of the nodes."""
    mount_options: NotRequired[Strings]
    """Mount options, such as `noatime`. Kubernetes does not validate them: a mount with a wrong one fails."""
    reclaim_policy: NotRequired[pulumi.Input[str]]
    """`Delete` (default) or `Retain`."""
    volume_binding_mode: NotRequired[pulumi.Input[str]]
    """`Immediate` (default) or `WaitForFirstConsumer`."""
    metadata: NotRequired[pulumi.Input[StorageClassMetadata]]
    """Metadata of the object."""


@sdk_options("pulumi_aws.eks.ClusterUpgradePolicyArgs")
class ClusterUpgradePolicy(TypedDict):
    """Support of the cluster's Kubernetes version."""

    support_type: NotRequired[pulumi.Input[str]]
    """`EXTENDED` (default), which costs more per hour, or `STANDARD`: EKS upgrades the cluster when standard support
    ends."""


@sdk_options("pulumi_eks.Cluster", unsupported=REPLACED_CLUSTER_OPTIONS)
class NewClusterArgs(TypedDict):
    """Options of `pulumi_eks.Cluster` for a new cluster.

    Options of the default node group (`instance_type`, `min_size` and others) must be omitted when `node_groups` or
    `skip_default_node_group` is set. Source: pulumi_eks, Cluster; Amazon EKS API reference, CreateCluster.
    """

    version: NotRequired[pulumi.Input[str]]
    """Kubernetes version, a string such as `"1.33"`. Default: the newest that EKS has."""
    authentication_mode: NotRequired[AuthenticationMode | Literal["API", "API_AND_CONFIG_MAP", "CONFIG_MAP"]]
    """Access methods of the cluster. Plain, because it determines the resources. Default: `API`."""
    access_entries: NotRequired[dict[str, ClusterAccessEntry]]
    """Access entries, by names of your choice. Not in mode `CONFIG_MAP`. No principal may also be declared by a
    `ClusterAccess` of this program, and none may be the cluster's creator, which EKS gives an entry itself."""
    auto_mode: NotRequired[AutoModeOptions]
    """EKS Auto Mode. Not in mode `CONFIG_MAP`. By default off."""
    deletion_protection: NotRequired[pulumi.Input[bool]]
    """Whether EKS rejects the deletion of the cluster. Default: false."""
    upgrade_policy: NotRequired[pulumi.Input[ClusterUpgradePolicy]]
    """Standard or extended support of the Kubernetes version."""
    service_role: NotRequired[pulumi.Input[str] | Role]
    """ARN of the cluster's IAM role; in Python also an `aws.iam.Role`. By default pulumi_eks creates one."""
    encryption_config_key_arn: NotRequired[pulumi.Input[str]]
    """ARN of a symmetric KMS key in the cluster's region, which encrypts Kubernetes secrets. It cannot be removed
    later (EKS)."""
    enabled_cluster_log_types: NotRequired[Strings]
    """Control plane logs in CloudWatch: `api`, `audit`, `authenticator`, `controllerManager`, `scheduler`. By default
    none."""
    bootstrap_self_managed_addons: NotRequired[pulumi.Input[bool]]
    """Whether EKS installs VPC CNI, kube-proxy and CoreDNS. A change replaces the cluster. Default: true."""

    vpc_id: NotRequired[pulumi.Input[str]]
    """Id of the VPC; subnets of it must be set too. Default: the account's default VPC."""
    subnet_ids: NotRequired[Strings]
    """Ids of all subnets. pulumi_eks finds out which are public; nodes use the private ones. Must be omitted when
    `public_subnet_ids` or `private_subnet_ids` is set. Default: the subnets of the default VPC."""
    public_subnet_ids: NotRequired[Strings]
    """Ids of public subnets, for load balancers; nodes use them if there are no private ones."""
    private_subnet_ids: NotRequired[Strings]
    """Ids of private subnets, for nodes."""
    cluster_security_group: NotRequired[pulumi.Input[str] | SecurityGroup]
    """Id of a security group for the API server; in Python also an `aws.ec2.SecurityGroup`, without inline rules. By
    default pulumi_eks creates one."""
    skip_default_security_groups: NotRequired[bool]
    """Whether pulumi_eks creates no security groups for cluster and nodes: those of EKS remain. Default: true with
    `auto_mode`, else false."""
    endpoint_public_access: NotRequired[pulumi.Input[bool]]
    """Whether the API server is reachable from the internet. Default: true."""
    endpoint_private_access: NotRequired[pulumi.Input[bool]]
    """Whether the API server is reachable in the VPC. Default: false. One of the two must be true."""
    public_access_cidrs: NotRequired[Strings]
    """CIDR blocks that reach the public endpoint. Default: `0.0.0.0/0`."""
    ip_family: NotRequired[pulumi.Input[str]]
    """`ipv4` (default) or `ipv6`: the addresses of pods and services. A change replaces the cluster."""
    kubernetes_service_ip_address_range: NotRequired[pulumi.Input[str]]
    """CIDR block of services, IPv4 only: private, /24 to /12, outside the VPC's blocks. A change replaces the cluster.
    Default: from `10.100.0.0/16` or `172.20.0.0/16`."""
    proxy: NotRequired[str]
    """URL of the HTTP proxy with which pulumi_eks reaches the cluster. Default: the proxy of the environment."""

    use_default_vpc_cni: NotRequired[bool]
    """Whether the cluster keeps EKS's own VPC CNI; `vpc_cni_options` must then be omitted. Default: true with
    `auto_mode`, else false: pulumi_eks installs the add-on."""
    vpc_cni_options: NotRequired[VpcCniOptions]
    """The add-on VPC CNI: version, configuration and variables."""
    coredns_addon_options: NotRequired[CoreDnsAddonOptions]
    """The add-on CoreDNS: version and configuration."""
    kube_proxy_addon_options: NotRequired[KubeProxyAddonOptions]
    """The add-on kube-proxy: version and configuration."""
    storage_classes: NotRequired[str | dict[str, StorageClass]]
    """StorageClasses by name, or the EBS volume type of one. By default EKS's own."""
    fargate: NotRequired[pulumi.Input[bool | FargateProfile]]
    """Fargate: `true` for the namespaces `default` and `kube-system`, or a profile. The default node group is then
    skipped. By default no Fargate profile."""
    provider_credential_opts: NotRequired[pulumi.Input[KubeconfigOptions]]
    """Credentials in the kubeconfig of pulumi_eks. Default: `role_arn` and `profile` of `Cluster` if an aws provider is
    passed."""
    enable_config_map_mutable: NotRequired[pulumi.Input[bool]]
    """Whether pulumi_eks changes ConfigMaps in place. Default: true; false replaces aws-auth, and so removes access."""

    skip_default_node_group: NotRequired[bool]
    """Whether pulumi_eks creates no default node group. Default: true with `node_groups`, `fargate` or `auto_mode`,
    else false."""
    node_group_options: NotRequired[ClusterNodeGroupOptions]
    """Options of the default node group. The options below must then be omitted, except roles, tags and encryption."""
    create_instance_role: NotRequired[bool]
    """Whether pulumi_eks creates a role for the nodes. Default: true with the default node group, else false. No effect
    with `instance_role` or `instance_roles`."""
    instance_role: NotRequired[pulumi.Input[str] | Role]
    """ARN of the role of all nodes; in Python also an `aws.iam.Role`. Must be omitted when `instance_roles` is set."""
    instance_roles: NotRequired[pulumi.Input[list[pulumi.Input[str] | Role]]]
    """ARNs of the roles of the node groups; in Python also `aws.iam.Role`s. Rejected in mode `API`: pulumi_eks writes
    them to aws-auth."""
    instance_profile_name: NotRequired[pulumi.Input[str]]
    """Name of the nodes' instance profile. By default pulumi_eks creates one."""
    instance_type: NotRequired[pulumi.Input[str]]
    """EC2 instance type of the nodes. Default: `t3.medium`."""
    desired_capacity: NotRequired[pulumi.Input[int]]
    """Number of nodes. Default: 2."""
    min_size: NotRequired[pulumi.Input[int]]
    """Minimum number of nodes. Default: 1."""
    max_size: NotRequired[pulumi.Input[int]]
    """Maximum number of nodes. Default: 2."""
    node_ami_id: NotRequired[pulumi.Input[str]]
    """Id of the nodes' AMI; must be omitted when `gpu` is set. Default: the recommended EKS optimized AMI."""
    gpu: NotRequired[pulumi.Input[bool]]
    """Whether nodes use the EKS optimized AMI with GPU support. Default: false."""
    node_subnet_ids: NotRequired[Strings]
    """Ids of the nodes' subnets. Default: the cluster's."""
    node_associate_public_ip_address: NotRequired[bool]
    """Whether nodes have public IP addresses. Default: the setting of the subnet."""
    node_root_volume_size: NotRequired[pulumi.Input[int]]
    """Size of the nodes' root volume in GiB. Default: 20."""
    node_root_volume_encrypted: NotRequired[pulumi.Input[bool]]
    """Whether the nodes' root volume is encrypted. Default: false."""
    node_public_key: NotRequired[pulumi.Input[str]]
    """Public key for SSH to the nodes. By default no SSH."""
    node_user_data: NotRequired[pulumi.Input[str]]
    """Script that nodes run after bootstrapping; it begins with `#!`."""

    tags: NotRequired[Tags]
    """Tags of all resources that pulumi_eks creates."""
    cluster_tags: NotRequired[Tags]
    """Tags of the cluster."""
    cluster_security_group_tags: NotRequired[Tags]
    """Tags of the cluster's security group."""
    node_security_group_tags: NotRequired[Tags]
    """Tags of the nodes' security group. Must be omitted when `node_group_options` has a security group."""
