"""Operations for add-ons.

The lab does not run the pods of add-ons: its nodes have the identity parts built in. An add-on is a record of the API
with its version, its role and the Pod Identity associations that it owns.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult

from lab.cloud.eks import eks_versions, errors, roles
from lab.cloud.eks.addon_configuration import check_configuration
from lab.cloud.eks.idempotency import idempotent
from lab.cloud.eks.pod_identity import PodIdentityOperations
from lab.cloud.eks.records import AddonRecord, AssociationRecord, new_uuid, now
from lab.cloud.eks.store import ClusterRecord
from lab.cloud.eks.updates import UpdateOperations


class AddonOperations(UpdateOperations, PodIdentityOperations):
    """CreateAddon, DescribeAddon, UpdateAddon, DeleteAddon and ListAddons."""

    @idempotent
    def create_addon(self) -> ActionResult:
        name = self.param("addonName")
        addon_info = self._find_addon_info(name)
        version = self._check_version(addon_info, self.param("addonVersion", addon_info.default_version))
        check_configuration(name, self.param("configurationValues"))
        roles_by_service_account = self._requested_associations(addon_info)
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
                namespace=self.param("namespaceConfig", {}).get("namespace", addon_info.namespace),
                tags=dict(self.param("tags", {})),
                service_account_role_arn=self.param("serviceAccountRoleArn"),
                configuration_values=self.param("configurationValues"),
            )
            self._set_associations(cluster, addon, roles_by_service_account)
            cluster.addons[name] = addon
            description = addon.describe()

        self.store.jobs.run(f"eks-addon-{name}", lambda: self._install(cluster, addon, failure_status="CREATE_FAILED"))
        return ActionResult({"addon": description})

    def describe_addon(self) -> ActionResult:
        with self.store.lock:
            return ActionResult({"addon": self.addon(self.cluster()).describe()})

    def list_addons(self) -> ActionResult:
        with self.store.lock:
            page, token = self.page({name: name for name in self.cluster().addons})
        return ActionResult({"addons": page, "nextToken": token})

    @idempotent
    def update_addon(self) -> ActionResult:
        """Update the members that the request has.

        An empty list of associations deletes the add-on's associations. Without the member they do not change. The role
        is an exception: without `serviceAccountRoleArn` the add-on's role is removed, and it uses the node role.
        """
        name = self.param("addonName")
        changes: dict[str, Any] = {}
        with self.store.lock:
            addon_info = self._find_addon_info(self.addon(self.ready_cluster()).name)
        if version := self.param("addonVersion"):
            changes["version"] = self._check_version(addon_info, version)
        self._check_role(self.param("serviceAccountRoleArn"))
        changes["service_account_role_arn"] = self.param("serviceAccountRoleArn")
        if (values := self.param("configurationValues")) is not None:
            check_configuration(name, values)
            changes["configuration_values"] = values
        roles_by_service_account = self._requested_associations(addon_info)
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
                self._set_associations(cluster, addon, roles_by_service_account)
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
                lambda: self._install(cluster, addon, failure_status="UPDATE_FAILED"),
                addon=name,
            )
            return ActionResult({"update": update.describe()})

    def delete_addon(self) -> ActionResult:
        """Delete an add-on and the associations that it owns. `preserve` has no effect: the lab runs no add-on pods."""
        with self.store.lock:
            cluster = self.ready_cluster()
            addon = self.addon(cluster)
            addon.status = "DELETING"
            description = addon.describe()

        def delete() -> None:
            with self.store.lock:
                for association in self._owned_associations(cluster, addon):
                    del cluster.associations[association.association_id]
                del cluster.addons[addon.name]
            self.store.publish(cluster)

        self.store.jobs.run(f"eks-addon-{addon.name}", delete)
        return ActionResult({"addon": description})

    def addon(self, cluster: ClusterRecord) -> AddonRecord:
        name = self.param("addonName")
        addon = cluster.addons.get(name)
        if addon is None:
            raise errors.ResourceNotFoundException(
                f"No addon: {name} found in cluster: {cluster.key.name}", cluster=cluster.key.name, addon=name
            )
        return addon

    def _install(self, cluster: ClusterRecord, addon: AddonRecord, *, failure_status: str) -> None:
        """Publish the add-on's associations to the control plane and set the add-on's status."""
        try:
            self.store.publish(cluster)
        except Exception as error:
            with self.store.lock:
                addon.status = failure_status
                addon.issues = [{"code": "InternalFailure", "message": str(error), "resourceIds": []}]
            raise
        with self.store.lock:
            addon.status, addon.issues = "ACTIVE", []

    @staticmethod
    def _find_addon_info(name: str) -> eks_versions.Addon:
        addon_info = eks_versions.ADDONS.get(name)
        if addon_info is None:
            raise errors.InvalidParameterException(f"Addon {name} specified is not supported", addon=name)
        return addon_info

    @staticmethod
    def _check_version(addon_info: eks_versions.Addon, version: str) -> str:
        if version not in addon_info.versions:
            raise errors.InvalidParameterException(
                f"Addon version specified is not supported: {version}. Supported: {', '.join(addon_info.versions)}",
                addon=addon_info.name,
            )
        return version

    def _check_role(self, role_arn: str | None) -> None:
        if role_arn is None:
            return
        roles.check_account(role_arn, self.current_account)
        if roles.find(role_arn) is None:
            raise errors.InvalidParameterException(f"Role provided in the request does not exist: {role_arn}")

    def _requested_associations(self, addon_info: eks_versions.Addon) -> dict[str, str]:
        """Return the role ARN for each service account in the request, after validation."""
        associations = self.param("podIdentityAssociations", [])
        role_arns = {association["serviceAccount"]: association["roleArn"] for association in associations}
        for service_account, role_arn in role_arns.items():
            if service_account not in addon_info.service_accounts:
                supported = ", ".join(addon_info.service_accounts) or "none"
                raise errors.InvalidParameterException(
                    f"Service account {service_account} in pod identity configuration is not supported for addon "
                    f"{addon_info.name}. Supported: {supported}",
                    addon=addon_info.name,
                )
            self.check_pod_role(role_arn)
        return role_arns

    @staticmethod
    def _owned_associations(cluster: ClusterRecord, addon: AddonRecord) -> list[AssociationRecord]:
        return [association for association in cluster.associations.values() if association.owner_arn == addon.arn]

    def _set_associations(self, cluster: ClusterRecord, addon: AddonRecord, role_arns: dict[str, str]) -> None:
        """Create, update and delete the add-on's associations so that they equal `role_arns`.

        Raises:
            ResourceInUseException: an association of another owner exists. No association was changed.
        """
        owned = {association.service_account: association for association in self._owned_associations(cluster, addon)}
        new_service_accounts = role_arns.keys() - owned.keys()
        for service_account in new_service_accounts:
            if existing := cluster.association_of(addon.namespace, service_account):
                raise errors.ResourceInUseException(
                    f"Association already exists: {existing.association_id}",
                    cluster=cluster.key.name,
                    addon=addon.name,
                )
        for service_account, association in owned.items():
            if service_account not in role_arns:
                del cluster.associations[association.association_id]
            elif association.role_arn != role_arns[service_account]:
                association.role_arn, association.modified_at = role_arns[service_account], now()
        for service_account in new_service_accounts:
            self.add_association(
                cluster, addon.namespace, service_account, role_arns[service_account], owner_arn=addon.arn
            )
        addon.association_arns = [association.arn for association in self._owned_associations(cluster, addon)]
