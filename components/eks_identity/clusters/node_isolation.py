"""Keeps pods from their node's role: IMDSv2 answers that travel one hop, and so never reach a pod's own network.

A pod without an identity of its own falls back to whatever the node's metadata service gives it, which is the node's
role. With tokens required and a hop limit of 1 it gets no answer there; pods on the host's network still do.

Source: EKS best practices guide, "Restrict access to the instance profile assigned to the worker node".
"""

from collections.abc import Mapping
from typing import Final, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from eks_identity.model import names
from eks_identity.runtime.inputs import Inputs

LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
HTTP_ENDPOINT: Final = "enabled"
HTTP_TOKENS: Final = "required"
HOP_LIMIT: Final = 1
DISK_GIB: Final = (1, 16_384)
"""Least and most GiB of a gp3 volume (EBS)."""


class NodeIsolationArgs(TypedDict):
    """What the launch template says besides: a node group cannot say it beside one (EKS)."""

    name_prefix: NotRequired[pulumi.Input[str]]
    """What the template's name begins with, 3 to 99 characters; else the component's name and a suffix of Pulumi's."""
    disk_size: NotRequired[pulumi.Input[int]]
    """GiB of the nodes' disk, 1 to 16,384, encrypted (gp3); else what the AMI says."""
    disk_device: NotRequired[pulumi.Input[str]]
    """The disk's device: `/dev/xvda` (also the default) on Amazon Linux, `/dev/xvdb` for Bottlerocket's data."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the template, and of the instances and volumes that are made from it."""


class NodeIsolation(pulumi.ComponentResource):
    """A launch template for node groups: IMDSv2 is required, and its answers travel one hop.

    For node groups that are made elsewhere, with `launch_template={"id": …, "version": …}`; those of
    `Cluster.node_groups` are isolated already.
    """

    launch_template_id: pulumi.Output[str]
    """The template's id, `lt-…`."""
    launch_template_version: pulumi.Output[str]
    """The number of its latest version, as a node group takes it: it moves on with every change, and the nodes with
    it."""

    def __init__(self, name: str, args: NodeIsolationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        prefix: pulumi.Input[str] | None = None
        device: pulumi.Input[str] = "/dev/xvda"
        with Inputs(f'NodeIsolation "{name}"', args, NodeIsolationArgs) as inputs:
            if "name_prefix" in args:
                prefix = inputs.take("name_prefix", args["name_prefix"], names.launch_template_prefix)
            if "disk_device" in args:
                device = inputs.take("disk_device", args["disk_device"], names.disk_device)
            size = inputs.take("disk_size", args["disk_size"], _disk_size) if "disk_size" in args else None
            if size is None and "disk_device" in args:
                rule = "only beside disk_size, which it is the device of"
                inputs.problems.add("disk_device", rule, args["disk_device"], "give disk_size, or take this out")

        super().__init__("eks-identity:index:NodeIsolation", name, {}, opts)
        tags = inputs.texts("tags", args["tags"]) if "tags" in args else None
        template = aws.ec2.LaunchTemplate(
            name,
            name_prefix=prefix,
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint=HTTP_ENDPOINT, http_tokens=HTTP_TOKENS, http_put_response_hop_limit=HOP_LIMIT
            ),
            block_device_mappings=None if size is None else [_disk(device, size)],
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=tags)
                for kind in ("instance", "volume")
                if tags
            ],
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.launch_template_id = template.id
        self.launch_template_version = template.latest_version.apply(lambda number: str(int(number)))
        self.register_outputs(
            {"launch_template_id": self.launch_template_id, "launch_template_version": self.launch_template_version}
        )


def isolate_launch_templates(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Gives the launch templates that pulumi_eks makes the same metadata options; it would let pods in itself."""
    if args.type_ != LAUNCH_TEMPLATE or not isinstance(args.props, Mapping):
        return None
    options = {"httpEndpoint": HTTP_ENDPOINT, "httpTokens": HTTP_TOKENS, "httpPutResponseHopLimit": HOP_LIMIT}
    return pulumi.ResourceTransformResult({**args.props, "metadataOptions": options}, args.opts)


def _disk(device: pulumi.Input[str], size: pulumi.Input[int]) -> "aws.ec2.LaunchTemplateBlockDeviceMappingArgs":
    volume = aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(volume_size=size, volume_type="gp3", encrypted="true")
    return aws.ec2.LaunchTemplateBlockDeviceMappingArgs(device_name=device, ebs=volume)


def _disk_size(size: float) -> int:
    return names.whole_number(size, *DISK_GIB, "GiB (EBS, gp3)")
