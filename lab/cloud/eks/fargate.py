"""Fargate profiles are moto's own, so moto is told of each cluster that they may belong to."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.eks.models import eks_backends

from lab.cloud import identity
from lab.cloud.eks import entries
from lab.cloud.eks.operations import Operations
from lab.cloud.eks.store import ClusterRecord
from lab.interfaces import AuthenticationMode, ClusterKey


class FargateOperations(Operations):
    """What moto's Fargate operations leave out."""

    def create_fargate_profile(self) -> Any:
        """A profile of moto's, and the entry that EKS makes for its pods' role where entries count."""
        role = identity.principal(self.param("podExecutionRoleArn"))
        with self.store.lock:
            cluster = self.ready_cluster()
        answer = super().create_fargate_profile()
        if role is not None and cluster.authentication_mode is not AuthenticationMode.CONFIG_MAP:
            with self.store.lock:
                entries.grant_node(cluster, role, entries.FARGATE_LINUX)
            self.store.publish(cluster)
        return answer

    def list_fargate_profiles(self) -> ActionResult:
        with self.store.lock:
            self.cluster()
            page, token = self.page({name: name for name in profiles_of(self.key(self.param("clusterName")))})
        return ActionResult({"fargateProfileNames": page, "nextToken": token})


def add_cluster(cluster: ClusterRecord) -> None:
    """Make `cluster` known to moto, which takes Fargate profiles for it from then on."""
    eks_backends[cluster.key.account][cluster.key.region].create_cluster(
        name=cluster.key.name,
        role_arn=cluster.settings["roleArn"],
        resources_vpc_config=cluster.settings["resourcesVpcConfig"],
    )


def remove_cluster(key: ClusterKey) -> None:
    eks_backends[key.account][key.region].clusters.pop(key.name, None)


def profiles_of(key: ClusterKey) -> list[str]:
    """Names of the cluster's Fargate profiles."""
    known = eks_backends[key.account][key.region].clusters.get(key.name)
    return [] if known is None else list(known.fargate_profiles)
