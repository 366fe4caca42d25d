"""EKS access entries, Pod Identity associations and add-ons."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from lab.cloud.cloudformation.calls import Calls, is_missing
from lab.cloud.cloudformation.errors import ResourceFailure
from lab.cloud.cloudformation.resource_types.rules import (
    NewResource,
    Properties,
    ResourceType,
    has_changed,
    tag_changes,
    tag_mapping,
)
from lab.cloud.gate import CallError

_POLL_SECONDS = 0.1
_UNSET: Mapping[str, Any] = {"TargetRoleArn": "", "DisableSessionTags": False, "Policy": ""}
"""Members by which an update of a Pod Identity association removes a setting."""


class AccessEntryType(ResourceType):
    """AWS::EKS::AccessEntry, with its access policies. `Ref` returns `<principal ARN>|<cluster>`."""

    name = "AWS::EKS::AccessEntry"
    created_with = frozenset({"ClusterName", "KubernetesGroups", "PrincipalArn", "Tags", "Type", "Username"})

    def create(self, calls: Calls, resource: NewResource) -> str:
        calls("eks", "CreateAccessEntry", **_members(resource.properties, self.created_with))
        return f"{resource.properties['PrincipalArn']}|{resource.properties['ClusterName']}"

    def apply(self, calls: Calls, physical_id: str, old: Properties, new: Properties) -> None:
        key = _entry_key(physical_id)
        changed = [name for name in ("KubernetesGroups", "Username") if has_changed(name, old, new)]
        if changed:
            members: dict[str, Any] = {"kubernetesGroups": new.get("KubernetesGroups") or []}
            calls("eks", "UpdateAccessEntry", **key, **members, username=new.get("Username"))
        before, after = _access_policies(old), _access_policies(new)
        for arn in before:
            if arn not in after:
                calls("eks", "DisassociateAccessPolicy", **key, policyArn=arn)
        for arn, scope in after.items():
            if before.get(arn) != scope:
                calls("eks", "AssociateAccessPolicy", **key, policyArn=arn, accessScope=scope)
        _apply_tags(calls, lambda: self.attributes(calls, physical_id, new)["AccessEntryArn"], old, new)

    def delete(self, calls: Calls, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        calls("eks", "DeleteAccessEntry", **_entry_key(physical_id))

    def attributes(self, calls: Calls, physical_id: str, properties: Properties) -> dict[str, str]:  # noqa: ARG002
        entry = calls("eks", "DescribeAccessEntry", **_entry_key(physical_id))["accessEntry"]
        return {"AccessEntryArn": entry["accessEntryArn"]}


class PodIdentityAssociationType(ResourceType):
    """AWS::EKS::PodIdentityAssociation. `Ref` returns the association's ARN."""

    name = "AWS::EKS::PodIdentityAssociation"
    created_with = frozenset(
        {
            "ClusterName",
            "DisableSessionTags",
            "Namespace",
            "Policy",
            "RoleArn",
            "ServiceAccount",
            "Tags",
            "TargetRoleArn",
        }
    )

    def create(self, calls: Calls, resource: NewResource) -> str:
        members = _members(resource.properties, self.created_with)
        arn: str = calls("eks", "CreatePodIdentityAssociation", **members)["association"]["associationArn"]
        return arn

    def apply(self, calls: Calls, physical_id: str, old: Properties, new: Properties) -> None:
        changed = {
            name for name in ("DisableSessionTags", "Policy", "RoleArn", "TargetRoleArn") if has_changed(name, old, new)
        }
        if changed:
            members = _members({name: new.get(name, _UNSET.get(name)) for name in changed}, changed)
            calls("eks", "UpdatePodIdentityAssociation", **_association_key(physical_id, new), **members)
        _apply_tags(calls, lambda: physical_id, old, new)

    def delete(self, calls: Calls, physical_id: str, properties: Properties) -> None:
        calls("eks", "DeletePodIdentityAssociation", **_association_key(physical_id, properties))

    def attributes(self, calls: Calls, physical_id: str, properties: Properties) -> dict[str, str]:
        key = _association_key(physical_id, properties)
        association = calls("eks", "DescribePodIdentityAssociation", **key)["association"]
        names = {"AssociationArn": "associationArn", "AssociationId": "associationId", "ExternalId": "externalId"}
        return {name: association[member] for name, member in names.items() if association.get(member)}


