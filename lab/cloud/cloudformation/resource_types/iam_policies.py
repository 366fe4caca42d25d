"""IAM policies: inline policies of roles, users and groups, and managed policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.cloud.cloudformation.calls import Calls, already_exists, is_missing
from lab.cloud.cloudformation.resource_types.rules import (
    NewResource,
    Properties,
    ResourceType,
    has_changed,
    policy_text,
)
from lab.cloud.gate import CallError

_KINDS = ("Role", "User", "Group")
_MAX_VERSIONS = 5
"""Versions of a managed policy."""


class InlinePolicyType(ResourceType):
    """AWS::IAM::Policy: one inline policy of several roles, users and groups."""

    name = "AWS::IAM::Policy"
    needs_capability = True

    def create(self, calls: Calls, resource: NewResource) -> str:  # noqa: ARG002 - `apply` makes the calls
        return resource.generate_name(32)

    def apply(self, calls: Calls, physical_id: str, old: Properties, new: Properties) -> None:  # noqa: ARG002
        before, after = self._policies(old), self._policies(new)
        for (kind, entity, policy), document in after.items():
            if before.get((kind, entity, policy)) != document:
                members = {f"{kind}Name": entity, "PolicyName": policy, "PolicyDocument": policy_text(document)}
                calls("iam", f"Put{kind}Policy", **members)
        for kind, entity, policy in before:
            if (kind, entity, policy) not in after:
                calls("iam", f"Delete{kind}Policy", **{f"{kind}Name": entity, "PolicyName": policy})

    def delete(self, calls: Calls, physical_id: str, properties: Properties) -> None:
        self.apply(calls, physical_id, properties, {})

    def attributes(self, calls: Calls, physical_id: str, properties: Properties) -> dict[str, str]:  # noqa: ARG002
        return {"Id": physical_id}

    def _policies(self, properties: Properties) -> Mapping[tuple[str, str, str], Any]:
        """Return the documents by kind and name of the entity, and name of the policy."""
        return {
            (kind, entity, properties["PolicyName"]): properties["PolicyDocument"]
            for kind in _KINDS
            for entity in properties.get(f"{kind}s") or ()
        }


class EntityPolicyType(ResourceType):
    """An inline policy of one role, user or group, such as AWS::IAM::RolePolicy. `Ref` returns `<policy>|<entity>`."""

    kind: str
    needs_capability = True

    def create(self, calls: Calls, resource: NewResource) -> str:
        """Return the physical ID. `apply` makes the call, which would overwrite an existing policy."""
        physical_id = f"{resource.properties['PolicyName']}|{resource.properties[f'{self.kind}Name']}"
        try:
            calls("iam", f"Get{self.kind}Policy", **self._names(physical_id))
        except CallError as error:
            if is_missing(error):
                return physical_id
            raise
        raise already_exists(self.name, physical_id)

    def apply(self, calls: Calls, physical_id: str, old: Properties, new: Properties) -> None:
        # IAM requires a document, and the schema does not. IAM then rejects the empty one.
        if has_changed("PolicyDocument", old, new) or not old:
            document = policy_text(new.get("PolicyDocument", ""))
            calls("iam", f"Put{self.kind}Policy", **self._names(physical_id), PolicyDocument=document)

    def delete(self, calls: Calls, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        calls("iam", f"Delete{self.kind}Policy", **self._names(physical_id))

    def _names(self, physical_id: str) -> dict[str, str]:
        policy, _, entity = physical_id.partition("|")
        return {f"{self.kind}Name": entity, "PolicyName": policy}


class RolePolicyType(EntityPolicyType):
    """AWS::IAM::RolePolicy."""

    name = "AWS::IAM::RolePolicy"
    kind = "Role"


class UserPolicyType(EntityPolicyType):
    """AWS::IAM::UserPolicy."""

    name = "AWS::IAM::UserPolicy"
    kind = "User"


class GroupPolicyType(EntityPolicyType):
    """AWS::IAM::GroupPolicy."""

    name = "AWS::IAM::GroupPolicy"
    kind = "Group"


class ManagedPolicyType(ResourceType):
    """AWS::IAM::ManagedPolicy. `Ref` returns the policy's ARN."""

    name = "AWS::IAM::ManagedPolicy"
    created_with = frozenset({"Description", "ManagedPolicyName", "Path", "PolicyDocument"})
    needs_capability = True
    name_property = "ManagedPolicyName"

    def create(self, calls: Calls, resource: NewResource) -> str:
        properties = resource.properties
        arn: str = calls(
            "iam",
            "CreatePolicy",
            PolicyName=properties.get("ManagedPolicyName") or resource.generate_name(128),
            PolicyDocument=policy_text(properties["PolicyDocument"]),
            Path=properties.get("Path"),
            Description=properties.get("Description"),
        )["Policy"]["Arn"]
        return arn

    def apply(self, calls: Calls, physical_id: str, old: Properties, new: Properties) -> None:
        if has_changed("PolicyDocument", old, new):
            _delete_versions(calls, physical_id, keep=_MAX_VERSIONS - 1)
            document = policy_text(new["PolicyDocument"])
            calls("iam", "CreatePolicyVersion", PolicyArn=physical_id, PolicyDocument=document, SetAsDefault=True)
        _apply_attachments(calls, physical_id, old, new)

    def delete(self, calls: Calls, physical_id: str, properties: Properties) -> None:
        _apply_attachments(calls, physical_id, properties, {})
        _delete_versions(calls, physical_id, keep=1)
        calls("iam", "DeletePolicy", PolicyArn=physical_id)

    def attributes(self, calls: Calls, physical_id: str, properties: Properties) -> dict[str, str]:  # noqa: ARG002
        policy = calls("iam", "GetPolicy", PolicyArn=physical_id)["Policy"]
        attributes = {
            "AttachmentCount": str(policy["AttachmentCount"]),
            "CreateDate": policy["CreateDate"].isoformat(),
            "DefaultVersionId": policy["DefaultVersionId"],
            "IsAttachable": str(policy["IsAttachable"]).lower(),
            "PermissionsBoundaryUsageCount": str(policy.get("PermissionsBoundaryUsageCount", 0)),
            "PolicyId": policy["PolicyId"],
            "UpdateDate": policy["UpdateDate"].isoformat(),
        }
        return {"PolicyArn": physical_id, **attributes}


def _apply_attachments(calls: Calls, arn: str, old: Properties, new: Properties) -> None:
    for kind in _KINDS:
        before, after = (list(properties.get(f"{kind}s") or ()) for properties in (old, new))
        for operation, entities, others in (("Detach", before, after), ("Attach", after, before)):
            for entity in entities:
                if entity not in others:
                    calls("iam", f"{operation}{kind}Policy", **{f"{kind}Name": entity, "PolicyArn": arn})


def _delete_versions(calls: Calls, arn: str, *, keep: int) -> None:
    """Delete the oldest versions of a managed policy, except for the default one, until `keep` remain."""
    versions = calls("iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]
    oldest = sorted(versions, key=lambda version: int(version["VersionId"].removeprefix("v")))
    deletable = [version["VersionId"] for version in oldest if not version["IsDefaultVersion"]]
    for version in deletable[: max(0, len(versions) - keep)]:
        calls("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=version)
