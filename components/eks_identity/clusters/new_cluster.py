"""A new cluster that pulumi_eks creates, with its node groups.

The options are pulumi_eks's own. Transforms change what pulumi_eks registers: the data of aws-auth is left to its other
writers, IAM roles get the options of `role_settings`, and launch templates keep pods from the node's role.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks

from eks_identity.clusters import cluster_options, option_labels
from eks_identity.clusters.cluster_options import Options
from eks_identity.clusters.cluster_roles import ClusterRoles, ClusterRoleSettings
from eks_identity.clusters.existing_resources import parse_existing, read_existing
from eks_identity.clusters.new_cluster_args import NewClusterArgs
from eks_identity.clusters.node_group_args import NodeGroupArgs
from eks_identity.clusters.node_isolation import isolate_launch_templates
from eks_identity.model import names
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.runtime.inputs import INVALID, Inputs

_ROLES = {"node_role", "node_role_arn"}


@dataclass(frozen=True)
class NewCluster:
    """The parsed options of a new cluster, which is registered below its component."""

    mode: AuthenticationMode
    options: Options
    node_groups: Mapping[str, Options]
    roles: ClusterRoles

    @classmethod
    def read(
        cls,
        inputs: Inputs,
        create: NewClusterArgs,
        node_groups: Mapping[str, NodeGroupArgs],
        role_settings: ClusterRoleSettings,
    ) -> "NewCluster":
        """Parse the options; problems are added to `inputs`."""
        options: Options = {**create}
        inputs.reject(*cluster_options.cluster_problems(options))
        in_labels = option_labels.problems(options, option_labels.CLUSTER_RULES)
        inputs.reject(*(problem.with_prefix("create") for problem in in_labels))
        mode: Any = inputs.parse(
            "create.authentication_mode", cluster_options.authentication_mode(options), AuthenticationMode.parse
        )
        groups: dict[str, Options] = {}
        for name, args in node_groups.items():
            inputs.parse("node_groups", name, names.node_group_name)
            group: Options = {**args}
            problems = [
                *cluster_options.node_group_problems(group, None if mode is INVALID else mode, options),
                *option_labels.problems(group, option_labels.NODE_GROUP_RULES),
            ]
            inputs.reject(*(problem.with_prefix(f"node_groups.{name}") for problem in problems))
            groups[name] = parse_existing(inputs, group, f"node_groups.{name}")
        return cls(mode, parse_existing(inputs, options, "create"), groups, ClusterRoles.read(inputs, role_settings))

    def register(
        self, parent: pulumi.ComponentResource, name: str, cluster_name: pulumi.Input[str] | None, kubeconfig: Options
    ) -> eks.Cluster:
        """Register the cluster and its node groups below `parent`.

        `kubeconfig` has `role_arn` and `profile_name`, if configured, for pulumi_eks's own kubeconfig: pulumi_eks
        cannot read the credentials of an explicit aws provider.
        """
        options = {"enable_config_map_mutable": True, **read_existing(self.options, name, parent)}
        groups = {
            group: read_existing(group_options, f"{name}-{group}", parent)
            for group, group_options in self.node_groups.items()
        }
        if parent.get_provider("aws:index:Any") is not None:
            options.setdefault("provider_credential_opts", kubeconfig)
        node_role, attachments = self._node_role(parent, name)
        if self.node_groups:
            options.setdefault("skip_default_node_group", True)
            if self.mode is AuthenticationMode.CONFIG_MAP:
                options["instance_roles"] = _instance_roles(options, groups, node_role)
                options.pop("instance_role", None)
        cluster = eks.Cluster(
            name,
            eks.ClusterArgs(
                **{
                    **options,
                    **({} if cluster_name is None else {"name": cluster_name}),
                    "authentication_mode": eks.AuthenticationMode(self.mode.value),
                    "create_oidc_provider": False,
                }
            ),
            pulumi.ResourceOptions(
                parent=parent, transforms=[keep_aws_auth_data, self.roles.transform, _isolate_by_default]
            ),
        )
        for group_name, group in groups.items():
            own = pulumi.ResourceOptions(parent=parent)
            group_options: Options = {"cluster": cluster, **group}
            if node_role is not None and not group.keys() & _ROLES:
                group_options["node_role_arn"] = node_role.arn
                own.depends_on = attachments
            if "launch_template" not in group:
                # pulumi_eks creates a launch template for this option, with a hop limit of 2.
                group_options["enable_imd_sv2"] = True
                own.transforms = [isolate_launch_templates]
            eks.ManagedNodeGroup(f"{name}-{group_name}", eks.ManagedNodeGroupArgs(**group_options), own)
        return cluster

    def _node_role(self, parent: pulumi.Resource, name: str) -> "tuple[aws.iam.Role | None, list[pulumi.Resource]]":
        groups = self.node_groups.values()
        if all(group.keys() & _ROLES for group in groups):
            return None, []
        return self.roles.node_role(f"{name}-node", parent)


def _instance_roles(
    options: Options, groups: Mapping[str, Options], node_role: "aws.iam.Role | None"
) -> pulumi.Input[list[Any]]:
    """Return all node roles: pulumi_eks writes them into aws-auth, the only access method of CONFIG_MAP."""
    more = [role for role in (options.get("instance_role"), node_role) if role is not None]
    more += [group["node_role"] for group in groups.values() if "node_role" in group]
    return pulumi.Output.from_input(options.get("instance_roles", [])).apply(lambda roles: [*roles, *more])


def keep_aws_auth_data(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Ignore changes of the data of aws-auth: EKS, eksctl and `AwsAuthMapping` write it too."""
    if args.type_ != "kubernetes:core/v1:ConfigMap" or not isinstance(args.props, Mapping):
        return None
    metadata = args.props.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("name") != "aws-auth":
        return None
    ignore = pulumi.ResourceOptions(ignore_changes=["data"])
    return pulumi.ResourceTransformResult(args.props, pulumi.ResourceOptions.merge(args.opts, ignore))


def _isolate_by_default(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Isolate the launch template of pulumi_eks's default node group, unless its options set the metadata options."""
    is_configured = isinstance(args.props, Mapping) and args.props.get("metadataOptions")
    return None if is_configured else isolate_launch_templates(args)
