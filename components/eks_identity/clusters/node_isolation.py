"""NodeIsolation: a launch template whose IMDSv2 hop limit keeps pods from the node's role.

A pod without an identity of its own gets the node's role from the node's metadata service (IMDS). With tokens required
and a hop limit of 1 the response does not reach the pod's network; pods on the host network still get it.

Source: EKS best practices guide, "Restrict access to the instance profile assigned to the worker node".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws

from eks_identity.errors import Problem
from eks_identity.model import names
from eks_identity.model import tags as tag_rules
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.inputs import Inputs, parsed_by

LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
HTTP_ENDPOINT: Final = "enabled"
HTTP_TOKENS: Final = "required"
HOP_LIMIT: Final = 1
DISK_GIB: Final = (1, 16_384)
"""Minimum and maximum GiB of a gp3 volume (EBS)."""


class NodeIsolationArgs(TypedDict):
    """Options of the launch template: EKS rejects them on a node group with a launch template."""

    name_prefix: NotRequired[pulumi.Input[str]]
    """Prefix of the template's name, 3 to 99 characters; by default the component's name with a suffix by Pulumi."""
    disk_size: NotRequired[pulumi.Input[int]]
    """GiB of the nodes' disk, 1 to 16,384, encrypted (gp3); by default the AMI's."""
    disk_device: NotRequired[pulumi.Input[str]]
    """Device of the disk: `/dev/xvda` (the default) on Amazon Linux, `/dev/xvdb` for Bottlerocket's data."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the template, and of the instances and volumes that are created from it."""


def _disk_size(size: float) -> int:
    return names.whole_number(size, *DISK_GIB, "GiB (EBS, gp3)")


@dataclass(frozen=True)
class _Inputs:
    name_prefix: pulumi.Input[str] | None = parsed_by(names.launch_template_prefix)
    disk_size: pulumi.Input[int] | None = parsed_by(_disk_size)
    disk_device: pulumi.Input[str] = parsed_by(names.disk_device, default="/dev/xvda")
    tags: dict[str, pulumi.Input[str]] | None = parsed_by(names.text, each=True)


class NodeIsolation(pulumi.ComponentResource):
    """A launch template for node groups that requires IMDSv2 with hop limit 1.

    For node groups that other code creates, with `launch_template={"id": …, "version": …}`; those of
    `Cluster.node_groups` are isolated already.
    """

    launch_template_id: pulumi.Output[str]
    """The template's id, `lt-…`."""
    launch_template_version: pulumi.Output[str]
    """Number of its latest version, as a node group accepts it: every change increases it and replaces the nodes."""

    @overload
    def __init__(
        self, resource_name: str, args: NodeIsolationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[NodeIsolationArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: NodeIsolationArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'NodeIsolation "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, NodeIsolationArgs) as inputs:
            values = inputs.read(_Inputs)
            tag_problems = tag_rules.problems(values.tags or {}, keys_have_case=True, any_characters=True)
            inputs.reject(*(problem.with_prefix("tags") for problem in tag_problems))
            if "disk_device" in args and "disk_size" not in args:
                rule = "must be omitted without disk_size"
                inputs.reject(Problem("disk_device", rule, args["disk_device"], "set disk_size, or remove disk_device"))

        super().__init__("eks-identity:index:NodeIsolation", resource_name, {}, opts)
        template = aws.ec2.LaunchTemplate(
            resource_name,
            name_prefix=values.name_prefix,
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint=HTTP_ENDPOINT, http_tokens=HTTP_TOKENS, http_put_response_hop_limit=HOP_LIMIT
            ),
            block_device_mappings=None if values.disk_size is None else [_disk(values.disk_device, values.disk_size)],
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=values.tags)
                for kind in ("instance", "volume")
                if values.tags
            ],
            tags=values.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.launch_template_id = template.id
        self.launch_template_version = template.latest_version.apply(lambda number: str(int(number)))
        self.register_outputs(
            {"launch_template_id": self.launch_template_id, "launch_template_version": self.launch_template_version}
        )


def isolate_launch_templates(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Set the metadata options of pulumi_eks's launch templates, whose own hop limit of 2 lets pods reach IMDS."""
    if args.type_ != LAUNCH_TEMPLATE or not isinstance(args.props, Mapping):
        return None
    options = {"httpEndpoint": HTTP_ENDPOINT, "httpTokens": HTTP_TOKENS, "httpPutResponseHopLimit": HOP_LIMIT}
    return pulumi.ResourceTransformResult({**args.props, "metadataOptions": options}, args.opts)


def _disk(device: pulumi.Input[str], size: pulumi.Input[int]) -> "aws.ec2.LaunchTemplateBlockDeviceMappingArgs":
    volume = aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(volume_size=size, volume_type="gp3", encrypted="true")
    return aws.ec2.LaunchTemplateBlockDeviceMappingArgs(device_name=device, ebs=volume)