class AddonType(ResourceType):
    """AWS::EKS::Addon, which is complete when the add-on is ACTIVE. `Ref` returns `<cluster>|<add-on>`."""

    name = "AWS::EKS::Addon"
    created_with = frozenset(
        {
            "AddonName",
            "AddonVersion",
            "ClusterName",
            "ConfigurationValues",
            "NamespaceConfig",
            "PodIdentityAssociations",
            "ResolveConflicts",
            "ServiceAccountRoleArn",
            "Tags",
        }
    )
    _updatable = frozenset({"AddonVersion", "ConfigurationValues", "PodIdentityAssociations", "ServiceAccountRoleArn"})

    def create(self, calls: Calls, resource: NewResource) -> str:
        calls("eks", "CreateAddon", **_members(resource.properties, self.created_with))
        return f"{resource.properties['ClusterName']}|{resource.properties['AddonName']}"

    def apply(self, calls: Calls, physical_id: str, old: Properties, new: Properties) -> None:
        self._wait(calls, physical_id)
        changed = {name for name in self._updatable if has_changed(name, old, new)}
        if changed:
            desired = {"PodIdentityAssociations": [], **new}
            calls("eks", "UpdateAddon", **_addon_key(physical_id), **_members(desired, changed | {"ResolveConflicts"}))
            self._wait(calls, physical_id)
        _apply_tags(calls, lambda: self.attributes(calls, physical_id, new)["Arn"], old, new)

    def delete(self, calls: Calls, physical_id: str, properties: Properties) -> None:
        key = _addon_key(physical_id)
        calls("eks", "DeleteAddon", **key, preserve=properties.get("PreserveOnDelete"))
        try:
            while calls("eks", "DescribeAddon", **key)["addon"]["status"] == "DELETING":
                time.sleep(_POLL_SECONDS)
        except CallError as error:
            if is_missing(error):
                return
            raise
        raise ResourceFailure(f"The add-on {physical_id} was not deleted")

    def attributes(self, calls: Calls, physical_id: str, properties: Properties) -> dict[str, str]:  # noqa: ARG002
        return {"Arn": calls("eks", "DescribeAddon", **_addon_key(physical_id))["addon"]["addonArn"]}

    def _wait(self, calls: Calls, physical_id: str) -> None:
        while (addon := calls("eks", "DescribeAddon", **_addon_key(physical_id))["addon"])["status"] in {
            "CREATING",
            "UPDATING",
        }:
            time.sleep(_POLL_SECONDS)
        if addon["status"] != "ACTIVE":
            issues = "; ".join(issue.get("message", "") for issue in addon.get("health", {}).get("issues", []))
            raise ResourceFailure(f"Resource {physical_id} is not ACTIVE but {addon['status']}: {issues}")


def _members(properties: Properties, names: Iterable[str]) -> dict[str, Any]:
    """Return properties as input members of EKS: names in lower camel case, and tags as a mapping."""
    members: dict[str, Any] = {}
    for name in names:
        value = properties.get(name)
        if value is not None:
            members[_lower_camel_case(name)] = tag_mapping(value) if name == "Tags" else _convert_names(value)
    return members


def _convert_names(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_lower_camel_case(name): _convert_names(item) for name, item in value.items()}
    return [_convert_names(item) for item in value] if isinstance(value, list) else value


def _lower_camel_case(name: str) -> str:
    return name[0].lower() + name[1:]


def _entry_key(physical_id: str) -> dict[str, str]:
    principal, _, cluster = physical_id.rpartition("|")
    return {"clusterName": cluster, "principalArn": principal}


def _addon_key(physical_id: str) -> dict[str, str]:
    cluster, _, addon = physical_id.partition("|")
    return {"clusterName": cluster, "addonName": addon}


def _association_key(physical_id: str, properties: Properties) -> dict[str, str]:
    return {"clusterName": properties["ClusterName"], "associationId": physical_id.rpartition("/")[2]}


def _access_policies(properties: Properties) -> Mapping[str, Any]:
    """Return the access scope of each access policy, by the policy's ARN."""
    entries = properties.get("AccessPolicies") or ()
    return {entry["PolicyArn"]: _convert_names(entry["AccessScope"]) for entry in entries}


def _apply_tags(calls: Calls, find_arn: Any, old: Properties, new: Properties) -> None:
    tags, removed_keys = tag_changes(old, new)
    if tags:
        calls("eks", "TagResource", resourceArn=find_arn(), tags=tag_mapping(tags))
    if removed_keys:
        calls("eks", "UntagResource", resourceArn=find_arn(), tagKeys=removed_keys)
