"""Operations that describe the supported Kubernetes versions, add-on versions and add-on configuration."""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult

from lab.cloud.eks import eks_versions, errors
from lab.cloud.eks.addon_configuration import configuration_schema
from lab.cloud.eks.operations import Operations


class VersionOperations(Operations):
    """DescribeClusterVersions, DescribeAddonVersions and DescribeAddonConfiguration."""

    def describe_cluster_versions(self) -> ActionResult:
        versions = self.param("clusterVersions", [])
        filters = {"clusterType": "eks", "status": "standard-support", "versionStatus": "STANDARD_SUPPORT"}
        mismatches = [name for name, own in filters.items() if self.param(name, own) != own]
        is_match = not mismatches and (not versions or eks_versions.KUBERNETES_VERSION in versions)
        page, token = self.page({eks_versions.KUBERNETES_VERSION: _cluster_version()} if is_match else {})
        return ActionResult({"clusterVersions": page, "nextToken": token})

    def describe_addon_versions(self) -> ActionResult:
        """Return the add-ons that match all filters.

        Raises:
            ResourceNotFoundException: EKS has no add-on with the name in the request.
        """
        name, version = self.param("addonName"), self.param("kubernetesVersion")
        if name is not None and name not in eks_versions.ADDONS:
            raise errors.ResourceNotFoundException(f"Addon {name} does not exist", addon=name)
        filters = {"type": self.param("types"), "publisher": self.param("publishers"), "owner": self.param("owners")}
        addons = {
            addon.name: _addon_info(addon)
            for addon in eks_versions.ADDONS.values()
            if name in {None, addon.name} and version in {None, eks_versions.KUBERNETES_VERSION}
        }
        matching = {
            key: info
            for key, info in addons.items()
            if all(not allowed or info[member] in allowed for member, allowed in filters.items())
        }
        page, token = self.page(matching)
        return ActionResult({"addons": page, "nextToken": token})

    def describe_addon_configuration(self) -> ActionResult:
        name, version = self.param("addonName"), self.param("addonVersion")
        addon = eks_versions.ADDONS.get(name)
        if addon is None or version not in addon.versions:
            raise errors.ResourceNotFoundException(f"Addon {name} has no version {version}", addon=name)
        return ActionResult(
            {
                "addonName": name,
                "addonVersion": version,
                "configurationSchema": json.dumps(configuration_schema(name)),
                "podIdentityConfiguration": [
                    {"serviceAccount": service_account, "recommendedManagedPolicies": list(policies)}
                    for service_account, policies in addon.service_accounts.items()
                ],
            }
        )


def _cluster_version() -> dict[str, Any]:
    return {
        "clusterVersion": eks_versions.KUBERNETES_VERSION,
        "clusterType": "eks",
        "defaultPlatformVersion": eks_versions.PLATFORM_VERSION,
        "defaultVersion": True,
        "releaseDate": eks_versions.RELEASE_DATE,
        "endOfStandardSupportDate": eks_versions.END_OF_STANDARD_SUPPORT,
        "endOfExtendedSupportDate": eks_versions.END_OF_EXTENDED_SUPPORT,
        "status": "standard-support",
        "versionStatus": "STANDARD_SUPPORT",
        "kubernetesPatchVersion": eks_versions.KUBERNETES_PATCH_VERSION,
    }


def _addon_info(addon: eks_versions.Addon) -> dict[str, Any]:
    return {
        "addonName": addon.name,
        "type": addon.type,
        "addonVersions": [_addon_version(addon, version) for version in addon.versions],
        "publisher": "eks",
        "owner": "aws",
        "defaultNamespace": addon.namespace,
    }


def _addon_version(addon: eks_versions.Addon, version: str) -> dict[str, Any]:
    compatibility = {
        "clusterVersion": eks_versions.KUBERNETES_VERSION,
        "platformVersions": ["*"],
        "defaultVersion": version == addon.default_version,
    }
    return {
        "addonVersion": version,
        "architecture": ["amd64", "arm64"],
        "computeTypes": list(addon.compute_types),
        "compatibilities": [compatibility],
        "requiresConfiguration": False,
        "requiresIamPermissions": bool(addon.service_accounts),
    }
