"""Functions that query IAM."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from lab.plugins.aws.functions.function import Arguments, Function, existing, selected
from lab.plugins.aws.functions.policy_document import policy_document
from lab.plugins.aws.resource_specs import iam as specs
from lab.plugins.aws.resource_specs import iam_policies, iam_users
from lab.plugins.errors import PluginError

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients


def _role(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    role = existing(clients, specs.ROLE, arguments["name"])
    return {
        "description": "",
        "permissionsBoundary": "",
        **selected(
            role,
            "id",
            "arn",
            "name",
            "path",
            "assumeRolePolicy",
            "createDate",
            "description",
            "maxSessionDuration",
            "permissionsBoundary",
            "tags",
            "uniqueId",
        ),
        "roleLastUseds": [],
    }


def _roles(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    """Return names and ARNs of the account's roles. No match is no error."""
    request = {"PathPrefix": arguments["pathPrefix"]} if "pathPrefix" in arguments else {}
    pattern = re.compile(arguments.get("nameRegex", ""))
    roles = [
        role
        for page in clients.client("iam").get_paginator("list_roles").paginate(**request)
        for role in page["Roles"]
        if pattern.search(role["RoleName"])
    ]
    return {
        "id": clients.region,
        "arns": sorted(role["Arn"] for role in roles),
        "names": sorted(role["RoleName"] for role in roles),
    }


def _user(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    user = existing(clients, iam_users.USER, arguments["userName"])
    return {
        "permissionsBoundary": "",
        **selected(
            user, "arn", "path", "permissionsBoundary", "tags", id="uniqueId", userId="uniqueId", userName="name"
        ),
    }


def _policy(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    arn = arguments.get("arn") or _policy_arn(clients, arguments)
    policy = existing(clients, iam_policies.MANAGED_POLICY, arn)
    return {
        "description": "",
        **selected(policy, "id", "arn", "attachmentCount", "description", "name", "path", "policy", "policyId", "tags"),
    }


def _policy_arn(clients: Clients, arguments: Arguments) -> str:
    name, prefix = arguments.get("name"), arguments.get("pathPrefix")
    if not name:
        raise PluginError("getPolicy: arn or name must be set", fix="set arn or name")
    request = {"PathPrefix": prefix} if prefix else {}
    matches = [
        str(policy["Arn"])
        for page in clients.client("iam").get_paginator("list_policies").paginate(**request)
        for policy in page["Policies"]
        if policy["PolicyName"] == name
    ]
    if len(matches) != 1:
        raise PluginError(f"getPolicy: {len(matches)} policies have the name {name!r}, one is required", fix="set arn")
    return matches[0]


def _oidc_provider(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    arn = arguments.get("arn") or _oidc_provider_arn(clients, arguments)
    provider = existing(clients, specs.OIDC_PROVIDER, arn)
    return {"thumbprintLists": [], **selected(provider, "id", "arn", "url", "clientIdLists", "thumbprintLists", "tags")}


def _oidc_provider_arn(clients: Clients, arguments: Arguments) -> str:
    url = arguments.get("url")
    if not url:
        raise PluginError("getOpenIdConnectProvider: arn or url must be set", fix="set arn or url")
    issuer = str(url).removeprefix("https://")
    providers = clients.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    for provider in providers:
        if str(provider["Arn"]).partition(":oidc-provider/")[2] == issuer:
            return str(provider["Arn"])
    raise PluginError(f"getOpenIdConnectProvider: there is no IAM OIDC provider for {url}")


def _session_context(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    """Return the role of an STS session. The issuer of any other ARN is the ARN itself."""
    arn = str(arguments["arn"])
    kind, _, path = arn.rpartition(":")[2].partition("/")
    if kind != "assumed-role":
        return {"id": arn, "issuerArn": arn, "issuerId": "", "issuerName": "", "sessionName": ""}
    name, _, session = path.partition("/")
    role = existing(clients, specs.ROLE, name)
    return {
        "id": arn,
        "issuerArn": role["arn"],
        "issuerId": role["uniqueId"],
        "issuerName": name,
        "sessionName": session,
    }


FUNCTIONS: Final = (
    Function("aws:iam/getRole:getRole", _role, frozenset({"name"})),
    Function("aws:iam/getRoles:getRoles", _roles, frozenset({"nameRegex", "pathPrefix"})),
    Function("aws:iam/getUser:getUser", _user, frozenset({"userName"})),
    Function("aws:iam/getPolicy:getPolicy", _policy, frozenset({"arn", "name", "pathPrefix"})),
    Function(
        "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider",
        _oidc_provider,
        frozenset({"arn", "url"}),
    ),
    Function("aws:iam/getSessionContext:getSessionContext", _session_context, frozenset({"arn"})),
    Function(
        "aws:iam/getPolicyDocument:getPolicyDocument",
        lambda _clients, arguments: policy_document(arguments),
        frozenset({"statements", "version", "policyId", "sourcePolicyDocuments", "overridePolicyDocuments"}),
    ),
)
