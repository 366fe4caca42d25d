"""IAM of a living account: principals, groups, managed policies and OIDC providers.

One object is read by its own requests. All are read by one paged listing, GetAccountAuthorizationDetails, which has no
OIDC providers and lists AWS's managed policies only where one is attached.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from eks_access.graph.aws_objects import Document, IamGroup, IamPrincipal, OidcProvider, Unknown
from eks_access.graph.tables import NotRead, NotReadError, Part, Table
from eks_access.sources.live_accounts import Accounts, Api, each
from eks_identity.errors import InvalidInput
from eks_identity.model.arns import Principal, PrincipalKind, find_account

_KINDS = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"]
_DETAILS = "UserDetailList", "RoleDetailList", "GroupDetailList", "Policies"


class LiveIam:
    """The tables of IAM. Tables list the cluster's account; an object of another account is read by itself."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._details = Part(self._read_details)
        account, reason = accounts.cluster_account, f"only account {accounts.cluster_account} is listed"
        gaps = {kind: NotRead(f"IAM {kind}", reason) for kind in ("principal", "policy", "OIDC provider")}
        self.principals = Table(self._list_principals, self._get_principal, gaps=gaps["principal"], account=account)
        self.groups = Table(self._list_groups, self._get_group)
        self.policies = Table(self._list_policies, self._get_policy, gaps=gaps["policy"], account=account)
        self.oidc_providers = Table(
            self._list_oidc_providers, self._get_oidc_provider, gaps=gaps["OIDC provider"], account=account
        )

    def _read_details(self) -> Mapping[str, list[dict[str, Any]]]:
        details: dict[str, list[dict[str, Any]]] = {key: [] for key in _DETAILS}
        part = "IAM users, roles, groups and policies"
        for page in self._accounts.api("iam").pages(part, "get_account_authorization_details", Filter=_KINDS):
            for key in _DETAILS:
                details[key] += page.get(key, [])
        return details

    def _list_principals(self) -> dict[str, IamPrincipal]:
        details = self._details.get()
        users = [
            _principal(
                user,
                inline=_inline(user, "UserPolicyList"),
                attached=user.get("AttachedManagedPolicies", []),
                groups=user.get("GroupList", []),
            )
            for user in details["UserDetailList"]
        ]
        roles = [
            _principal(role, inline=_inline(role, "RolePolicyList"), attached=role.get("AttachedManagedPolicies", []))
            for role in details["RoleDetailList"]
        ]
        return {principal.arn: principal for principal in (*users, *roles)}

    def _list_groups(self) -> dict[str, IamGroup]:
        return {
            group["GroupName"]: IamGroup(
                group["Arn"], _inline(group, "GroupPolicyList"), _arns(group.get("AttachedManagedPolicies", []))
            )
            for group in self._details.get()["GroupDetailList"]
        }

    def _list_policies(self) -> dict[str, Document | Unknown]:
        """Return the listed policies, and AWS's policies that are permissions boundaries only."""
        policies = {
            policy["Arn"]: version["Document"]
            for policy in self._details.get()["Policies"]
            for version in policy["PolicyVersionList"]
            if version["IsDefaultVersion"]
        }
        boundaries = {each.boundary for each in self.principals.all().values() if isinstance(each.boundary, str)}
        for arn in sorted(boundaries - policies.keys()):
            with suppress(NotReadError):  # `get` of the policy says so
                policies |= {arn: document} if (document := self._get_policy(arn)) is not None else {}
        return policies

    def _list_oidc_providers(self) -> dict[str, OidcProvider]:
        response = self._accounts.api("iam").call("IAM OIDC providers", "list_open_id_connect_providers")
        arns = [provider["Arn"] for provider in (response or {}).get("OpenIDConnectProviderList", [])]
        return {provider.arn: provider for provider in each(self._get_oidc_provider, arns) if provider is not None}

    def _get_principal(self, arn: str) -> IamPrincipal | None:
        try:
            principal = Principal.parse(arn)
        except InvalidInput:
            return None
        if principal.kind is PrincipalKind.ROOT:
            return IamPrincipal(arn)
        is_role = principal.kind is PrincipalKind.ROLE
        kind = "role" if is_role else "user"
        part = f"IAM {kind} {arn}"
        api = self._accounts.api("iam", principal.account)
        name = {"RoleName" if is_role else "UserName": principal.name}
        response = api.call(part, f"get_{kind}", **name)
        details = (response or {}).get(kind.capitalize())
        if details is None or details["Arn"] != arn:
            return None
        return _principal(
            details,
            inline=_get_inline(api, part, kind, name),
            attached=_get_attached(api, part, kind, name),
            groups=() if is_role else _get_groups(api, part, name),
        )

    def _get_group(self, name: str) -> IamGroup | None:
        part, api, key = f"IAM group {name}", self._accounts.api("iam"), {"GroupName": name}
        response = api.call(part, "get_group", **key)
        if response is None:
            return None
        return IamGroup(
            response["Group"]["Arn"],
            _get_inline(api, part, "group", key),
            _arns(_get_attached(api, part, "group", key)),
        )

    def _get_policy(self, arn: str) -> Document | Unknown | None:
        part, api = f"IAM policy {arn}", self._accounts.api("iam", find_account(arn))
        response = api.call(part, "get_policy", PolicyArn=arn)
        if response is None:
            return None
        version = response["Policy"]["DefaultVersionId"]
        document = api.call(part, "get_policy_version", PolicyArn=arn, VersionId=version)
        return None if document is None else document["PolicyVersion"]["Document"]

    def _get_oidc_provider(self, arn: str) -> OidcProvider | None:
        api = self._accounts.api("iam", find_account(arn))
        response = api.call(f"IAM OIDC provider {arn}", "get_open_id_connect_provider", OpenIDConnectProviderArn=arn)
        if response is None:
            return None
        return OidcProvider(arn, response["Url"], tuple(response.get("ClientIDList", ())), _tags(response))


