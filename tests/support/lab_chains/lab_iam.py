"""Writes the IAM objects of an access graph into an account of the lab, by AWS's own client."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from eks_access.graph.aws_objects import IamPrincipal, OidcProvider

_THUMBPRINT = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"
"""The issuers of former clusters cannot be reached, so that AWS cannot read their thumbprint."""


class LabIam:
    """The IAM of one account, of which the tests own all that did not exist at the start."""

    def __init__(self, iam: Any) -> None:
        self._iam = iam
        self._foreign = frozenset((*self._roles(), *self._policies(), *self._providers()))

    def write(
        self, roles: Mapping[str, IamPrincipal], policies: Mapping[str, Any], providers: Iterable[OidcProvider]
    ) -> None:
        """Create and change objects, and delete a role that is in the way of one with another path."""
        self._write_providers({provider.arn: provider for provider in providers})
        existing = self._policies()
        for arn, document in policies.items():
            self._write_policy(arn, document, existing.get(arn))
        current = self._roles()
        names = {arn.rpartition("/")[2] for arn in roles}
        for arn in [arn for arn in current if arn not in roles and arn.rpartition("/")[2] in names]:
            self._delete_role(current.pop(arn))
        for arn, role in roles.items():
            self._write_role(arn, role, current.get(arn))

    def delete_others(self, roles: Iterable[str] = (), policies: Iterable[str] = ()) -> None:
        """Delete all own roles and policies but these."""
        for arn, role in self._roles().items():
            if arn not in {*roles, *self._foreign}:
                self._delete_role(role)
        for arn in self._policies():
            if arn not in {*policies, *self._foreign}:
                for version in self._iam.list_policy_versions(PolicyArn=arn)["Versions"]:
                    if not version["IsDefaultVersion"]:
                        self._iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
                self._iam.delete_policy(PolicyArn=arn)

    def _roles(self) -> dict[str, Any]:
        return {role["Arn"]: role for role in self._details("Role", "RoleDetailList")}

    def _policies(self) -> dict[str, Any]:
        return {policy["Arn"]: policy for policy in self._details("LocalManagedPolicy", "Policies")}

    def _details(self, kind: str, key: str) -> Iterable[Any]:
        pages = self._iam.get_paginator("get_account_authorization_details").paginate(Filter=[kind])
        return [found for page in pages for found in page[key]]

    def _providers(self) -> list[str]:
        return [each["Arn"] for each in self._iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]

    def _write_providers(self, desired: Mapping[str, OidcProvider]) -> None:
        for arn in self._providers():
            if arn in self._foreign:
                continue
            provider = desired.get(arn)
            found = self._iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
            if provider is None or set(found["ClientIDList"]) != set(provider.audiences):
                self._iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        existing = self._providers()
        for arn, provider in desired.items():
            if arn not in existing:
                self._iam.create_open_id_connect_provider(
                    Url=f"https://{provider.url}",
                    ClientIDList=list(provider.audiences),
                    ThumbprintList=[_THUMBPRINT],
                )

    def _write_policy(self, arn: str, document: Any, existing: Any) -> None:
        text = json.dumps(document)
        if existing is None:
            self._iam.create_policy(PolicyName=arn.rpartition("/")[2], PolicyDocument=text)
            return
        versions = {version["VersionId"]: version for version in existing["PolicyVersionList"]}
        default = existing["DefaultVersionId"]
        if versions[default]["Document"] == document:
            return
        for version in versions.keys() - {default}:
            self._iam.delete_policy_version(PolicyArn=arn, VersionId=version)
        self._iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)

    def _write_role(self, arn: str, role: IamPrincipal, existing: Any) -> None:
        name, path = arn.rpartition("/")[2], f"/{arn.partition('role/')[2].rpartition('/')[0]}/".replace("//", "/")
        trust = json.dumps(role.trust_policy)
        if existing is None:
            self._iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)
            existing = {"AssumeRolePolicyDocument": role.trust_policy, "RolePolicyList": [],
                        "AttachedManagedPolicies": []}  # fmt: skip
        if existing["AssumeRolePolicyDocument"] != role.trust_policy:
            self._iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        inline = {each["PolicyName"]: each["PolicyDocument"] for each in existing["RolePolicyList"]}
        for policy in inline.keys() - role.inline_policies.keys():
            self._iam.delete_role_policy(RoleName=name, PolicyName=policy)
        for policy, document in role.inline_policies.items():
            if inline.get(policy) != document:
                self._iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
        attached = {each["PolicyArn"] for each in existing["AttachedManagedPolicies"]}
        for policy in attached - {*role.attached_policies}:
            self._iam.detach_role_policy(RoleName=name, PolicyArn=policy)
        for policy in {*role.attached_policies} - attached:
            self._iam.attach_role_policy(RoleName=name, PolicyArn=policy)
        boundary = existing.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        if role.boundary and role.boundary != boundary:
            self._iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=role.boundary)
        elif boundary and not role.boundary:
            self._iam.delete_role_permissions_boundary(RoleName=name)

    def _delete_role(self, role: Any) -> None:
        name = role["RoleName"]
        for policy in role["RolePolicyList"]:
            self._iam.delete_role_policy(RoleName=name, PolicyName=policy["PolicyName"])
        for policy in role["AttachedManagedPolicies"]:
            self._iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        self._iam.delete_role(RoleName=name)
