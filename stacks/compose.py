"""Declares what settings say: clusters, people in them, workloads on them. Every environment is made of this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pulumi

import eks_identity as eks
from eks_identity.model.partitions import Partition

if TYPE_CHECKING:
    from stacks.settings import AccessSettings, ClusterSettings, PrincipalSettings, Settings, WorkloadSettings


class Environment:
    """The components of one environment, as they are declared."""

    def __init__(self, settings: Settings, account: str, partition: Partition) -> None:
        self.settings = settings
        self.account = account
        self.partition = partition
        self.clusters: dict[str, eks.Cluster] = {}
        self.providers: dict[str, eks.OidcProvider] = {}
        self.people: dict[str, eks.ClusterAccess] = {}
        self.workloads: dict[str, eks.WorkloadIdentity] = {}

    def declare(self) -> None:
        """Clusters first, then who and what is let in and out."""
        for name, cluster in self.settings.clusters.items():
            self._cluster(name, cluster)
        for name, access in self.settings.people.items():
            self.people[name] = self._access(name, access)
        for name, workload in self.settings.workloads.items():
            self.workloads[name] = self._workload(name, workload)

    def export(self) -> None:
        """The stack's outputs: what a person asks for next."""
        pulumi.export(
            "clusters",
            {
                name: {
                    "arn": cluster.arn,
                    "endpoint": cluster.endpoint,
                    "issuer": cluster.issuer,
                    "authentication_mode": cluster.authentication_mode,
                }
                for name, cluster in self.clusters.items()
            },
        )
        pulumi.export(
            "kubeconfigs",
            pulumi.Output.secret({name: cluster.kubeconfig for name, cluster in self.clusters.items()}),
        )
        pulumi.export("oidc_providers", {name: provider.arn for name, provider in self.providers.items()})
        pulumi.export(
            "people",
            {
                name: {
                    "group": access.group,
                    "role": access.role_name,
                    "binding": access.binding_name,
                    "principals": access.principal_arns,
                }
                for name, access in self.people.items()
            },
        )
        pulumi.export(
            "workloads",
            {
                name: {
                    "role_arn": workload.role_arn,
                    "namespace": workload.namespace,
                    "service_account": workload.service_account,
                    "mode": self.settings.workloads[name].mode,
                }
                for name, workload in self.workloads.items()
            },
        )

    def _cluster(self, name: str, settings: ClusterSettings) -> None:
        args: eks.ClusterArgs = {"name": name}
        if settings.role_arn is not None:
            args["role_arn"] = settings.role_arn
        cluster = self.clusters[name] = eks.Cluster(name, args)
        if settings.oidc_provider != "none" and self._uses_irsa(name):
            self.providers[name] = eks.OidcProvider(
                name,
                {"issuer": cluster.issuer, "adopt": settings.oidc_provider == "adopt", "tags": {**self.settings.tags}},
            )

    def _uses_irsa(self, cluster: str) -> bool:
        used = [workload for workload in self.settings.workloads.values() if workload.cluster == cluster]
        return any(workload.mode == "irsa" for workload in used)

    def _access(self, name: str, settings: AccessSettings) -> eks.ClusterAccess:
        given = settings.model_dump(exclude_none=True, exclude={"cluster", "principals"})
        args = {
            **given,
            "cluster": self.clusters[settings.cluster].connection,
            "principals": [self._principal(principal) for principal in settings.principals],
        }
        return eks.ClusterAccess(name, cast("eks.ClusterAccessArgs", args), self._on(settings.cluster))

    def _principal(self, settings: PrincipalSettings) -> dict[str, Any]:
        kind, name = ("user", settings.user) if settings.user is not None else ("role", settings.role)
        arn = settings.arn or self.partition.arn("iam", f"{kind}/{name}", account=self.account)
        return {"arn": arn, **({"username": settings.username} if settings.username is not None else {})}

    def _workload(self, name: str, settings: WorkloadSettings) -> eks.WorkloadIdentity:
        given = settings.model_dump(exclude_none=True, exclude={"cluster"})
        args = {**given, "cluster": self.clusters[settings.cluster].connection, "tags": {**self.settings.tags}}
        if settings.mode == "irsa":
            args["oidc_provider_arn"] = self.providers[settings.cluster].arn
        return eks.WorkloadIdentity(name, cast("eks.WorkloadIdentityArgs", args), self._on(settings.cluster))

    def _on(self, cluster: str) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(providers=[self.clusters[cluster].provider])
