"""Add-ons of a cluster.

The lab runs no add-on's pods: on its nodes the parts that identity needs are built in. What an add-on is here is what
the API keeps of it, and what others read: that it is there, its version, and the Pod Identity associations it owns.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult

from lab.cloud.eks import eks_versions, errors, roles
from lab.cloud.eks.pod_identity import PodIdentityOperations
from lab.cloud.eks.records import AddonRecord, AssociationRecord, new_uuid, now
from lab.cloud.eks.store import ClusterRecord
from lab.cloud.eks.updates import UpdateOperations


class AddonOperations(UpdateOperations, PodIdentityOperations):
    """Create, Describe, Update, Delete and List of Addon."""

    def create_addon(self) -> ActionResult:
        name = self.param("addonName")
        offer = self._offer(name)
        version = self._version(offer, self.param("addonVersion", offer.default_version))
        wanted = self._wanted_associations(offer)
        self._check_role(self.param("serviceAccountRoleArn"))
        with self.store.lock:
            cluster = self.ready_cluster()
            if name in cluster.addons:
                raise errors.ResourceInUseException("Addon already exists.", cluster=cluster.key.name, addon=name)
            addon = AddonRecord(
                cluster_name=cluster.key.name,
                name=name,
                arn=self.arn("addon", cluster.key.name, name, new_uuid()),
                version=version,
                namespace=self.param("namespaceConfig", {}).get("namespace", offer.namespace),
                tags=dict(self.param("tags", {})),
                service_account_role_arn=self.param("serviceAccountRoleArn"),
                configuration_values=self.param("configurationValues"),
            )
            self._set_associations(cluster, addon, wanted)
            cluster.addons[name] = addon
            described = addon.describe()

        self.store.run(f"eks-addon-{name}", lambda: self._install(cluster, addon, failed="CREATE_FAILED"))
        return ActionResult({"addon": described})

    def describe_addon(self) -> ActionResult:
        with self.store.lock:
            return ActionResult({"addon": self.addon(self.cluster()).describe()})

    def list_addons(self) -> ActionResult:
        with self.store.lock:
            page, token = self.page({name: name for name in self.cluster().addons})
        return ActionResult({"addons": page, "nextToken": token})

    def update_addon(self) -> ActionResult:
        """Change what is given; an empty list of associations takes the add-on's away, none leaves them.

        The role is the exception: where none is given, the add-on uses the nodes' from then on.
        """
        name = self.param("addonName")
        changes: dict[str, Any] = {}
        with self.store.lock:
            offer = self._offer(self.addon(self.ready_cluster()).name)
        if version := self.param("addonVersion"):
            changes["version"] = self._version(offer, version)
        self._check_role(self.param("serviceAccountRoleArn"))
        changes["service_account_role_arn"] = self.param("serviceAccountRoleArn")
        if (values := self.param("configurationValues")) is not None:
            changes["configuration_values"] = values
        wanted = self._wanted_associations(offer)
        with self.store.lock:
            cluster = self.ready_cluster()
            addon = self.addon(cluster)
            if addon.status in {"CREATING", "UPDATING", "DELETING"}:
                raise errors.ResourceInUseException(
                    f"Addon {name} cannot be updated as it is currently in {addon.status} state",
                    cluster=cluster.key.name,
                    addon=name,
                )
            if self.param("podIdentityAssociations") is not None:
                self._set_associations(cluster, addon, wanted)
            for member, value in changes.items():
                setattr(addon, member, value)
            addon.status, addon.modified_at = "UPDATING", now()

            params = {
                "AddonVersion": self.param("addonVersion"),
                "ServiceAccountRoleArn": self.param("serviceAccountRoleArn"),
                "ResolveConflicts": self.param("resolveConflicts"),
                "ConfigurationValues": self.param("configurationValues"),
                "PodIdentityAssociations": self.param("podIdentityAssociations"),
            }
            update = self.begin_update(
                cluster,
                "AddonUpdate",
                params,
                lambda: self._install(cluster, addon, failed="UPDATE_FAILED"),
                addon=name,
            )
            return ActionResult({"update": update.describe()})

    def delete_addon(self) -> ActionResult:
        """Delete an add-on with the associations that it owns; `preserve` keeps its pods, of which the lab has none."""
        with self.store.lock:
            cluster = self.ready_cluster()
            addon = self.addon(cluster)
            addon.status = "DELETING"
            described = addon.describe()

        def remove() -> None:
            with self.store.lock:
                for association in self._owned(cluster, addon):
                    del cluster.associations[association.association_id]
                del cluster.addons[addon.name]
            self.store.publish(cluster)

        self.store.run(f"eks-addon-{addon.name}", remove)
        return ActionResult({"addon": described})

    def addon(self, cluster: ClusterRecord) -> AddonRecord:
        name = self.param("addonName")
        addon = cluster.addons.get(name)
        if addon is None:
            raise errors.ResourceNotFoundException(
                f"No addon: {name} found in cluster: {cluster.key.name}", cluster=cluster.key.name, addon=name
            )
        return addon

    def _install(self, cluster: ClusterRecord, addon: AddonRecord, *, failed: str) -> None:
        """Put the add-on's associations into effect, and say how that went."""
        try:
            self.store.publish(cluster)
        except Exception as error:
            with self.store.lock:
                addon.status = failed
                addon.issues = [{"code": "InternalFailure", "message": str(error), "resourceIds": []}]
            raise
        with self.store.lock:
            addon.status, addon.issues = "ACTIVE", []

    @staticmethod
    def _offer(name: str) -> eks_versions.Addon:
        offer = eks_versions.ADDONS.get(name)
        if offer is None:
            raise errors.InvalidParameterException(f"Addon {name} specified is not supported", addon=name)
        return offer

    @staticmethod
    def _version(offer: eks_versions.Addon, version: str) -> str:
        if version not in offer.versions:
            raise errors.InvalidParameterException(
                f"Addon version specified is not supported: {version}. Supported: {', '.join(offer.versions)}",
                addon=offer.name,
            )
        return version

    @staticmethod
    def _check_role(role_arn: str | None) -> None:
        if role_arn is not None and roles.find(role_arn) is None:
            raise errors.InvalidParameterException(f"Role provided in the request does not exist: {role_arn}")

    def _wanted_associations(self, offer: eks_versions.Addon) -> dict[str, str]:
        """The role of each service account that the request names, all of them checked."""
        wanted = {item["serviceAccount"]: item["roleArn"] for item in self.param("podIdentityAssociations", [])}
        for service_account, role_arn in wanted.items():
            if service_account not in offer.service_accounts:
                known = ", ".join(offer.service_accounts) or "none"
                raise errors.InvalidParameterException(
                    f"Addon {offer.name} has no service account {service_account} that takes a role: {known}",
                    addon=offer.name,
                )
            self.check_pod_role(role_arn)
        return wanted

    @staticmethod
    def _owned(cluster: ClusterRecord, addon: AddonRecord) -> list[AssociationRecord]:
        return [association for association in cluster.associations.values() if association.owner_arn == addon.arn]

    def _set_associations(self, cluster: ClusterRecord, addon: AddonRecord, wanted: dict[str, str]) -> None:
        """Make the add-on's associations exactly `wanted`; nothing changes if one of them is somebody else's."""
        owned = {association.service_account: association for association in self._owned(cluster, addon)}
        for service_account in wanted.keys() - owned.keys():
            if other := cluster.association_of(addon.namespace, service_account):
                raise errors.ResourceInUseException(
                    f"Association already exists: {other.association_id}", cluster=cluster.key.name, addon=addon.name
                )
        for service_account, association in owned.items():
            if service_account not in wanted:
                del cluster.associations[association.association_id]
            elif association.role_arn != wanted[service_account]:
                association.role_arn, association.modified_at = wanted[service_account], now()
        for service_account in wanted.keys() - owned.keys():
            self.add_association(
                cluster, addon.namespace, service_account, wanted[service_account], owner_arn=addon.arn
            )
        addon.association_arns = [association.arn for association in self._owned(cluster, addon)]
