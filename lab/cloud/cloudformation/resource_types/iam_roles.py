"""IAM roles, service-linked roles and instance profiles."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from lab.cloud.cloudformation.calls import Calls
from lab.cloud.cloudformation.errors import ResourceFailure
from lab.cloud.cloudformation.resource_types.rules import (
    NewResource,
    Properties,
    ResourceType,
    has_changed,
    policy_text,
    tag_changes,
)

_DEFAULT_SESSION_DURATION = 3600
_DELETION_POLL_SECONDS = 0.1


class RoleType(ResourceType):
    """AWS::IAM::Role. `Ref` returns the role's name."""

    name = "AWS::IAM::Role"
    created_with = frozenset(
        {
            "AssumeRolePolicyDocument",
            "Description",
            "MaxSessionDuration",
            "Path",
            "PermissionsBoundary",
            "RoleName",
            "Tags",
        }
    )
    needs_capability = True
    name_property = "RoleName"

    def create(self, calls: Calls, resource: NewResource) -> str:
        properties = resource.properties
        role = properties.get("RoleName") or resource.generate_name(64)
        calls(
            "iam",
            "CreateRole",
            RoleName=role,
            AssumeRolePolicyDocument=policy_text(properties["AssumeRolePolicyDocument"]),
            Path=properties.get("Path"),
            Description=properties.get("Description"),
            MaxSessionDuration=properties.get("MaxSessionDuration"),
            PermissionsBoundary=properties.get("PermissionsBoundary"),
            Tags=properties.get("Tags") or None,
        )
        return str(role)

    def apply(self, calls: Calls, physical_id: str, old: Properties, new: Properties) -> None:
        if has_changed("AssumeRolePolicyDocument", old, new):
            document = policy_text(new["AssumeRolePolicyDocument"])
            calls("iam", "UpdateAssumeRolePolicy", RoleName=physical_id, PolicyDocument=document)
        if has_changed("Description", old, new) or has_changed("MaxSessionDuration", old, new):
            calls(
                "iam",
                "UpdateRole",
                RoleName=physical_id,
                Description=new.get("Description", ""),
                MaxSessionDuration=new.get("MaxSessionDuration", _DEFAULT_SESSION_DURATION),
            )
        if has_changed("PermissionsBoundary", old, new):
            boundary = new.get("PermissionsBoundary")
            operation = "PutRolePermissionsBoundary" if boundary else "DeleteRolePermissionsBoundary"
            calls("iam", operation, RoleName=physical_id, PermissionsBoundary=boundary)
        _apply_policies(calls, physical_id, old, new)
        tags, removed_keys = tag_changes(old, new)
        if tags:
            calls("iam", "TagRole", RoleName=physical_id, Tags=tags)
        if removed_keys:
            calls("iam", "UntagRole", RoleName=physical_id, TagKeys=removed_keys)

    def delete(self, calls: Calls, physical_id: str, properties: Properties) -> None:
        _apply_policies(calls, physical_id, properties, {})
        calls("iam", "DeleteRole", RoleName=physical_id)

    def attributes(self, calls: Calls, physical_id: str, properties: Properties) -> dict[str, str]:  # noqa: ARG002
        role = calls("iam", "GetRole", RoleName=physical_id)["Role"]
        return {"Arn": role["Arn"], "RoleId": role["RoleId"]}


def _apply_policies(calls: Calls, role: str, old: Properties, new: Properties) -> None:
    """Change the inline policies of a role, and attach and detach managed policies."""
    before, after = _inline_policies(old), _inline_policies(new)
    for name, document in after.items():
        if before.get(name) != document:
            calls("iam", "PutRolePolicy", RoleName=role, PolicyName=name, PolicyDocument=policy_text(document))
    for name in before:
        if name not in after:
            calls("iam", "DeleteRolePolicy", RoleName=role, PolicyName=name)
    attached, desired = (list(properties.get("ManagedPolicyArns") or ()) for properties in (old, new))
    for arn in attached:
        if arn not in desired:
            calls("iam", "DetachRolePolicy", RoleName=role, PolicyArn=arn)
    for arn in desired:
        if arn not in attached:
            calls("iam", "AttachRolePolicy", RoleName=role, PolicyArn=arn)


def _inline_policies(properties: Properties) -> Mapping[str, Any]:
    return {policy["PolicyName"]: policy["PolicyDocument"] for policy in properties.get("Policies") or ()}


class ServiceLinkedRoleType(ResourceType):
    """AWS::IAM::ServiceLinkedRole. `Ref` returns the role's name."""

    name = "AWS::IAM::ServiceLinkedRole"
    created_with = frozenset({"AWSServiceName", "CustomSuffix", "Description"})

    def create(self, calls: Calls, resource: NewResource) -> str:
        members = {name: resource.properties.get(name) for name in self.created_with}
        role: str = calls("iam", "CreateServiceLinkedRole", **members)["Role"]["RoleName"]
        return role

    def apply(self, calls: Calls, physical_id: str, old: Properties, new: Properties) -> None:
        if has_changed("Description", old, new):
            calls("iam", "UpdateRole", RoleName=physical_id, Description=new.get("Description", ""))

    def delete(self, calls: Calls, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        task = calls("iam", "DeleteServiceLinkedRole", RoleName=physical_id).get("DeletionTaskId")
        status = "NOT_STARTED" if task else "SUCCEEDED"
        while status in {"NOT_STARTED", "IN_PROGRESS"}:
            time.sleep(_DELETION_POLL_SECONDS)
            status = calls("iam", "GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)["Status"]
        if status != "SUCCEEDED":
            raise ResourceFailure(f"The deletion of the service-linked role {physical_id} ended with {status}")

    def attributes(self, calls: Calls, physical_id: str, properties: Properties) -> dict[str, str]:  # noqa: ARG002
        return {"RoleName": physical_id}


class InstanceProfileType(ResourceType):
    """AWS::IAM::InstanceProfile. `Ref` returns the profile's name."""

    name = "AWS::IAM::InstanceProfile"
    created_with = frozenset({"InstanceProfileName", "Path"})
    needs_capability = True
    name_property = "InstanceProfileName"

    def create(self, calls: Calls, resource: NewResource) -> str:
        properties = resource.properties
        profile = properties.get("InstanceProfileName") or resource.generate_name(128)
        calls("iam", "CreateInstanceProfile", InstanceProfileName=profile, Path=properties.get("Path"))
        return str(profile)

    def apply(self, calls: Calls, physical_id: str, old: Properties, new: Properties) -> None:
        before, after = (list(properties.get("Roles") or ()) for properties in (old, new))
        for role in before:
            if role not in after:
                calls("iam", "RemoveRoleFromInstanceProfile", InstanceProfileName=physical_id, RoleName=role)
        for role in after:
            if role not in before:
                calls("iam", "AddRoleToInstanceProfile", InstanceProfileName=physical_id, RoleName=role)

    def delete(self, calls: Calls, physical_id: str, properties: Properties) -> None:
        self.apply(calls, physical_id, properties, {})
        calls("iam", "DeleteInstanceProfile", InstanceProfileName=physical_id)

    def attributes(self, calls: Calls, physical_id: str, properties: Properties) -> dict[str, str]:  # noqa: ARG002
        profile = calls("iam", "GetInstanceProfile", InstanceProfileName=physical_id)["InstanceProfile"]
        return {"Arn": profile["Arn"]}
