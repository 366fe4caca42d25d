"""Args of the managed node groups of a new cluster, with the names that pulumi_eks has for them.

See `new_cluster_args.py`.
"""

from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import pulumi

from eks_identity.clusters.cluster_options import REPLACED_NODE_GROUP_OPTIONS
from eks_identity.runtime.typed_dicts import Strings, Tags, sdk_options

if TYPE_CHECKING:
    from pulumi_aws.iam import Role
else:
    Role = pulumi.Resource


@sdk_options("pulumi_aws.eks.NodeGroupScalingConfigArgs")
class NodeGroupScalingConfig(TypedDict):
    """Numbers of nodes of a managed node group."""

    desired_size: pulumi.Input[int]
    """Number of nodes."""
    min_size: pulumi.Input[int]
    """Minimum, 0 or more."""
    max_size: pulumi.Input[int]
    """Maximum, 1 or more."""


@sdk_options("pulumi_aws.eks.NodeGroupTaintArgs")
class NodeGroupTaint(TypedDict):
    """A Kubernetes taint of the nodes of a managed node group."""

    key: pulumi.Input[str]
    """Key, at most 63 characters with its prefix: `gpu` or `example.com/gpu`. Unique with its effect."""
    value: NotRequired[pulumi.Input[str]]
    """Value, at most 63 letters, digits and `-_.`. By default empty."""
    effect: pulumi.Input[str]
    """`NO_SCHEDULE`, `NO_EXECUTE` or `PREFER_NO_SCHEDULE`."""


@sdk_options("pulumi_aws.eks.NodeGroupLaunchTemplateArgs")
class NodeGroupLaunchTemplate(TypedDict):
    """The launch template of a managed node group, by its id or its name."""

    id: NotRequired[pulumi.Input[str]]
    """Id of the launch template. Must be omitted when `name` is set."""
    name: NotRequired[pulumi.Input[str]]
    """Name of the launch template."""
    version: pulumi.Input[str]
    """Version number of the launch template, a string."""


@sdk_options("pulumi_aws.eks.NodeGroupRemoteAccessArgs")
class NodeGroupRemoteAccess(TypedDict):
    """SSH to the nodes of a managed node group."""

    ec2_ssh_key: NotRequired[pulumi.Input[str]]
    """Name of the EC2 key pair. Without `source_security_group_ids` port 22 is open to the internet."""
    source_security_group_ids: NotRequired[Strings]
    """Ids of the security groups from which SSH is allowed."""


@sdk_options("pulumi_eks.NodeadmOptionsArgs")
class NodeadmOptions(TypedDict):
    """A MIME part of the user data of Amazon Linux 2023."""

    content: pulumi.Input[str]
    """Content of the part, such as a script or a nodeadm `NodeConfig`."""
    content_type: pulumi.Input[str]
    """MIME type, such as `application/node.eks.aws` or `text/x-shellscript; charset="us-ascii"`."""


