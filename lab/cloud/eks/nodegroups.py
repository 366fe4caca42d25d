"""Managed node groups: EKS lets their role into the cluster, then starts the nodes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult

from lab.cloud import identity
from lab.cloud.eks import entries, errors, network
from lab.cloud.eks import nodegroup_settings as settings
from lab.cloud.eks.records import NodegroupRecord, new_uuid, now
from lab.cloud.eks.store import ClusterRecord
from lab.cloud.eks.updates import UpdateOperations
from lab.interfaces import AuthenticationMode, ControlPlane, NodeGroup

_log = logging.getLogger(__name__)


class NodegroupOperations(UpdateOperations):
    """Create, Describe, Update, Delete and List of Nodegroup."""

    def create_nodegroup(self) -> ActionResult:
        name = self.param("nodegroupName")
        settings.check_name(name)
        settings.check_version(self.param("version"))
        settings.check_template_use(self.params)
        settings.check_node_role(self.param("nodeRole"))
        network.vpc_of(self.current_account, self.region, self.param("subnets"))
        with self.store.lock:
            cluster = self.ready_cluster()
            if name in cluster.nodegroups:
                raise errors.ResourceInUseException(
                    f"NodeGroup already exists with name {name} and cluster name {cluster.key.name}",
                    cluster=cluster.key.name,
                    nodegroup=name,
                )
            arn = self.arn("nodegroup", cluster.key.name, name, new_uuid())
            group = settings.new_nodegroup(arn, self.params, self._template())
            cluster.nodegroups[name] = group
            described = group.describe()
        self.store.run(f"eks-nodegroup-{name}", lambda: self._create(cluster, group))
        return ActionResult({"nodegroup": described})

    def describe_nodegroup(self) -> ActionResult:
        with self.store.lock:
            return ActionResult({"nodegroup": self.nodegroup(self.cluster()).describe()})

    def list_nodegroups(self) -> ActionResult:
        with self.store.lock:
            page, token = self.page({name: name for name in self.cluster().nodegroups})
        return ActionResult({"nodegroups": page, "nextToken": token})

    def update_nodegroup_config(self) -> ActionResult:
        """Change sizes, labels, taints and settings. A new size or label replaces the group's nodes."""
        labels, taints = self.param("labels", {}), self.param("taints", {})
        with self.store.lock:
            cluster = self.ready_cluster()
            group = self._idle_nodegroup(cluster)
            before = _node_group(group)
            group.scaling = settings.scaled(group.scaling, self.param("scalingConfig", {}))
            gone = set(labels.get("removeLabels", []))
            group.labels = {key: value for key, value in group.labels.items() if key not in gone}
            group.labels |= labels.get("addOrUpdateLabels", {})
            group.taints = _tainted(group.taints, taints)
            for member in ("updateConfig", "nodeRepairConfig", "warmPoolConfig"):
                if (value := self.param(member)) is not None:
                    group.settings[member] = value
            params = {
                "LabelsToAdd": labels.get("addOrUpdateLabels"),
                "LabelsToRemove": labels.get("removeLabels"),
                "TaintsToAdd": taints.get("addOrUpdateTaints"),
                "TaintsToRemove": taints.get("removeTaints"),
                **{key[0].upper() + key[1:]: size for key, size in self.param("scalingConfig", {}).items()},
                "MaxUnavailable": self.param("updateConfig", {}).get("maxUnavailable"),
                "MaxUnavailablePercentage": self.param("updateConfig", {}).get("maxUnavailablePercentage"),
                "NodeRepairConfig": self.param("nodeRepairConfig"),
            }
            return self._begin(cluster, group, "ConfigUpdate", params, replace=_node_group(group) != before)

    def update_nodegroup_version(self) -> ActionResult:
        """Roll the nodes over to another version of the launch template, or to the one Kubernetes version there is."""
        settings.check_version(self.param("version"))
        with self.store.lock:
            cluster = self.ready_cluster()
            group = self._idle_nodegroup(cluster)
            template = self._template()
            if template is not None:
                if "launchTemplate" not in group.settings:
                    raise errors.InvalidRequestException(
                        "A nodegroup that was made without a launch template cannot take one", nodegroup=group.name
                    )
                group.settings["launchTemplate"], group.hop_limit = template.specification, template.hop_limit
            release = self.param("releaseVersion")
            group.settings["releaseVersion"] = release or group.settings["releaseVersion"]
            params = {
                "Version": self.param("version"),
                "ReleaseVersion": release,
                "LaunchTemplateName": template and template.specification["name"],
                "LaunchTemplateVersion": template and template.specification["version"],
            }
            return self._begin(cluster, group, "VersionUpdate", params, replace=True)

    def delete_nodegroup(self) -> ActionResult:
        with self.store.lock:
            cluster = self.cluster()
            group = self._idle_nodegroup(cluster)
            group.status = "DELETING"
            described = group.describe()
        self.store.run(f"eks-nodegroup-{group.name}", lambda: self._delete(cluster, group))
        return ActionResult({"nodegroup": described})

    def nodegroup(self, cluster: ClusterRecord) -> NodegroupRecord:
        name = self.param("nodegroupName")
        group = cluster.nodegroups.get(name)
        if group is None:
            raise errors.ResourceNotFoundException(
                f"No node group found for name: {name}.", cluster=cluster.key.name, nodegroup=name
            )
        return group

    def _idle_nodegroup(self, cluster: ClusterRecord) -> NodegroupRecord:
        group = self.nodegroup(cluster)
        if group.status in {"CREATING", "UPDATING", "DELETING"}:
            raise errors.ResourceInUseException(
                f"Nodegroup {group.name} is currently in {group.status} state",
                cluster=cluster.key.name,
                nodegroup=group.name,
            )
        return group

    def _template(self) -> network.LaunchTemplate | None:
        wanted = self.param("launchTemplate")
        return network.launch_template(self.current_account, self.region, wanted) if wanted is not None else None

    def _begin(
        self, cluster: ClusterRecord, group: NodegroupRecord, kind: str, params: dict[str, Any], *, replace: bool
    ) -> ActionResult:
        group.status, group.modified_at = "UPDATING", now()
        wanted, control_plane = _node_group(group), _running(cluster)

        def roll() -> None:
            try:
                if replace:
                    control_plane.remove_node_group(group.name)
                    control_plane.add_node_group(wanted)
            except Exception as error:
                self._settle(group, "DEGRADED", error)
                raise
            self._settle(group, "ACTIVE")

        update = self.begin_update(cluster, kind, params, roll, nodegroup=group.name)
        return ActionResult({"update": update.describe()})

    def _create(self, cluster: ClusterRecord, group: NodegroupRecord) -> None:
        def start() -> None:
            control_plane = _running(cluster)
            self._let_nodes_in(cluster, control_plane, group.node_role_arn)
            control_plane.add_node_group(_node_group(group))

        self._attempt(group, start, failed="CREATE_FAILED")

    def _delete(self, cluster: ClusterRecord, group: NodegroupRecord) -> None:
        def remove() -> None:
            _running(cluster).remove_node_group(group.name)
            with self.store.lock:
                cluster.nodegroups.pop(group.name, None)

        self._attempt(group, remove, failed="DELETE_FAILED")

    def _attempt(self, group: NodegroupRecord, work: Callable[[], None], *, failed: str) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever it is, DescribeNodegroup tells it
            _log.exception("node group %s", group.arn)
            self._settle(group, failed, error)
        else:
            self._settle(group, "ACTIVE")

    def _settle(self, group: NodegroupRecord, status: str, error: Exception | None = None) -> None:
        with self.store.lock:
            group.status, group.modified_at = status, now()
            group.issues = (
                [] if error is None else [{"code": "NodeCreationFailure", "message": str(error), "resourceIds": []}]
            )

    def _let_nodes_in(self, cluster: ClusterRecord, control_plane: ControlPlane, role_arn: str) -> None:
        """Do what lets the role's instances join: an aws-auth mapping, an access entry, or both, by the mode."""
        role = identity.principal(role_arn)
        if role is None:
            raise LookupError(f"The node role {role_arn} is gone")
        with self.store.lock:
            mode = cluster.authentication_mode
            if mode is not AuthenticationMode.CONFIG_MAP:
                entries.grant_node(cluster, role)
        if mode is not AuthenticationMode.CONFIG_MAP:
            self.store.publish(cluster)
        if mode is not AuthenticationMode.API:
            control_plane.map_node_role(role_arn)


def _running(cluster: ClusterRecord) -> ControlPlane:
    if cluster.control_plane is None:
        raise LookupError(f"{cluster.key.arn} has no control plane")
    return cluster.control_plane


def _node_group(group: NodegroupRecord) -> NodeGroup:
    return NodeGroup(
        name=group.name,
        node_role_arn=group.node_role_arn,
        size=group.scaling["desiredSize"],
        hop_limit=group.hop_limit,
        labels=dict(group.labels),
    )


def _tainted(taints: list[dict[str, str]], change: dict[str, list[dict[str, str]]]) -> list[dict[str, str]]:
    """The taints after `change`; key and effect together say which taint is meant."""
    by_identity = {(taint["key"], taint["effect"]): taint for taint in taints}
    for taint in change.get("removeTaints", []):
        by_identity.pop((taint["key"], taint["effect"]), None)
    by_identity |= {(taint["key"], taint["effect"]): dict(taint) for taint in change.get("addOrUpdateTaints", [])}
    return list(by_identity.values())
