"""Declares the resources and outputs of an environment from its settings: clusters, access and workloads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pulumi

from eks_identity import Addon, ClusterAccess, OidcProvider, WorkloadIdentity
from eks_identity.model.partitions import partition_of_region
from eks_identity.runtime.component_errors import collect_errors
from stacks import preflight, settings
from stacks.compose.access import declare_access
from stacks.compose.clusters import CONNECTION_OUTPUTS, Account, ClusterTarget, declare_cluster
from stacks.compose.workloads import declare_addon, declare_workload
from stacks.settings import ClusterSettings, EnvironmentProfile, Settings


def declare_environment(profile: EnvironmentProfile) -> Environment:
    """Load the settings, run the preflight checks, declare the resources and export the outputs.

    Raises `InvalidInputError` for settings that are invalid or that `profile` does not allow.
    """
    environment_settings = settings.load(profile)
    region = pulumi.Config("aws").require("region")
    preflight.check_account(environment_settings.account)
    preflight.check_clusters(_looked_up_clusters(environment_settings), region)
    account = Account(environment_settings, partition_of_region(region))
    environment = Environment(environment_settings, account)
    environment.declare()
    environment.export_outputs()
    return environment


class Environment:
    """The components of one environment."""

    def __init__(self, settings: Settings, account: Account) -> None:
        self.settings = settings
        self.account = account
        self.clusters: dict[str, ClusterTarget] = {}
        self.oidc_providers: dict[str, OidcProvider] = {}
        self.addons: dict[str, Addon] = {}
        self.access: dict[str, ClusterAccess] = {}
        self.workloads: dict[str, WorkloadIdentity] = {}

    def declare(self) -> None:
        """Declare clusters with their OIDC provider and add-ons, then access, then workloads.

        Raises one error with the problems of all components; those in an invalid cluster are not declared.
        """
        with collect_errors() as errors:
            for key, cluster in self.settings.clusters.items():
                with errors.of(_place(f"clusters.{key}")):
                    target = declare_cluster(key, cluster, self.account)
                    target = replace(target, oidc_provider_arn=self._declare_oidc_provider(key, cluster, target))
                    self.clusters[key] = target
            for key, target in self.clusters.items():
                for name, addon in self.settings.clusters[key].addons.items():
                    with errors.of(_place(f"clusters.{key}.addons.{name}")):
                        self.addons[f"{key}-{name}"] = declare_addon(f"{key}-{name}", name, addon, target, self.account)
            for key, access in self.settings.access.items():
                if (on := self.clusters.get(access.cluster)) is not None:
                    with errors.of(_place(f"access.{key}")):
                        self.access[key] = declare_access(key, access, on, self.account)
            for key, workload in self.settings.workloads.items():
                if (on := self.clusters.get(workload.cluster)) is not None:
                    with errors.of(_place(f"workloads.{key}")):
                        self.workloads[key] = declare_workload(key, workload, on, self.account)

    def export_outputs(self) -> None:
        """Export the stack outputs. Kubeconfigs are secret, and stay secret in stacks that reference this one."""
        connections = {key: target.connection for key, target in self.clusters.items()}
        pulumi.export(
            "clusters",
            {
                key: {field: connection[field] for field in CONNECTION_OUTPUTS}  # type: ignore[literal-required]
                for key, connection in connections.items()
            },
        )
        kubeconfigs = {key: connection["kubeconfig"] for key, connection in connections.items()}
        pulumi.export("kubeconfigs", pulumi.Output.secret(kubeconfigs))
        pulumi.export("oidc_providers", {key: provider.arn for key, provider in self.oidc_providers.items()})
        migrations = {key: target.migration for key, target in self.clusters.items() if target.migration}
        pulumi.export(
            "migrations",
            {
                key: {"plan": migration.plan, "not_migrated": migration.not_migrated}
                for key, migration in migrations.items()
            },
        )
        pulumi.export("access", {key: _access_outputs(access) for key, access in self.access.items()})
        pulumi.export("workloads", {key: self._workload_outputs(key) for key in self.workloads})

    def _declare_oidc_provider(
        self, key: str, cluster: ClusterSettings, target: ClusterTarget
    ) -> pulumi.Output[str] | None:
        """Return the ARN of the account's OIDC provider for the cluster, or None if no role needs it."""
        option = cluster.oidc_provider or ("create" if cluster.stack is None else "adopt")
        if option == "none" or not self.settings.needs_oidc_provider(key):
            return None
        issuer, tags = target.connection["issuer"], self.account.tags()
        self.oidc_providers[key] = OidcProvider(key, {"issuer": issuer, "adopt": option == "adopt", "tags": dict(tags)})
        return self.oidc_providers[key].arn

    def _workload_outputs(self, key: str) -> dict[str, Any]:
        workload = self.workloads[key]
        return {
            "role_arn": workload.role_arn,
            "namespace": workload.namespace,
            "service_account": workload.service_account,
            "mode": self.settings.workload_mode(self.settings.workloads[key]),
        }


def _place(key: str) -> str:
    """Return where the setting `key` is written, as the errors of settings name it."""
    return f"Pulumi.{pulumi.get_stack()}.yaml: {pulumi.get_project()}:{key}"


def _access_outputs(access: ClusterAccess) -> dict[str, Any]:
    return {
        "group": access.group,
        "roles": access.role_names,
        "bindings": access.binding_names,
        "principals": access.principal_arns,
    }


def _looked_up_clusters(settings: Settings) -> list[str]:
    """Return the names of the clusters that neither this stack nor a referenced stack creates."""
    clusters = settings.clusters.items()
    return [cluster.name or key for key, cluster in clusters if cluster.create is None and cluster.stack is None]
