"""The condition context of a request: AWS's global keys, and those of the services that the lab stands in for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from lab.cloud import iam_lookup, organization
from lab.cloud.policy import Context
from lab.cloud.request_identity import Caller

Values = dict[str, str | Iterable[str]]


class Parameters(Protocol):
    """The input of a call by member name, read just as the operation itself will read it."""

    def get(self, name: str, /) -> Any: ...


def global_context(
    *, region: str | None = None, source_ip: str | None = None, user_agent: str | None = None
) -> Context:
    """The keys that every request has, whoever sends it."""
    now = datetime.now(UTC)
    values: Values = {
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:SecureTransport": "true",
    }
    optional = {"aws:RequestedRegion": region, "aws:SourceIp": source_ip, "aws:UserAgent": user_agent}
    return Context(values | {key: value for key, value in optional.items() if value is not None})


def caller_context(caller: Caller) -> Context:
    """The keys that say who asks. `aws:PrincipalArn` of a session is its role's, path included."""
    session = caller.session
    values: Values = {
        "aws:PrincipalArn": caller.principal.arn,
        "aws:PrincipalAccount": caller.account,
        "aws:PrincipalType": "Account" if caller.is_root else "AssumedRole" if caller.is_role else "User",
        "aws:PrincipalIsAWSService": "false",
        "aws:userid": caller.user_id,
        **organization.keys("Principal"),
    }
    if not (caller.is_role or caller.is_root):
        values["aws:username"] = caller.principal.arn.rpartition("/")[2]
    if session is not None:
        assert session.credentials.expiration is not None
        values["aws:MultiFactorAuthPresent"] = "false"
        if session.federated_provider:
            values["aws:FederatedProvider"] = session.federated_provider
        if session.source_identity:
            values["aws:SourceIdentity"] = session.source_identity
    tags = {**iam_lookup.tags(caller.principal.arn), **(session.tags if session else {})}
    return global_context().merged(values | {f"aws:PrincipalTag/{key}": value for key, value in tags.items()})


def request_tags(params: Parameters) -> Values:
    """`aws:RequestTag/…` and `aws:TagKeys` of a call: a list of Key and Value (IAM), or a map (EKS)."""
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
    """The service's own keys for a call, after the service authorization reference. `service` is the action prefix."""
    if service == "eks":
        return _eks(action, params)
    if service == "iam":
        return _chosen(params, {"iam:PolicyARN": "PolicyArn", "iam:PermissionsBoundary": "PermissionsBoundary"})
    if service == "sts":
        named = {"sts:ExternalId": "ExternalId", "sts:RoleSessionName": "RoleSessionName"}
        return _chosen(params, {**named, "sts:SourceIdentity": "SourceIdentity"}) | _transitive(params)
    if service == "s3":
        return _chosen(params, {"s3:prefix": "prefix", "s3:delimiter": "delimiter", "s3:max-keys": "max-keys"})
    return {}


def _eks(action: str, params: Parameters) -> Values:
    names = {
        "eks:clusterName": "clusterName",
        "eks:principalArn": "principalArn",
        "eks:policyArn": "policyArn",
        "eks:username": "username",
        "eks:kubernetesGroups": "kubernetesGroups",
    }
    values = _chosen(params, names)
    if action == "CreateAccessEntry":
        values["eks:accessEntryType"] = str(params.get("type") or "STANDARD")
    if "eks:clusterName" not in values:
        values |= _chosen(params, {"eks:clusterName": "name"})
    scope = params.get("accessScope")
    if isinstance(scope, Mapping):
        values |= _chosen(scope, {"eks:accessScope": "type", "eks:namespaces": "namespaces"})
    access = params.get("accessConfig")
    if isinstance(access, Mapping):
        creator = "eks:bootstrapClusterCreatorAdminPermissions"
        values |= _chosen(
            access,
            {"eks:authenticationMode": "authenticationMode", creator: "bootstrapClusterCreatorAdminPermissions"},
        )
    return values


def _transitive(params: Parameters) -> Values:
    keys = params.get("TransitiveTagKeys")
    return {"sts:TransitiveTagKeys": tuple(keys)} if keys else {}


def _chosen(params: Parameters, names: Mapping[str, str]) -> Values:
    found = {key: params.get(name) for key, name in names.items()}
    return {key: _plain(value) for key, value in found.items() if value is not None}


def _plain(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
