"""Clusters as people and workloads need them: made here, made by another stack, or looked up by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import pulumi
import pulumi_kubernetes as k8s

import eks_identity as eks
from eks_identity import Problem
from eks_identity.runtime.inputs import InvalidInputError
from stacks.compose.iam import Account
from stacks.settings import ClusterSettings, MigrationSettings

FIELDS = (
    *("name", "arn", "endpoint", "certificate_authority", "issuer", "region"),
    *("account_id", "partition", "authentication_mode"),
)
"""What a stack says of its clusters in plain: `eks.ClusterConnection` without the kubeconfig."""
CLUSTER = "aws:eks/cluster:Cluster"


@dataclass(frozen=True)
class Target:
    """A cluster, however it came here."""

    connection: eks.ClusterConnection
    provider: k8s.Provider
    made: eks.Cluster | None = None
    migration: eks.AuthenticationModeMigration | None = None
    provider_arn: pulumi.Output[str] | None = None
    """The account's OIDC provider for the cluster's issuer, where something there uses IRSA."""

    @property
    def options(self) -> pulumi.ResourceOptions:
        """Options for a component that declares something in the cluster."""
        return pulumi.ResourceOptions(providers=[self.provider])


def cluster(key: str, settings: ClusterSettings, account: Account) -> Target:
    """The cluster that `settings` speak of."""
    if settings.stack is not None:
        target = _of_another_stack(key, settings.stack, settings.name or key)
    else:
        component = eks.Cluster(key, _args(key, settings, account), _options(settings))
        target = Target(component.connection, component.provider, component)
    return target if settings.migration is None else _migrated(key, settings.migration, target)


def _migrated(key: str, settings: MigrationSettings, target: Target) -> Target:
    """The cluster in its new mode: what is declared in it comes after the migration."""
    args = {**settings.said(), "cluster": target.connection}
    migration = eks.AuthenticationModeMigration(key, cast("eks.AuthenticationModeMigrationArgs", args))
    connection: eks.ClusterConnection = {
        **target.connection,
        "authentication_mode": migration.authentication_mode,
    }
    return replace(target, connection=connection, migration=migration)


def _args(key: str, settings: ClusterSettings, account: Account) -> eks.ClusterArgs:
    args: dict[str, Any] = {**settings.said(*_OURS), "name": settings.name or key}
    if settings.create is not None:
        options = settings.create.said()
        args["create"] = {**options, "tags": account.tags(options.get("tags"))}
        args["role_settings"] = account.role(key, args.get("role_settings", {}))
        args["node_groups"] = {
            name: {**group.said(), "tags": account.tags(group.said().get("tags"))}
            for name, group in settings.node_groups.items()
        }
    return cast("eks.ClusterArgs", args)


_OURS = ("name", "create", "node_groups", "stack", "oidc_provider", "protect", "addons", "migration")
"""What is said of a cluster beside the component's own args, or handed on otherwise."""


def _options(settings: ClusterSettings) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(transforms=[_protect] if settings.protect else [])


def _protect(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Protects the cluster alone: its node groups and add-ons are replaced when they change."""
    if args.type_ != CLUSTER:
        return None
    return pulumi.ResourceTransformResult(
        args.props, pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(protect=True))
    )


def _of_another_stack(key: str, stack: str, name: str) -> Target:
    reference = pulumi.StackReference(f"{key}-of-{stack.rpartition('/')[2]}", stack)

    def exported(output: str) -> pulumi.Output[Any]:
        return reference.get_output(output).apply(lambda known: _exported(known, output, key, stack, name))

    said = exported("clusters")
    connection = {field: said[field] for field in FIELDS}
    connection["kubeconfig"] = exported("kubeconfigs")
    provider = k8s.Provider(
        key, kubeconfig=connection["kubeconfig"], enable_server_side_apply=True, enable_config_map_mutable=True
    )
    return Target(cast("eks.ClusterConnection", connection), provider)


def _exported(known: Any, output: str, key: str, stack: str, name: str) -> Any:
    if known is None:
        rule = f"a stack that is up, and says its {output}"
        fix = (
            f"`pulumi up -s {stack}`; where its clusters are gone for good, end this stack without them: "
            "`PULUMI_K8S_DELETE_UNREACHABLE=true pulumi destroy`"
        )
    elif name not in known:
        rule = f"a stack that says its clusters, {name} among them"
        fix = f"see `pulumi stack output {output} -s {stack}`; name the cluster by its key there"
    else:
        return known[name]
    raise InvalidInputError([Problem(f"clusters.{key}.stack", rule, stack, fix)], subject="settings")