def _principal(
    details: Mapping[str, Any],
    *,
    inline: Mapping[str, Document],
    attached: list[Mapping[str, str]],
    groups: tuple[str, ...] | list[str] = (),
) -> IamPrincipal:
    """Return a principal. GetUser, GetRole and the listing have the same members."""
    return IamPrincipal(
        arn=details["Arn"],
        unique_id=details.get("RoleId") or details.get("UserId", ""),
        created_at=details.get("CreateDate"),
        trust_policy=details.get("AssumeRolePolicyDocument"),
        inline_policies=inline,
        attached_policies=_arns(attached),
        boundary=(details.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        groups=tuple(groups),
        tags=_tags(details),
        description=details.get("Description", "") if "MaxSessionDuration" in details else None,
        max_session_duration=details.get("MaxSessionDuration"),
        last_used_at=(details.get("RoleLastUsed") or {}).get("LastUsedDate"),
    )


def _tags(details: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in details.get("Tags", ())}


def _inline(details: Mapping[str, Any], key: str) -> dict[str, Document]:
    return {policy["PolicyName"]: policy["PolicyDocument"] for policy in details.get(key, ())}


def _arns(attached: list[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(sorted(policy["PolicyArn"] for policy in attached))


def _get_inline(api: Api, part: str, kind: str, name: Mapping[str, str]) -> dict[str, Document]:
    documents: dict[str, Document] = {}
    for page in api.pages(part, f"list_{kind}_policies", **name):
        for policy in page["PolicyNames"]:
            response = api.call(part, f"get_{kind}_policy", **name, PolicyName=policy)
            if response is not None:
                documents[policy] = response["PolicyDocument"]
    return documents


def _get_attached(api: Api, part: str, kind: str, name: Mapping[str, str]) -> list[Mapping[str, str]]:
    pages = api.pages(part, f"list_attached_{kind}_policies", **name)
    return [policy for page in pages for policy in page["AttachedPolicies"]]


def _get_groups(api: Api, part: str, name: Mapping[str, str]) -> tuple[str, ...]:
    pages = api.pages(part, "list_groups_for_user", **name)
    return tuple(group["GroupName"] for page in pages for group in page["Groups"])
