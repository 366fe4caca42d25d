"""Operations for clusters. CreateCluster starts a control plane, DeleteCluster stops it."""

from __future__ import annotations

import logging

from moto.core.responses import ActionResult

from lab.cloud import identity, issuers
from lab.cloud.eks import eks_versions, errors, network, roles
from lab.cloud.eks.access_entry_rules import EC2, grant_cluster_admin, grant_node
from lab.cloud.eks.cluster_settings import new_cluster_settings
from lab.cloud.eks.idempotency import idempotent
from lab.cloud.eks.operations import Operations
from lab.cloud.eks.store import ClusterRecord
from lab.interfaces import AuthenticationMode

_log = logging.getLogger(__name__)


class ClusterOperations(Operations):
    """CreateCluster, DescribeCluster, ListClusters and DeleteCluster."""

    @idempotent
    def create_cluster(self) -> ActionResult:
        name = self.param("name")
        mode, bootstrap = self._read_access_config()
        self._check_new_cluster(name)
        vpc_config = self.param("resourcesVpcConfig")
        network.check_endpoints(vpc_config)
        vpc = network.vpc_of(self.current_account, self.region, vpc_config.get("subnetIds", []), zones=2)
        security_group = network.create_cluster_security_group(self.current_account, self.region, vpc, name)
        cluster = ClusterRecord(
            key=self.key(name),
            creator=identity.get_calling_principal(self),
            authentication_mode=mode,
            bootstrap_creator=bootstrap,
            settings=new_cluster_settings(self.params, vpc, security_group),
            tags=dict(self.param("tags", {})),
            deletion_protection=self.param("deletionProtection", False),
        )
        if bootstrap and mode is not AuthenticationMode.CONFIG_MAP:
            grant_cluster_admin(cluster, cluster.creator)
        self._grant_auto_mode_access(cluster)
        with self.store.lock:
            if cluster.key in self.store.clusters:
                raise errors.ResourceInUseException(f"Cluster already exists with name: {name}", cluster=name)
            self.store.clusters[cluster.key] = cluster
            description = cluster.describe()
        description["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] = bootstrap
        self.store.jobs.run(f"eks-create-{name}", lambda: self._start(cluster))
        return ActionResult({"cluster": description})

    def describe_cluster(self) -> ActionResult:
        with self.store.lock:
            return ActionResult({"cluster": self.cluster().describe()})

    def list_clusters(self) -> ActionResult:
        with self.store.lock:
            cluster_names = {
                key.name: key.name
                for key in self.store.clusters
                if (key.account, key.region) == (self.current_account, self.region)
            }
            page, token = self.page(cluster_names)
        return ActionResult({"clusters": page, "nextToken": token})

    def delete_cluster(self) -> ActionResult:
        with self.store.lock:
            cluster = self.cluster()
            self._check_deletable(cluster)
            cluster.status = "DELETING"
            description = cluster.describe()
        self.store.jobs.run(f"eks-delete-{cluster.key.name}", lambda: self._stop(cluster))
        return ActionResult({"cluster": description})

    @staticmethod
    def _grant_auto_mode_access(cluster: ClusterRecord) -> None:
        """Create the access entry of type EC2 with which the nodes of Auto Mode join."""
        compute = cluster.settings.get("computeConfig", {})
        role = identity.find_principal(compute.get("nodeRoleArn", "")) if compute.get("enabled") else None
        if role is not None and cluster.authentication_mode is not AuthenticationMode.CONFIG_MAP:
            grant_node(cluster, role, EC2)

    def _read_access_config(self) -> tuple[AuthenticationMode, bool]:
        config = self.param("accessConfig", {})
        mode = AuthenticationMode(config.get("authenticationMode", "CONFIG_MAP"))
        bootstrap = config.get("bootstrapClusterCreatorAdminPermissions", True)
        if mode is AuthenticationMode.CONFIG_MAP and not bootstrap:
            raise errors.InvalidParameterException(
                "bootstrapClusterCreatorAdminPermissions must be true "
                "if cluster authentication mode is set to CONFIG_MAP"
            )
        return mode, bootstrap

    def _check_new_cluster(self, name: str) -> None:
        version = self.param("version", eks_versions.KUBERNETES_VERSION)
        if version != eks_versions.KUBERNETES_VERSION:
            raise errors.InvalidParameterException(
                f"unsupported Kubernetes version {version}: the lab runs {eks_versions.KUBERNETES_VERSION}",
                cluster=name,
            )
        network.check_security_groups(self.current_account, self.region, self.param("resourcesVpcConfig"))
        role_arn = self.param("roleArn")
        roles.check_account(role_arn, self.current_account)
        role = roles.find(role_arn)
        if role is None or not role.trusts("eks.amazonaws.com"):
            raise errors.InvalidParameterException(
                f"Role with arn: {role_arn}, could not be assumed because it does not exist "
                "or the trusted entity is not correct",
                cluster=name,
            )

    def _check_deletable(self, cluster: ClusterRecord) -> None:
        name = cluster.key.name
        if cluster.deletion_protection:
            raise errors.InvalidRequestException(
                f"Cluster {name} has deletion protection. Turn it off with UpdateClusterConfig to delete it.",
                cluster=name,
            )
        if cluster.status not in {"ACTIVE", "FAILED"}:
            raise errors.ResourceInUseException(
                f"Cannot delete because cluster {name} currently has an update in progress", cluster=name
            )
        if cluster.nodegroups:
            raise errors.ResourceInUseException(
                "Cluster has nodegroups attached", cluster=name, nodegroup=",".join(cluster.nodegroups)
            )
        if profiles := ", ".join(cluster.fargate_profiles):
            raise errors.ResourceInUseException(f"Cluster has Fargate profiles attached: {profiles}", cluster=name)

    def _start(self, cluster: ClusterRecord) -> None:
        """Start the control plane. The cluster becomes ACTIVE when it has started, or FAILED with the error."""
        with self.store.lock:
            settings = cluster.identity()
        try:
            control_plane = self.store.control_planes.start(cluster.key, settings)
        except Exception as error:  # noqa: BLE001 - DescribeCluster returns every error
            self._fail(cluster, error)
            return
        issuers.register(control_plane.issuer, control_plane.jwks)
        with self.store.lock:
            cluster.control_plane = control_plane
            cluster.status = "ACTIVE"

    def _stop(self, cluster: ClusterRecord) -> None:
        """Stop the control plane. The cluster is deleted when it has stopped, or becomes FAILED with the error."""
        control_plane = cluster.control_plane
        try:
            if control_plane is not None:
                issuers.unregister(control_plane.issuer)
                control_plane.stop()
        except Exception as error:  # noqa: BLE001 - DescribeCluster returns every error
            self._fail(cluster, error)
            return
        security_group = cluster.settings["resourcesVpcConfig"]["clusterSecurityGroupId"]
        network.delete_cluster_security_group(cluster.key.account, cluster.key.region, security_group)
        with self.store.lock:
            self.store.clusters.pop(cluster.key, None)

    def _fail(self, cluster: ClusterRecord, error: Exception) -> None:
        _log.error("control plane of %s", cluster.key.arn, exc_info=error)
        issue = {"code": "InternalFailure", "message": str(error), "resourceIds": [cluster.key.name]}
        with self.store.lock:
            cluster.issues.append(issue)
            cluster.status = "FAILED"
