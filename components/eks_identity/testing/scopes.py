"""ARNs of the resources that policy templates are scoped to. The format depends on the service."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from eks_identity.model.partitions import Partition

_FORMATS: Mapping[str, tuple[str, str]] = {
    "aws:amp/workspace:Workspace": ("aps", "workspace/ws-{id}"),
    "aws:efs/fileSystem:FileSystem": ("elasticfilesystem", "file-system/fs-{id:.17}"),
    "aws:kms/key:Key": ("kms", "key/{id:.8}-{id:.4}-{id:.4}-{id:.4}-{id:.12}"),
    "aws:lb/targetGroup:TargetGroup": ("elasticloadbalancing", "targetgroup/{name}/{id:.16}"),
    "aws:route53/zone:Zone": ("route53", "hostedzone/Z{id:.20}"),
    "aws:secretsmanager/secret:Secret": ("secretsmanager", "secret:{name}-{id:.6}"),
    "aws:sqs/queue:Queue": ("sqs", "{name}"),
    "aws:ssm/parameter:Parameter": ("ssm", "parameter/{name}"),
}
"""Service and resource part of the ARN of each type."""
_GLOBAL = {"route53"}
"""Services whose ARNs have neither region nor account."""


def arn(
    token: str, name: str, state: Mapping[str, Any], *, partition: Partition, region: str, account: str
) -> str | None:
    """Return the ARN of a new resource of this type, None for other types."""
    if token not in _FORMATS:
        return None
    service, format_ = _FORMATS[token]
    physical_name = str(state.get("name") or f"{name}-1a2b3c4").lstrip("/")
    id_ = hashlib.md5(f"{token}{name}".encode(), usedforsecurity=False).hexdigest()
    resource = format_.format(name=physical_name, id=id_.upper() if service == "route53" else id_)
    return partition.arn(service, resource, **({} if service in _GLOBAL else {"region": region, "account": account}))
