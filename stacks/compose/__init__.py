"""Declares what settings say: clusters, people in them, workloads on them. Every environment is made of this."""

from __future__ import annotations

from dataclasses import replace

import pulumi

import eks_identity as eks
from eks_identity.model.partitions import partition_of_region
from stacks import guard, settings
from stacks.compose import outputs
from stacks.compose.access import access
from stacks.compose.clusters import Target, cluster
from stacks.compose.iam import Account
from stacks.compose.workloads import addon, workload
from stacks.settings import ClusterSettings, EnvironmentProfile, Settings


def declare(rules: EnvironmentProfile) -> Environment:
    """The whole program of an environment: what its settings say, in its own account, as `rules` demand."""
    said = settings.read(rules)
    region = pulumi.Config("aws").require("region")
    guard.account_is(said.account)
    guard.clusters_are_there(_looked_up(said), region)
    environment = Environment(said, Account(said, partition_of_region(region)))
    environment.declare()
    outputs.export(environment)
    return environment


class Environment:
    """The components of one environment, as they are declared."""

    def __init__(self, said: Settings, account: Account) -> None:
        self.settings = said
        self.account = account
        self.clusters: dict[str, Target] = {}
        self.providers: dict[str, eks.OidcProvider] = {}
        self.addons: dict[str, eks.Addon] = {}
        self.access: dict[str, eks.ClusterAccess] = {}
        self.workloads: dict[str, eks.WorkloadIdentity] = {}

    def declare(self) -> None:
        """Clusters first, then who and what is let in and out."""
        for key, said in self.settings.clusters.items():
            target = cluster(key, said, self.account)
            self.clusters[key] = replace(target, provider_arn=self._provider(key, said, target))
            for name, wanted in said.addons.items():
                self.addons[f"{key}-{name}"] = addon(f"{key}-{name}", name, wanted, self.clusters[key], self.account)
        for key, each in self.settings.access.items():
            self.access[key] = access(key, each, self.clusters[each.cluster], self.account)
        for key, pods in self.settings.workloads.items():
            self.workloads[key] = workload(key, pods, self.clusters[pods.cluster], self.account)

    def _provider(self, key: str, said: ClusterSettings, target: Target) -> pulumi.Output[str] | None:
        """The ARN of the account's OIDC provider for the cluster, where anything there uses IRSA."""
        chosen = said.oidc_provider or ("create" if said.stack is None else "adopt")
        if chosen == "none" or not self.settings.needs_provider(key):
            return None
        issuer, adopt = target.connection["issuer"], chosen == "adopt"
        self.providers[key] = eks.OidcProvider(key, {"issuer": issuer, "adopt": adopt, "tags": {**self.account.tags()}})
        return self.providers[key].arn


def _looked_up(said: Settings) -> list[str]:
    """The clusters that neither this stack nor another one vouches for."""
    clusters = said.clusters.items()
    return [cluster.name or key for key, cluster in clusters if cluster.create is None and cluster.stack is None]
