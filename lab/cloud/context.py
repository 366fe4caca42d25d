"""The condition context of a request: AWS's global condition keys. `services` has the keys of each service.

All accounts of the lab are members of one organization of AWS Organizations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from lab.cloud import iam_lookup
from lab.cloud.policy import Context
from lab.cloud.request_identity import Caller

Values = dict[str, str | Iterable[str]]

ORGANIZATION_ID = "o-ekslab0001"
ORGANIZATION_PATH = f"{ORGANIZATION_ID}/r-lab1/ou-lab1-workloads/"
"""The path of the organizational unit that has all accounts."""


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


def request_context(
    *, region: str, source_ip: str, user_agent: str, via: Sequence[str] = (), secure_transport: bool = True
) -> Values:
    """Return the keys of the network and of the AWS services through which a request came (`via`, the first first)."""
    values: Values = {
        "aws:RequestedRegion": region,
        "aws:SourceIp": source_ip,
        "aws:UserAgent": user_agent,
        "aws:SecureTransport": str(secure_transport).lower(),
        "aws:ViaAWSService": str(bool(via)).lower(),
    }
    if via:
        values |= {"aws:CalledVia": tuple(via), "aws:CalledViaFirst": via[0], "aws:CalledViaLast": via[-1]}
    return values
