"""The condition context of a request: AWS's global condition keys, and the service keys of EKS, IAM, STS and S3.

All accounts of the lab are members of one organization of AWS Organizations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from lab.cloud import iam_lookup
from lab.cloud.policy import Context
from lab.cloud.request_identity import Caller

Values = dict[str, str | Iterable[str]]

ORGANIZATION_ID = "o-ekslab0001"
ORGANIZATION_PATH = f"{ORGANIZATION_ID}/r-lab1/ou-lab1-workloads/"
"""The path of the organizational unit that has all accounts."""


class Parameters(Protocol):
    """The input members of a call by name, read exactly as the operation reads them."""

    def get(self, name: str, /) -> Any: ...


def organization_values(prefix: str) -> Values:
    """Return `aws:<prefix>OrgID` and `aws:<prefix>OrgPaths`. `prefix` is `Principal`, `Resource` or `Source`."""
    return {f"aws:{prefix}OrgID": ORGANIZATION_ID, f"aws:{prefix}OrgPaths": (ORGANIZATION_PATH,)}


def global_context(
    *, region: str | None = None, source_ip: str | None = None, user_agent: str | None = None
) -> Context:
    """Return the condition keys that every request has, whatever its principal."""
    now = datetime.now(UTC)
    values: Values = {
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:SecureTransport": "true",
    }
    optional = {"aws:RequestedRegion": region, "aws:SourceIp": source_ip, "aws:UserAgent": user_agent}
    return Context(values | {key: value for key, value in optional.items() if value is not None})


def caller_context(caller: Caller) -> Context:
    """Return the global keys and those of the principal. A session's `aws:PrincipalArn` is the ARN of its role."""
    session = caller.session
    values: Values = {
        "aws:PrincipalArn": caller.principal.arn,
        "aws:PrincipalAccount": caller.account,
        "aws:PrincipalType": "Account" if caller.is_root else "AssumedRole" if caller.is_role else "User",
        "aws:PrincipalIsAWSService": "false",
        "aws:userid": caller.user_id,
        **organization_values("Principal"),
    }
    if not (caller.is_role or caller.is_root):
        values["aws:username"] = caller.principal.arn.rpartition("/")[2]
    if session is not None:
        assert session.credentials.expiration is not None
        values["aws:MultiFactorAuthPresent"] = "false"
        values["aws:TokenIssueTime"] = session.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        if session.federated_provider:
            values["aws:FederatedProvider"] = session.federated_provider
        if session.source_identity:
            values["aws:SourceIdentity"] = session.source_identity
    tags = {**iam_lookup.list_tags(caller.principal.arn), **(session.tags if session else {})}
    return global_context().merged(values | {f"aws:PrincipalTag/{key}": value for key, value in tags.items()})


def request_tags(params: Parameters) -> Values:
    """Return `aws:RequestTag/…` and `aws:TagKeys` of a call. IAM has a list of Key and Value, EKS a map."""
    raw = params.get("Tags") or params.get("tags")
    if isinstance(raw, Mapping):
        tags = {str(key): str(value) for key, value in raw.items()}
    else:
        tags = {str(tag.get("Key")): str(tag.get("Value", "")) for tag in raw or () if isinstance(tag, Mapping)}
    removed = params.get("TagKeys") or params.get("tagKeys") or ()
    keys = [*tags, *map(str, removed)]
    values: Values = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return values | ({"aws:TagKeys": keys} if keys else {})


def service_context(service: str, action: str, params: Parameters) -> Values:
    """Return the service-specific condition keys of a call. `service` is the action prefix.

    Source: Service Authorization Reference.
    """
    if service == "eks":
        return _eks_context(action, params)
    if service == "iam":
        return _select(params, {"iam:PolicyARN": "PolicyArn", "iam:PermissionsBoundary": "PermissionsBoundary"})
    if service == "sts":
        names = {"sts:ExternalId": "ExternalId", "sts:RoleSessionName": "RoleSessionName"}
        return _select(params, {**names, "sts:SourceIdentity": "SourceIdentity"}) | _transitive_tag_keys(params)
    if service == "s3":
        return _select(params, {"s3:prefix": "prefix", "s3:delimiter": "delimiter", "s3:max-keys": "max-keys"})
    return {}


def _eks_context(action: str, params: Parameters) -> Values:
    names = {
        "eks:clusterName": "clusterName",
        "eks:principalArn": "principalArn",
        "eks:policyArn": "policyArn",
        "eks:username": "username",
        "eks:kubernetesGroups": "kubernetesGroups",
    }
    values = _select(params, names)
    if action == "CreateAccessEntry":
        values["eks:accessEntryType"] = str(params.get("type") or "STANDARD")
    if "eks:clusterName" not in values:
        values |= _select(params, {"eks:clusterName": "name"})
    scope = params.get("accessScope")
    if isinstance(scope, Mapping):
        values |= _select(scope, {"eks:accessScope": "type", "eks:namespaces": "namespaces"})
    access = params.get("accessConfig")
    if isinstance(access, Mapping):
        creator = "eks:bootstrapClusterCreatorAdminPermissions"
        values |= _select(
            access,
            {"eks:authenticationMode": "authenticationMode", creator: "bootstrapClusterCreatorAdminPermissions"},
        )
    return values


def _transitive_tag_keys(params: Parameters) -> Values:
    keys = params.get("TransitiveTagKeys")
    return {"sts:TransitiveTagKeys": tuple(keys)} if keys else {}


def _select(params: Parameters, names: Mapping[str, str]) -> Values:
    """Return the members that the call has, by condition key. `names` maps condition keys to member names."""
    members = {key: params.get(name) for key, name in names.items()}
    return {key: _context_value(value) for key, value in members.items() if value is not None}


def _context_value(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
