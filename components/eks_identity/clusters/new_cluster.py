"""A cluster that is made through pulumi_eks, with its node groups, and what is put right where it registers them.

The options stay pulumi_eks's own. Transforms see to the rest, in whatever pulumi_eks registers: the data of aws-auth is
left to its other writers, roles get what the account demands of roles, and launch templates keep pods from the node.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks

from eks_identity.clusters import cluster_options
from eks_identity.clusters.cluster_options import Options
from eks_identity.clusters.cluster_roles import ClusterRoleSettings, MadeRoles
from eks_identity.clusters.node_isolation import isolate_launch_templates
from eks_identity.model import names
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.runtime.inputs import Inputs

_ROLES = {"node_role", "node_role_arn"}


@dataclass(frozen=True)
class NewCluster:
    """A cluster whose options were checked, to be made once its component is registered."""

    mode: AuthenticationMode
    options: Options
    node_groups: Mapping[str, Options]
    roles: MadeRoles

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        create: Mapping[str, Any],
        node_groups: Mapping[str, Mapping[str, Any]],
        role_settings: ClusterRoleSettings,
    ) -> "NewCluster":
        """Checks what is asked for; the problems go to `inputs`."""
        options = cluster_options.cluster_options(create)
        inputs.require(*cluster_options.cluster_problems(options))
        mode = inputs.problems.parse("create.authentication_mode", cluster_options.authentication_mode, options)
        groups = {name: cluster_options.node_group_options(given) for name, given in node_groups.items()}
        for name, group in groups.items():
            inputs.problems.parse("node_groups", names.node_group_name, name)
            problems = cluster_options.node_group_problems(group, mode, options)
            inputs.require(*(problem.under(f"node_groups.{name}") for problem in problems))
        return cls(mode or AuthenticationMode.API, options, groups, MadeRoles.of(inputs, role_settings))

    def make(
        self, parent: pulumi.ComponentResource, name: str, cluster_name: pulumi.Input[str] | None, kubeconfig: Options
    ) -> eks.Cluster:
        """Registers the cluster and its node groups below `parent`.

        `kubeconfig` has `role_arn` and `profile_name` where these are given, for pulumi_eks's own kubeconfig: it wants
        them told beside an explicit aws provider, whose credentials it cannot see.
        """
        options = {"enable_config_map_mutable": True, **self.options}
        if parent.get_provider("aws:index:Any") is not None:
            options.setdefault("provider_credential_opts", kubeconfig)
        node_role, attachments = self._node_role(parent, name)
        if self.node_groups:
            options.setdefault("skip_default_node_group", True)
            if self.mode is AuthenticationMode.CONFIG_MAP:
                options["instance_roles"] = self._instance_roles(node_role)
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
                parent=parent, transforms=[keep_aws_auth_data, self.roles.transform, _isolate_unless_said]
            ),
        )
        for group_name, group in self.node_groups.items():
            own = pulumi.ResourceOptions(parent=parent)
            wanted: Options = {"cluster": cluster, **group}
            if node_role is not None and not group.keys() & _ROLES:
                wanted["node_role_arn"] = node_role.arn
                own.depends_on = attachments
            if "launch_template" not in group:
                # pulumi_eks makes a launch template where it is asked for IMDSv2, and gives it a hop limit of 2.
                wanted["enable_imd_sv2"] = True
                own.transforms = [isolate_launch_templates]
            eks.ManagedNodeGroup(f"{name}-{group_name}", eks.ManagedNodeGroupArgs(**wanted), own)
        return cluster

    def _node_role(self, parent: pulumi.Resource, name: str) -> "tuple[aws.iam.Role | None, list[pulumi.Resource]]":
        groups = self.node_groups.values()
        if all(group.keys() & _ROLES for group in groups):
            return None, []
        return self.roles.node_role(f"{name}-node", parent)

    def _instance_roles(self, node_role: "aws.iam.Role | None") -> pulumi.Input[list[Any]]:
        """All roles of nodes: pulumi_eks writes them into aws-auth, which mode CONFIG_MAP reads alone."""
        given = self.options.get("instance_roles", [])
        one = self.options.get("instance_role")
        more = [role for role in (one, node_role) if role is not None]
        more += [group["node_role"] for group in self.node_groups.values() if "node_role" in group]
        return pulumi.Output.from_input(given).apply(lambda roles: [*roles, *more])


def keep_aws_auth_data(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Leaves the data of aws-auth alone once it is there: EKS, eksctl and `AwsAuthMapping` write it too."""
    if args.type_ != "kubernetes:core/v1:ConfigMap" or not isinstance(args.props, Mapping):
        return None
    metadata = args.props.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("name") != "aws-auth":
        return None
    kept = pulumi.ResourceOptions(ignore_changes=["data"])
    return pulumi.ResourceTransformResult(args.props, pulumi.ResourceOptions.merge(args.opts, kept))


def _isolate_unless_said(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """The same for pulumi_eks's default node group, whose options can say it themselves."""
    said = isinstance(args.props, Mapping) and args.props.get("metadataOptions")
    return None if said else isolate_launch_templates(args)
