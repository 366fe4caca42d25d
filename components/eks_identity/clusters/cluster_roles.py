"""The IAM roles that come with a cluster: what an account demands of every role, and the role of the nodes.

pulumi_eks makes a service role, roles for nodes and for Fargate's pods, and lets nobody say their boundary, path or
name: a transform says it of them where they are registered.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from eks_identity.errors import Problem
from eks_identity.model import arns, limits, names
from eks_identity.runtime.inputs import Inputs

ROLE = "aws:iam/role:Role"
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy")
"""What EKS's user guide asks of a node's role; `AmazonEKS_CNI_Policy` until the add-on vpc-cni has its own."""


class ClusterRoleSettings(TypedDict):
    """What is said of every IAM role that is made for a cluster: its service role, and its nodes' and Fargate's."""

    role_name_prefix: NotRequired[pulumi.Input[str]]
    """What the roles' names begin with, at most 38 characters (IAM puts 26 behind it)."""
    path: NotRequired[pulumi.Input[str]]
    """`/` (also the default) or `/team/`, at most 512 characters. A changed path replaces the roles."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """The ARN of the managed policy that bounds what the roles may ever do."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the roles, besides those of the cluster; at most 50."""


@dataclass(frozen=True)
class MadeRoles:
    """`ClusterRoleSettings` whose values were checked."""

    role_name_prefix: pulumi.Input[str] | None = None
    path: pulumi.Input[str] | None = None
    permissions_boundary: pulumi.Input[str] | None = None
    tags: Mapping[str, pulumi.Input[str]] | None = None

    @classmethod
    def of(cls, inputs: Inputs, settings: ClusterRoleSettings) -> "MadeRoles":
        """Checks `settings`; a plain value's problems go to `inputs`."""
        public = {"role_name_prefix": names.role_name_prefix, "path": names.iam_path}
        given: Mapping[str, Any] = settings
        taken = {
            key: inputs.take_public(f"role_settings.{key}", given[key], public[key]) for key in public if key in given
        }
        if "permissions_boundary" in given:
            under = "role_settings.permissions_boundary"
            taken["permissions_boundary"] = inputs.take(under, given["permissions_boundary"], arns.policy_arn)
        tags = inputs.texts("role_settings.tags", settings.get("tags", {}))
        if len(tags) > limits.TAGS:
            rule = f"at most {limits.TAGS} tags (IAM)"
            inputs.require(Problem("role_settings.tags", rule, f"{len(tags)} tags", "take some out"))
        return cls(**taken, tags=tags or None)

    def transform(self, args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        """Says it of a role that pulumi_eks makes."""
        if args.type_ != ROLE or not isinstance(args.props, Mapping):
            return None
        props: dict[str, Any] = dict(args.props)
        if self.role_name_prefix is not None and not props.get("name"):
            props["namePrefix"] = self.role_name_prefix
        if self.path is not None:
            props["path"] = self.path
        if self.permissions_boundary is not None:
            props["permissionsBoundary"] = self.permissions_boundary
        if self.tags is not None:
            both: list[Any] = [props.get("tags") or {}, dict(self.tags)]
            props["tags"] = pulumi.Output.from_input(both).apply(lambda known: {**known[0], **known[1]})
        return pulumi.ResourceTransformResult(props, args.opts)

    def node_role(self, name: str, parent: pulumi.Resource) -> "tuple[aws.iam.Role, list[pulumi.Resource]]":
        """A role for nodes, and its attachments: without those no node joins."""
        own = pulumi.ResourceOptions(parent=parent)
        found = aws.get_partition_output(opts=pulumi.InvokeOutputOptions(parent=parent))

        def trust(dns_suffix: str) -> str:
            principal = {"Service": f"ec2.{dns_suffix}"}
            statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
            return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

        role = aws.iam.Role(
            name,
            name_prefix=self.role_name_prefix,
            path=self.path,
            permissions_boundary=self.permissions_boundary,
            tags=self.tags,
            assume_role_policy=found.dns_suffix.apply(trust),
            description="What the nodes of an EKS cluster may do.",
            opts=own,
        )
        attachments: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}",
                role=role.name,
                policy_arn=pulumi.Output.concat("arn:", found.partition, ":iam::aws:policy/", policy),
                opts=own,
            )
            for policy in NODE_POLICIES
        ]
        return role, attachments
