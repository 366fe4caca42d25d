"""Fargate profiles. moto implements and stores them, so each cluster is also created in moto's backend."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.eks.models import eks_backends

from lab.cloud import identity
from lab.cloud.eks import access_entry_rules
from lab.cloud.eks.operations import Operations
from lab.cloud.eks.store import ClusterRecord
from lab.interfaces import AuthenticationMode, ClusterKey


class FargateOperations(Operations):
    """The parts of the Fargate operations that moto lacks."""

    def create_fargate_profile(self) -> Any:
        """Create moto's profile. In modes with access entries, also create the entry of the pod execution role."""
        role = identity.find_principal(self.param("podExecutionRoleArn"))
        with self.store.lock:
            cluster = self.ready_cluster()
        result = super().create_fargate_profile()
        if role is not None and cluster.authentication_mode is not AuthenticationMode.CONFIG_MAP:
            with self.store.lock:
                access_entry_rules.grant_node(cluster, role, access_entry_rules.FARGATE_LINUX)
            self.store.publish(cluster)
        return result

    def list_fargate_profiles(self) -> ActionResult:
        with self.store.lock:
            self.cluster()
            page, token = self.page({name: name for name in profiles_of(self.key(self.param("clusterName")))})
        return ActionResult({"fargateProfileNames": page, "nextToken": token})


def add_cluster(cluster: ClusterRecord) -> None:
    """Create `cluster` in moto's backend, so that moto can create Fargate profiles for it."""
    eks_backends[cluster.key.account][cluster.key.region].create_cluster(
        name=cluster.key.name,
        role_arn=cluster.settings["roleArn"],
        resources_vpc_config=cluster.settings["resourcesVpcConfig"],
    )


def remove_cluster(key: ClusterKey) -> None:
    eks_backends[key.account][key.region].clusters.pop(key.name, None)


def profiles_of(key: ClusterKey) -> list[str]:
    """Return the names of the cluster's Fargate profiles."""
    cluster = eks_backends[key.account][key.region].clusters.get(key.name)
    return [] if cluster is None else list(cluster.fargate_profiles)
