"""Options of the default node group of a new cluster, with the names that pulumi_eks has for them."""

from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import pulumi

from eks_identity.clusters.node_group_args import NodeadmOptions
from eks_identity.runtime.typed_dicts import Strings, Tags, sdk_options

if TYPE_CHECKING:
    from pulumi_aws.ec2 import SecurityGroup, SecurityGroupRule
    from pulumi_aws.iam import InstanceProfile
else:
    SecurityGroup = SecurityGroupRule = InstanceProfile = pulumi.Resource


@sdk_options("pulumi_eks.TaintArgs")
class Taint(TypedDict):
    """A Kubernetes taint of the nodes of the default node group."""

    value: pulumi.Input[str]
    """Value, at most 63 letters, digits and `-_.`; may be empty."""
    effect: pulumi.Input[str]
    """`NoSchedule`, `NoExecute` or `PreferNoSchedule`."""


@sdk_options("pulumi_aws.ec2.LaunchTemplateTagSpecificationArgs")
class LaunchTemplateTagSpecification(TypedDict):
    """Tags of the resources that a launch template creates."""

    resource_type: NotRequired[pulumi.Input[str]]
    """Type of the resources, such as `instance` or `volume`."""
    tags: NotRequired[Tags]
    """Tags of these resources."""


@sdk_options("pulumi_eks.ClusterNodeGroupOptionsArgs")
class ClusterNodeGroupOptions(TypedDict):
    """Options of the default node group, an EC2 Auto Scaling group."""

    version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the nodes, a string. Default: the version of the cluster."""
    instance_type: NotRequired[pulumi.Input[str]]
    """EC2 instance type. Default: `t3.medium`."""
    instance_profile: NotRequired[pulumi.Input[str] | InstanceProfile]
    """Name of the instance profile; in Python also an `aws.iam.InstanceProfile`. By default pulumi_eks creates one."""
    instance_profile_name: NotRequired[pulumi.Input[str]]
    """Name of the instance profile. Must be omitted when `instance_profile` is set."""
    desired_capacity: NotRequired[pulumi.Input[int]]
    """Number of nodes. Default: 2."""
    min_size: NotRequired[pulumi.Input[int]]
    """Minimum number of nodes. Default: 1."""
    max_size: NotRequired[pulumi.Input[int]]
    """Maximum number of nodes. Default: 2."""
    min_refresh_percentage: NotRequired[pulumi.Input[int]]
    """Percentage of the nodes that remain available during an instance refresh. Default: 50."""
    ignore_scaling_changes: NotRequired[bool]
    """Whether Pulumi ignores changes of the desired size, which an autoscaler makes. Default: false."""
    spot_price: NotRequired[pulumi.Input[str]]
    """Maximum price of Spot instances in US dollars per hour, a string. By default nodes are On-Demand."""

    operating_system: NotRequired[pulumi.Input[str]]
    """`AL2023`, `AL2`, `Bottlerocket` or `RECOMMENDED`. It selects the AMI. Default: the recommended one."""
    ami_id: NotRequired[pulumi.Input[str]]
    """Id of the AMI. Must be omitted when `gpu` is set. Default: the recommended EKS optimized AMI."""
    ami_type: NotRequired[pulumi.Input[str]]
    """AMI type, for an `ami_id` of architecture arm64. Must be omitted when `gpu` is set."""
    gpu: NotRequired[pulumi.Input[bool]]
    """Whether nodes use the EKS optimized AMI with GPU support. Default: false."""

    node_subnet_ids: NotRequired[Strings]
    """Ids of the nodes' subnets. Default: the cluster's."""
    node_associate_public_ip_address: NotRequired[pulumi.Input[bool]]
    """Whether nodes have public IP addresses. Default: the setting of the subnet."""
    node_security_group: NotRequired[pulumi.Input[str] | SecurityGroup]
    """Id of the nodes' security group; in Python also an `aws.ec2.SecurityGroup`. Set `cluster_ingress_rule_id` with
    it. By default pulumi_eks creates one."""
    node_security_group_id: NotRequired[pulumi.Input[str]]
    """Id of the nodes' security group. Must be omitted when `node_security_group` is set."""
    cluster_ingress_rule: NotRequired[pulumi.Input[str] | SecurityGroupRule]
    """Id of the rule that admits the nodes to the cluster's security group; in Python also an
    `aws.ec2.SecurityGroupRule`."""
    cluster_ingress_rule_id: NotRequired[pulumi.Input[str]]
    """Id of the rule that admits the nodes to the cluster's security group. Must be omitted when `cluster_ingress_rule`
    is set."""
    extra_node_security_groups: NotRequired[pulumi.Input[list[pulumi.Input[str] | SecurityGroup]]]
    """Ids of more security groups of the nodes; in Python also `aws.ec2.SecurityGroup`s."""

    node_root_volume_size: NotRequired[pulumi.Input[int]]
    """Size of the root volume in GiB. Default: 20."""
    node_root_volume_type: NotRequired[pulumi.Input[str]]
    """EBS type of the root volume: `standard`, `gp2` (default), `gp3`, `st1`, `sc1` or `io1`."""
    node_root_volume_iops: NotRequired[pulumi.Input[int]]
    """IOPS of the root volume, for type `io1` only."""
    node_root_volume_throughput: NotRequired[pulumi.Input[int]]
    """Throughput of the root volume in MiB/s, for type `gp3` only."""
    node_root_volume_encrypted: NotRequired[pulumi.Input[bool]]
    """Whether the root volume is encrypted. Default: false."""
    encrypt_root_block_device: NotRequired[pulumi.Input[bool]]
    """Whether the root volume is encrypted, as `node_root_volume_encrypted`."""
    node_root_volume_delete_on_termination: NotRequired[pulumi.Input[bool]]
    """Whether the root volume is deleted with its instance. Default: true."""

    key_name: NotRequired[pulumi.Input[str]]
    """Name of the EC2 key pair for SSH. By default no SSH."""
    node_public_key: NotRequired[pulumi.Input[str]]
    """Public key for SSH. By default no SSH."""
    node_user_data: NotRequired[pulumi.Input[str]]
    """Script that nodes run after bootstrapping; it begins with `#!`."""
    node_user_data_override: NotRequired[pulumi.Input[str]]
    """Complete user data, which must join the node to the cluster and signal CloudFormation."""
    kubelet_extra_args: NotRequired[pulumi.Input[str]]
    """Flags of the kubelet, such as `--max-pods=50`. Those for `labels` and `taints` follow."""
    bootstrap_extra_args: NotRequired[pulumi.Input[str]]
    """Flags of the bootstrap script of Amazon Linux 2."""
    nodeadm_extra_options: NotRequired[pulumi.Input[list[pulumi.Input[NodeadmOptions]]]]
    """More user data of Amazon Linux 2023, which nodeadm merges with pulumi_eks's own."""
    bottlerocket_settings: NotRequired[pulumi.Input[dict[str, Any]]]
    """Settings of Bottlerocket, with its own keys, merged with pulumi_eks's own."""
    labels: NotRequired[Tags]
    """Kubernetes labels of the nodes."""
    taints: NotRequired[pulumi.Input[dict[str, pulumi.Input[Taint]]]]
    """Kubernetes taints of the nodes, by key."""
    enable_detailed_monitoring: NotRequired[pulumi.Input[bool]]
    """Whether CloudWatch has metrics of the instances every minute, at additional cost. Default: false."""

    auto_scaling_group_tags: NotRequired[Tags]
    """Tags of the Auto Scaling group. A tag must not also be in `cloud_formation_tags`, which reach the group too."""
    cloud_formation_tags: NotRequired[Tags]
    """Tags of the CloudFormation stack and its resources."""
    launch_template_tag_specifications: NotRequired[pulumi.Input[list[pulumi.Input[LaunchTemplateTagSpecification]]]]
    """Tags of the resources that the launch template creates."""
