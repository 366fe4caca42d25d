"""UpdateClusterConfig and UpdateClusterVersion. A call changes one type of setting, as an update with an id."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult

from lab.cloud import identity
from lab.cloud.eks import eks_versions, errors, network
from lab.cloud.eks.access_entry_rules import grant_cluster_admin, grant_node
from lab.cloud.eks.cluster_settings import merge_logging
from lab.cloud.eks.idempotency import idempotent
from lab.cloud.eks.store import ClusterRecord
from lab.cloud.eks.updates import UpdateOperations
from lab.interfaces import AuthenticationMode

NEXT_MODE = {
    AuthenticationMode.CONFIG_MAP: AuthenticationMode.API_AND_CONFIG_MAP,
    AuthenticationMode.API_AND_CONFIG_MAP: AuthenticationMode.API,
}
"""The only changes of authentication mode that EKS allows."""

_MERGED_MEMBERS = {
    "upgradePolicy": ("UpgradePolicyUpdate", "UpgradePolicy"),
    "zonalShiftConfig": ("ZonalShiftConfigUpdate", "ZonalShiftConfig"),
    "computeConfig": ("AutoModeUpdate", "ComputeConfig"),
    "storageConfig": ("AutoModeUpdate", "StorageConfig"),
    "kubernetesNetworkConfig": ("AutoModeUpdate", "KubernetesNetworkConfig"),
}
"""Members that are merged unchanged into the settings: the type of the update, and the name of its parameter."""

_VPC_MEMBERS = {
    "endpointPublicAccess": ("EndpointAccessUpdate", "EndpointPublicAccess"),
    "endpointPrivateAccess": ("EndpointAccessUpdate", "EndpointPrivateAccess"),
    "publicAccessCidrs": ("EndpointAccessUpdate", "PublicAccessCidrs"),
    "subnetIds": ("VpcConfigUpdate", "Subnets"),
    "securityGroupIds": ("VpcConfigUpdate", "SecurityGroups"),
    "controlPlaneEgressMode": ("ControlPlaneEgressUpdate", "ControlPlaneEgressMode"),
}
"""Members of `resourcesVpcConfig`: the type of the update, and the name of its parameter."""


@dataclass(frozen=True)
class _Change:
    """The change of one member: type of the update, parameter, and a function that changes the record.

    `apply` is called with the store's lock held.
    """

    kind: str
    param: str
    value: Any
    apply: Callable[[ClusterRecord], None]


class ClusterConfigOperations(UpdateOperations):
    """UpdateClusterConfig and UpdateClusterVersion."""

    @idempotent
    def update_cluster_config(self) -> ActionResult:
        name = self.param("name")
        with self.store.lock:
            cluster = self.ready_cluster()
            changes = self._setting_changes(cluster)
            kinds = {change.kind for change in changes}
            if not kinds:
                raise errors.InvalidParameterException(
                    "No changes needed: the request has no member to update", cluster=name
                )
            if len(kinds) > 1:
                raise errors.InvalidParameterException("Only one type of update can be allowed.", cluster=name)
            self._check_idle(cluster, "UpdateClusterConfig")
            cluster.status = "UPDATING"
            params = {change.param: change.value for change in changes}
            update = self.begin_update(cluster, kinds.pop(), params, lambda: self._apply_changes(cluster, changes))
            return ActionResult({"update": update.describe()})

    @idempotent
    def update_cluster_version(self) -> ActionResult:
        with self.store.lock:
            cluster = self.ready_cluster()
            current = cluster.settings["version"]
        raise errors.InvalidParameterException(
            f"Unsupported Kubernetes minor version update from {current} to {self.param('version')}: "
            f"the lab runs {eks_versions.KUBERNETES_VERSION} only",
            cluster=cluster.key.name,
        )

    @staticmethod
    def _check_idle(cluster: ClusterRecord, operation: str) -> None:
        running = [update.id for update in cluster.updates.values() if update.status == "InProgress"]
        if cluster.status == "UPDATING":
            raise errors.ResourceInUseException(
                f"Cannot {operation} because cluster {cluster.key.name} currently has "
                f"update {', '.join(running)} in progress",
                cluster=cluster.key.name,
            )

    def _apply_changes(self, cluster: ClusterRecord, changes: list[_Change]) -> None:
        try:
            with self.store.lock:
                for change in changes:
                    change.apply(cluster)
            self.store.publish(cluster)
        finally:
            with self.store.lock:
                cluster.status = "ACTIVE"

    def _setting_changes(self, cluster: ClusterRecord) -> list[_Change]:
        changes = [
            _Change(kind, param, self.param(member), _merge_into(member, self.param(member)))
            for member, (kind, param) in _MERGED_MEMBERS.items()
            if self.param(member) is not None
        ]
        vpc_config = self.param("resourcesVpcConfig", {})
        network.check_endpoints({**cluster.settings["resourcesVpcConfig"], **vpc_config})
        network.check_security_groups(self.current_account, self.region, vpc_config)
        if "subnetIds" in vpc_config:
            network.vpc_of(self.current_account, self.region, vpc_config["subnetIds"], zones=2)
        changes += [
            _Change(kind, param, vpc_config[member], _merge_into("resourcesVpcConfig", {member: vpc_config[member]}))
            for member, (kind, param) in _VPC_MEMBERS.items()
            if member in vpc_config
        ]
        if (logging := self.param("logging")) is not None:
            changes.append(_Change("LoggingUpdate", "ClusterLogging", logging, _set_logging(logging)))
        if (protection := self.param("deletionProtection")) is not None:
            changes.append(
                _Change("DeletionProtectionUpdate", "DeletionProtection", protection, _set_protection(protection))
            )
        if requested_mode := self.param("accessConfig", {}).get("authenticationMode"):
            mode = _check_mode(cluster, requested_mode)
            # EKS returns this parameter as a JSON string, with quotes.
            json_mode = json.dumps(mode.value)
            changes.append(_Change("AccessConfigUpdate", "AuthenticationMode", json_mode, _set_mode(mode)))
        return changes


def _check_mode(cluster: ClusterRecord, requested_mode: str) -> AuthenticationMode:
    mode = NEXT_MODE.get(cluster.authentication_mode)
    if mode is None or mode.value != requested_mode:
        raise errors.InvalidParameterException(
            f"Unsupported authentication mode update from {cluster.authentication_mode} to {requested_mode}",
            cluster=cluster.key.name,
        )
    return mode


def _merge_into(member: str, value: dict[str, Any]) -> Callable[[ClusterRecord], None]:
    def apply(cluster: ClusterRecord) -> None:
        cluster.settings[member] = {**cluster.settings.get(member, {}), **value}

    return apply


def _set_logging(change: dict[str, Any]) -> Callable[[ClusterRecord], None]:
    def apply(cluster: ClusterRecord) -> None:
        current = cluster.settings["logging"]["clusterLogging"]
        cluster.settings["logging"] = merge_logging(current, change.get("clusterLogging", []))

    return apply


def _set_protection(value: bool) -> Callable[[ClusterRecord], None]:  # noqa: FBT001 - the API's own member
    def apply(cluster: ClusterRecord) -> None:
        cluster.deletion_protection = value

    return apply


def _set_mode(mode: AuthenticationMode) -> Callable[[ClusterRecord], None]:
    """Return a function that sets the mode. It creates access entries for the creator and the node roles, as EKS does.

    Without these entries the creator and the nodes would lose access in mode API.
    """

    def apply(cluster: ClusterRecord) -> None:
        cluster.authentication_mode = mode
        if mode is not AuthenticationMode.API_AND_CONFIG_MAP:
            return
        if cluster.bootstrap_creator:
            grant_cluster_admin(cluster, cluster.creator)
        for nodegroup in cluster.nodegroups.values():
            role = identity.find_principal(nodegroup.node_role_arn)
            if role is not None:
                grant_node(cluster, role)

    return apply
