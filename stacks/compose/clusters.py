"""Declares clusters, and the defaults of their account: created here, from another stack, or looked up by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import pulumi
import pulumi_kubernetes as k8s

from eks_identity import (
    AuthenticationModeMigration,
    AuthenticationModeMigrationArgs,
    Cluster,
    ClusterArgs,
    ClusterConnection,
    Problem,
)
from eks_identity.model.partitions import Partition
from eks_identity.runtime.inputs import InvalidInputError
from stacks.settings import ClusterSettings, MigrationSettings, Settings

CONNECTION_OUTPUTS = (
    *("name", "arn", "endpoint", "certificate_authority", "issuer", "region"),
    *("account_id", "partition", "authentication_mode"),
)
"""Fields of `ClusterConnection` in the stack output `clusters`; the kubeconfig has a secret output of its own."""
CLUSTER_TYPE = "aws:eks/cluster:Cluster"


@dataclass(frozen=True)
class Account:
    """AWS account of an environment, with its tags and defaults for IAM roles."""

    settings: Settings
    partition: Partition

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a user, role or policy in the account; `name` includes the path, if there is one."""
        return self.partition.arn("iam", f"{kind}/{name}", account=self.settings.account)

    def tags(self, tags: dict[str, str] | None = None) -> dict[str, str]:
        """Return the environment's tags, with `tags` added; `tags` take precedence."""
        return {**self.settings.tags, **(tags or {})}

    def role_args(self, key: str, args: dict[str, Any]) -> dict[str, Any]:
        """Return `args` of a role for the entry `key`, with the environment's defaults for missing ones."""
        defaults = self.settings.defaults
        role: dict[str, Any] = {}
        if defaults.path is not None:
            role["path"] = defaults.path
        if defaults.role_name_prefix is not None and "role_name" not in args:
            role["role_name_prefix"] = f"{defaults.role_name_prefix}{key}-"
        role |= args
        role["tags"] = self.tags(args.get("tags"))
        boundary = args.get("permissions_boundary", defaults.permissions_boundary)
        return role if boundary is None else {**role, "permissions_boundary": self._policy_arn(boundary)}

    def _policy_arn(self, name_or_arn: str) -> str:
        return name_or_arn if name_or_arn.startswith("arn:") else self.arn("policy", name_or_arn)


@dataclass(frozen=True)
class ClusterTarget:
    """A cluster that access and workloads are declared in, with the Kubernetes provider for it."""

    connection: ClusterConnection
    provider: k8s.Provider
    component: Cluster | None = None
    """None for a cluster of another stack."""
    migration: AuthenticationModeMigration | None = None
    oidc_provider_arn: pulumi.Output[str] | None = None
    """ARN of the account's OIDC provider for the cluster's issuer; None if no role needs it."""

    @property
    def options(self) -> pulumi.ResourceOptions:
        """Resource options for a component in the cluster."""
        return pulumi.ResourceOptions(providers=[self.provider])


def declare_cluster(key: str, settings: ClusterSettings, account: Account) -> ClusterTarget:
    """Create, look up or reference the cluster of `settings`, and declare its migration if there is one."""
    if settings.stack is not None:
        target = _referenced_cluster(key, settings.stack, settings.name or key)
    else:
        component = Cluster(key, _cluster_args(key, settings, account), _cluster_options(settings))
        target = ClusterTarget(component.connection, component.provider, component)
    return target if settings.migration is None else _declare_migration(key, settings.migration, target)


def _declare_migration(key: str, settings: MigrationSettings, target: ClusterTarget) -> ClusterTarget:
    """Return the target in its new mode; resources in the cluster are created after the migration."""
    args = {**settings.to_args(), "cluster": target.connection}
    migration = AuthenticationModeMigration(key, cast("AuthenticationModeMigrationArgs", args))
    connection: ClusterConnection = {**target.connection, "authentication_mode": migration.authentication_mode}
    return replace(target, connection=connection, migration=migration)


def _cluster_args(key: str, settings: ClusterSettings, account: Account) -> ClusterArgs:
    args: dict[str, Any] = {**settings.to_args(*_OWN_SETTINGS), "name": settings.name or key}
    if settings.create is not None:
        options = settings.create.to_args()
        args["create"] = {**options, "tags": account.tags(options.get("tags"))}
        args["role_settings"] = account.role_args(key, args.get("role_settings", {}))
        args["node_groups"] = {
            name: {**group.to_args(), "tags": account.tags(group.to_args().get("tags"))}
            for name, group in settings.node_groups.items()
        }
    return cast("ClusterArgs", args)


_OWN_SETTINGS = ("name", "create", "node_groups", "stack", "oidc_provider", "protect", "addons", "migration")
"""Settings of a cluster that are no args of the component, or are passed in another form."""


def _cluster_options(settings: ClusterSettings) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(transforms=[_protect_cluster] if settings.protect else [])


def _protect_cluster(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Protect only the cluster: node groups and add-ons can be replaced when they change."""
    if args.type_ != CLUSTER_TYPE:
        return None
    return pulumi.ResourceTransformResult(
        args.props, pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(protect=True))
    )


def _referenced_cluster(key: str, stack: str, name: str) -> ClusterTarget:
    """Return the cluster `name` from the outputs of another stack."""
    reference = pulumi.StackReference(f"{key}-of-{stack.rpartition('/')[2]}", stack)

    def cluster_output(output: str) -> pulumi.Output[Any]:
        return reference.get_output(output).apply(lambda value: _cluster_value(value, output, key, stack, name))

    outputs = cluster_output("clusters")
    connection = {field: outputs[field] for field in CONNECTION_OUTPUTS}
    connection["kubeconfig"] = cluster_output("kubeconfigs")
    provider = k8s.Provider(
        key, kubeconfig=connection["kubeconfig"], enable_server_side_apply=True, enable_config_map_mutable=True
    )
    return ClusterTarget(cast("ClusterConnection", connection), provider)


def _cluster_value(value: Any, output: str, key: str, stack: str, name: str) -> Any:
    """Return the value of the cluster `name` in a stack output. Raises `InvalidInputError` if there is none."""
    if value is None:
        rule = f"must be a deployed stack with the output {output}"
        fix = (
            f"run `pulumi up -s {stack}`; if its clusters no longer exist, delete this stack without them: "
            "`PULUMI_K8S_DELETE_UNREACHABLE=true pulumi destroy`"
        )
    elif name not in value:
        rule = f"must be a stack with the cluster {name} in its output {output}"
        fix = f"run `pulumi stack output {output} -s {stack}`, and set name to a key of that output"
    else:
        return value[name]
    raise InvalidInputError([Problem(f"clusters.{key}.stack", rule, stack, fix)], subject="settings")
