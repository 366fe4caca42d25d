"""ARNs of what the catalogue's policies are scoped to: each service writes them in a form of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from eks_identity.model.partitions import Partition

_FORMS: Mapping[str, tuple[str, str]] = {
    "aws:amp/workspace:Workspace": ("aps", "workspace/ws-{id}"),
    "aws:efs/fileSystem:FileSystem": ("elasticfilesystem", "file-system/fs-{id:.17}"),
    "aws:kms/key:Key": ("kms", "key/{id:.8}-{id:.4}-{id:.4}-{id:.4}-{id:.12}"),
    "aws:lb/targetGroup:TargetGroup": ("elasticloadbalancing", "targetgroup/{name}/{id:.16}"),
    "aws:route53/zone:Zone": ("route53", "hostedzone/Z{id:.20}"),
    "aws:secretsmanager/secret:Secret": ("secretsmanager", "secret:{name}-{id:.6}"),
    "aws:sqs/queue:Queue": ("sqs", "{name}"),
    "aws:ssm/parameter:Parameter": ("ssm", "parameter/{name}"),
}
"""Service and resource of each type's ARN."""
_GLOBAL = {"route53"}
"""Services whose ARNs have neither region nor account."""


def arn(
    token: str, name: str, state: Mapping[str, Any], *, partition: Partition, region: str, account: str
) -> str | None:
    """The ARN that a new resource of this type gets; None where it is none of these."""
    if token not in _FORMS:
        return None
    service, form = _FORMS[token]
    own = str(state.get("name") or f"{name}-1a2b3c4").lstrip("/")
    id_ = hashlib.md5(f"{token}{name}".encode(), usedforsecurity=False).hexdigest()
    resource = form.format(name=own, id=id_.upper() if service == "route53" else id_)
    return partition.arn(service, resource, **({} if service in _GLOBAL else {"region": region, "account": account}))