@sdk_options("pulumi_eks.ManagedNodeGroup", unsupported=REPLACED_NODE_GROUP_OPTIONS)
class NodeGroupArgs(TypedDict):
    """Options of `pulumi_eks.ManagedNodeGroup` for a managed node group of a new cluster.

    Source: pulumi_eks, ManagedNodeGroup; Amazon EKS API reference, CreateNodegroup.
    """

    node_group_name: NotRequired[pulumi.Input[str]]
    """Name in EKS. By default Pulumi generates one."""
    node_group_name_prefix: NotRequired[pulumi.Input[str]]
    """Prefix of a generated name. Must be omitted when `node_group_name` is set."""
    node_role: NotRequired[pulumi.Input[str] | Role]
    """ARN of the nodes' IAM role; in Python also an `aws.iam.Role`. In mode `CONFIG_MAP` the cluster maps it in
    aws-auth. Default: one role that all groups without a role share."""
    node_role_arn: NotRequired[pulumi.Input[str]]
    """ARN of the nodes' IAM role, which mode `CONFIG_MAP` accepts only if `instance_roles` has it too. Must be omitted
    when `node_role` is set."""
    subnet_ids: NotRequired[Strings]
    """Ids of the nodes' subnets. Default: the cluster's, private ones first."""
    version: NotRequired[pulumi.Input[str]]
    """Kubernetes version of the nodes. Default: the version of the cluster."""
    release_version: NotRequired[pulumi.Input[str]]
    """Version of the EKS optimized AMI. Default: the newest for the Kubernetes version."""
    force_update_version: NotRequired[pulumi.Input[bool]]
    """Whether EKS updates nodes although pod disruption budgets prevent the eviction of pods. Default: false."""
    instance_types: NotRequired[Strings]
    """EC2 instance types, at most 20. Default: `["t3.medium"]`."""
    capacity_type: NotRequired[pulumi.Input[str]]
    """`ON_DEMAND` (default), `SPOT` or `CAPACITY_BLOCK`."""
    scaling_config: NotRequired[pulumi.Input[NodeGroupScalingConfig]]
    """Numbers of nodes. Default: 2 desired, 1 to 2."""
    ignore_scaling_changes: NotRequired[bool]
    """Whether Pulumi ignores changes of the desired size, which an autoscaler makes. Default: false."""
    labels: NotRequired[Tags]
    """Kubernetes labels of the nodes."""
    taints: NotRequired[pulumi.Input[list[pulumi.Input[NodeGroupTaint]]]]
    """Kubernetes taints of the nodes, at most 50."""
    launch_template: NotRequired[pulumi.Input[NodeGroupLaunchTemplate]]
    """Your launch template, such as that of `NodeIsolation`. Options that a launch template has itself (disk, AMI, user
    data, remote access) must then be omitted. Default: one that requires IMDSv2 with hop limit 1."""
    operating_system: NotRequired[pulumi.Input[str]]
    """`AL2023`, `AL2`, `Bottlerocket` or `RECOMMENDED`. It selects the AMI. Default: the recommended one."""
    ami_type: NotRequired[pulumi.Input[str]]
    """AMI type in EKS, such as `AL2023_x86_64_STANDARD`. Must be omitted when `ami_id` is set."""
    ami_id: NotRequired[pulumi.Input[str]]
    """Id of the AMI. Must be omitted when `gpu` or `ami_type` is set. Default: the recommended EKS optimized AMI."""
    gpu: NotRequired[pulumi.Input[bool]]
    """Whether nodes use the EKS optimized AMI with GPU support. Default: false."""
    disk_size: NotRequired[pulumi.Input[int]]
    """Size of the root volume in GiB. Default: 20."""
    remote_access: NotRequired[pulumi.Input[NodeGroupRemoteAccess]]
    """SSH to the nodes. Rejected (EKS), because every group has a launch template: set its key there."""
    user_data: NotRequired[pulumi.Input[str]]
    """Complete user data, which must join the node to the cluster. By default pulumi_eks writes it."""
    kubelet_extra_args: NotRequired[str]
    """Flags of the kubelet, such as `--max-pods=50`."""
    bootstrap_extra_args: NotRequired[str]
    """Flags of the bootstrap script of Amazon Linux 2."""
    nodeadm_extra_options: NotRequired[pulumi.Input[list[pulumi.Input[NodeadmOptions]]]]
    """More user data of Amazon Linux 2023, which nodeadm merges with pulumi_eks's own."""
    bottlerocket_settings: NotRequired[pulumi.Input[dict[str, Any]]]
    """Settings of Bottlerocket, with its own keys, merged with pulumi_eks's own."""
    enable_efa_support: NotRequired[bool]
    """Whether nodes have Elastic Fabric Adapters, as many as the first instance type allows. Requires
    `placement_group_availability_zone`. Default: false."""
    placement_group_availability_zone: NotRequired[pulumi.Input[str]]
    """Availability zone of the placement group for Elastic Fabric Adapters."""
    tags: NotRequired[Tags]
    """Tags of the node group. EKS does not pass them on to instances."""
