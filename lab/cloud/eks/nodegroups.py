"""Operations for managed node groups. EKS grants the node role access to the cluster, then starts the nodes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult

from lab.cloud import identity
from lab.cloud.eks import access_entry_rules, errors, network
from lab.cloud.eks import nodegroup_settings as settings
from lab.cloud.eks.compute_records import NodegroupRecord
from lab.cloud.eks.idempotency import idempotent
from lab.cloud.eks.records import new_uuid, now
from lab.cloud.eks.store import ClusterRecord
from lab.cloud.eks.updates import UpdateOperations
from lab.interfaces import AuthenticationMode, ControlPlane, NodeGroup

_log = logging.getLogger(__name__)


class NodegroupOperations(UpdateOperations):
    """The operations whose names contain Nodegroup, such as CreateNodegroup and UpdateNodegroupConfig."""

    @idempotent
    def create_nodegroup(self) -> ActionResult:
        name = self.param("nodegroupName")
        settings.check_version(self.param("version"))
        settings.check_template_use(self.params)
        settings.check_node_role(self.param("nodeRole"), self.current_account)
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
            group = settings.new_nodegroup(arn, self.params, self._find_template())
            cluster.nodegroups[name] = group
            description = group.describe()
        self.store.jobs.run(f"eks-nodegroup-{name}", lambda: self._create(cluster, group))
        return ActionResult({"nodegroup": description})

    def describe_nodegroup(self) -> ActionResult:
        with self.store.lock:
            return ActionResult({"nodegroup": self.nodegroup(self.cluster()).describe()})

    def list_nodegroups(self) -> ActionResult:
        with self.store.lock:
            page, token = self.page({name: name for name in self.cluster().nodegroups})
        return ActionResult({"nodegroups": page, "nextToken": token})

    @idempotent
    def update_nodegroup_config(self) -> ActionResult:
        """Update sizes, labels, taints and settings. A changed size or label replaces the nodes."""
        labels, taints = self.param("labels", {}), self.param("taints", {})
        with self.store.lock:
            cluster = self.ready_cluster()
            group = self._idle_nodegroup(cluster)
            previous = _node_group(group)
            group.scaling = settings.merge_scaling(group.scaling, self.param("scalingConfig", {}))
            removed_labels = set(labels.get("removeLabels", []))
            group.labels = {key: value for key, value in group.labels.items() if key not in removed_labels}
            group.labels |= labels.get("addOrUpdateLabels", {})
            group.taints = _merge_taints(group.taints, taints)
            group.settings["updateConfig"] = self.param("updateConfig", group.settings["updateConfig"])
            params = {
                "LabelsToAdd": labels.get("addOrUpdateLabels"),
                "LabelsToRemove": labels.get("removeLabels"),
                "TaintsToAdd": taints.get("addOrUpdateTaints"),
                "TaintsToRemove": taints.get("removeTaints"),
                **{key[0].upper() + key[1:]: size for key, size in self.param("scalingConfig", {}).items()},
                "MaxUnavailable": self.param("updateConfig", {}).get("maxUnavailable"),
                "MaxUnavailablePercentage": self.param("updateConfig", {}).get("maxUnavailablePercentage"),
            }
            is_changed = _node_group(group) != previous
            return self._begin_nodegroup_update(cluster, group, "ConfigUpdate", params, replace_nodes=is_changed)

    @idempotent
    def update_nodegroup_version(self) -> ActionResult:
        """Replace the nodes for another version of the launch template, or for the lab's only Kubernetes version."""
        settings.check_version(self.param("version"))
        with self.store.lock:
            cluster = self.ready_cluster()
            group = self._idle_nodegroup(cluster)
            template = self._find_template()
            if template is not None:
                if "launchTemplate" not in group.settings:
                    raise errors.InvalidRequestException(
                        "A launch template cannot be added to a nodegroup that was created without one",
                        nodegroup=group.name,
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
            return self._begin_nodegroup_update(cluster, group, "VersionUpdate", params, replace_nodes=True)

    def delete_nodegroup(self) -> ActionResult:
        with self.store.lock:
            cluster = self.cluster()
            group = self._idle_nodegroup(cluster)
            group.status = "DELETING"
            description = group.describe()
        self.store.jobs.run(f"eks-nodegroup-{group.name}", lambda: self._delete(cluster, group))
        return ActionResult({"nodegroup": description})

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

    def _find_template(self) -> network.LaunchTemplate | None:
        request = self.param("launchTemplate")
        return None if request is None else network.find_launch_template(self.current_account, self.region, request)

    def _begin_nodegroup_update(
        self, cluster: ClusterRecord, group: NodegroupRecord, kind: str, params: dict[str, Any], *, replace_nodes: bool
    ) -> ActionResult:
        group.status, group.modified_at = "UPDATING", now()
        node_group, control_plane = _node_group(group), _require_control_plane(cluster)

        def apply() -> None:
            try:
                if replace_nodes:
                    control_plane.remove_node_group(group.name)
                    control_plane.add_node_group(node_group)
            except Exception as error:
                self._set_status(group, "DEGRADED", error)
                raise
            self._set_status(group, "ACTIVE")

        update = self.begin_update(cluster, kind, params, apply, nodegroup=group.name)
        return ActionResult({"update": update.describe()})

    def _create(self, cluster: ClusterRecord, group: NodegroupRecord) -> None:
        def start() -> None:
            control_plane = _require_control_plane(cluster)
            self._grant_node_access(cluster, control_plane, group.node_role_arn)
            control_plane.add_node_group(_node_group(group))

        self._run_job(group, start, failure_status="CREATE_FAILED")

    def _delete(self, cluster: ClusterRecord, group: NodegroupRecord) -> None:
        def remove() -> None:
            _require_control_plane(cluster).remove_node_group(group.name)
            with self.store.lock:
                cluster.nodegroups.pop(group.name, None)

        self._run_job(group, remove, failure_status="DELETE_FAILED")

    def _run_job(self, group: NodegroupRecord, job: Callable[[], None], *, failure_status: str) -> None:
        try:
            job()
        except Exception as error:  # noqa: BLE001 - DescribeNodegroup returns every error
            _log.exception("node group %s", group.arn)
            self._set_status(group, failure_status, error)
        else:
            self._set_status(group, "ACTIVE")

    def _set_status(self, group: NodegroupRecord, status: str, error: Exception | None = None) -> None:
        with self.store.lock:
            group.status, group.modified_at = status, now()
            group.issues = (
                [] if error is None else [{"code": "NodeCreationFailure", "message": str(error), "resourceIds": []}]
            )

    def _grant_node_access(self, cluster: ClusterRecord, control_plane: ControlPlane, role_arn: str) -> None:
        """Create the node role's aws-auth mapping, access entry, or both, as the authentication mode requires."""
        role = identity.find_principal(role_arn)
        if role is None:
            raise LookupError(f"The node role {role_arn} no longer exists")
        with self.store.lock:
            mode = cluster.authentication_mode
            if mode is not AuthenticationMode.CONFIG_MAP:
                access_entry_rules.grant_node(cluster, role)
        if mode is not AuthenticationMode.CONFIG_MAP:
            self.store.publish(cluster)
        if mode is not AuthenticationMode.API:
            control_plane.map_node_role(role_arn)


def _require_control_plane(cluster: ClusterRecord) -> ControlPlane:
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


def _merge_taints(taints: list[dict[str, str]], change: dict[str, list[dict[str, str]]]) -> list[dict[str, str]]:
    """Return the taints after `change`. A taint is identified by its key and effect."""
    taints_by_key = {(taint["key"], taint["effect"]): taint for taint in taints}
    for taint in change.get("removeTaints", []):
        taints_by_key.pop((taint["key"], taint["effect"]), None)
    taints_by_key |= {(taint["key"], taint["effect"]): dict(taint) for taint in change.get("addOrUpdateTaints", [])}
    return list(taints_by_key.values())
