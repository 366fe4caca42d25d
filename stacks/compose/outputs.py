"""The outputs of an environment's stack: what a person asks for next, and another stack builds on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

import eks_identity as eks
from stacks.compose.clusters import FIELDS

if TYPE_CHECKING:
    from stacks.compose import Environment


def export(environment: Environment) -> None:
    """Exports all of them. The kubeconfigs are secret, and stay so in stacks that refer to this one."""
    clusters = {key: target.connection for key, target in environment.clusters.items()}
    pulumi.export(
        "clusters",
        {key: {field: connection[field] for field in FIELDS} for key, connection in clusters.items()},  # type: ignore[literal-required]
    )
    pulumi.export(
        "kubeconfigs", pulumi.Output.secret({key: connection["kubeconfig"] for key, connection in clusters.items()})
    )
    pulumi.export("oidc_providers", {key: provider.arn for key, provider in environment.providers.items()})
    migrations = {key: target.migration for key, target in environment.clusters.items() if target.migration}
    pulumi.export(
        "migrations",
        {key: {"plan": made.plan, "not_migrated": made.not_migrated} for key, made in migrations.items()},
    )
    pulumi.export("access", {key: _access(access) for key, access in environment.access.items()})
    pulumi.export(
        "workloads",
        {
            key: {
                "role_arn": workload.role_arn,
                "namespace": workload.namespace,
                "service_account": workload.service_account,
                "mode": environment.settings.mode_of(environment.settings.workloads[key]),
            }
            for key, workload in environment.workloads.items()
        },
    )


def _access(access: eks.ClusterAccess) -> dict[str, Any]:
    return {
        "group": access.group,
        "roles": access.role_names,
        "bindings": access.binding_names,
        "principals": access.principal_arns,
    }
