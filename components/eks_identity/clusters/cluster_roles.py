"""The IAM roles of a new cluster: their common options, and the node role.

pulumi_eks creates a service role, and roles for nodes and for Fargate pods, without inputs for their permissions
boundary, path or name: a transform sets these when the roles are registered.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from eks_identity.model import arns, names
from eks_identity.model import tags as tag_rules
from eks_identity.runtime.inputs import Inputs, parsed_by

ROLE = "aws:iam/role:Role"
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy")
"""Managed policies of a node role, by the EKS user guide; `AmazonEKS_CNI_Policy` until vpc-cni has its own role."""


class ClusterRoleSettings(TypedDict):
    """Options of every IAM role that is created for a cluster: its service role, node role and Fargate role."""

    role_name_prefix: NotRequired[pulumi.Input[str]]
    """Prefix of the roles' names, at most 38 characters (IAM appends 26)."""
    path: NotRequired[pulumi.Input[str]]
    """`/` (the default) or `/team/`, at most 512 characters. A changed path replaces the roles."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the managed policy that is the roles' permissions boundary."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the roles in addition to those of the cluster; at most 50."""


@dataclass(frozen=True)
class ClusterRoles:
    """The parsed `ClusterRoleSettings`."""

    role_name_prefix: pulumi.Input[str] | None = parsed_by(names.role_name_prefix, public=True)
    path: pulumi.Input[str] | None = parsed_by(names.iam_path, public=True)
    permissions_boundary: pulumi.Input[str] | None = parsed_by(arns.policy_arn)
    tags: Mapping[str, pulumi.Input[str]] | None = parsed_by(names.text, each=True)

    @classmethod
    def read(cls, inputs: Inputs, settings: ClusterRoleSettings) -> "ClusterRoles":
        """Parse `role_settings`; problems are added to `inputs`."""
        roles = inputs.read(cls, "role_settings", settings)
        inputs.reject(*(each.with_prefix("role_settings.tags") for each in tag_rules.problems(roles.tags or {})))
        return roles

    def transform(self, args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        """Set the options of a role that pulumi_eks creates."""
        if args.type_ != ROLE or not isinstance(args.props, Mapping):
            return None
        props: dict[str, Any] = dict(args.props)
        if self.role_name_prefix is not None and not props.get("name"):
            props["namePrefix"] = self.role_name_prefix
        if self.path is not None:
            props["path"] = self.path
        if self.permissions_boundary is not None:
            props["permissionsBoundary"] = self.permissions_boundary
        if self.tags:
            both: list[Any] = [props.get("tags") or {}, dict(self.tags)]
            props["tags"] = pulumi.Output.from_input(both).apply(lambda resolved: {**resolved[0], **resolved[1]})
        return pulumi.ResourceTransformResult(props, args.opts)

    def node_role(self, name: str, parent: pulumi.Resource) -> "tuple[aws.iam.Role, list[pulumi.Resource]]":
        """Register a node role and its policy attachments, which nodes need to join the cluster."""
        own = pulumi.ResourceOptions(parent=parent)
        partition = aws.get_partition_output(opts=pulumi.InvokeOutputOptions(parent=parent))

        def trust(dns_suffix: str) -> str:
            principal = {"Service": f"ec2.{dns_suffix}"}
            statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
            return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

        role = aws.iam.Role(
            name,
            name_prefix=self.role_name_prefix,
            path=self.path,
            permissions_boundary=self.permissions_boundary,
            tags=self.tags or None,
            assume_role_policy=partition.dns_suffix.apply(trust),
            description="What the nodes of an EKS cluster may do.",
            opts=own,
        )
        attachments: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}",
                role=role.name,
                policy_arn=pulumi.Output.concat("arn:", partition.partition, ":iam::aws:policy/", policy),
                opts=own,
            )
            for policy in NODE_POLICIES
        ]
        return role, attachments
