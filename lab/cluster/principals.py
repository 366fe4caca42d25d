"""Who may log in, in the words of aws-iam-authenticator's dynamic file and backend mode file: pure.

| authentication mode  | backends, the first match decides | the dynamic file holds          |
|----------------------|-----------------------------------|---------------------------------|
| `CONFIG_MAP`         | DynamicFile, EKSConfigMap         | the cluster's creator           |
| `API_AND_CONFIG_MAP` | DynamicFile, EKSConfigMap         | the access entries (+ creator)  |
| `API`                | DynamicFile                       | the access entries (+ creator)  |

The file maps by unique id (`dynamicfileUserIDStrict`), so a role that was made again under its old ARN is a stranger,
and ARNs keep their paths: both as EKS's access entries have it. MountedFile would be the other place for the creator,
but it maps by ARN and is read only once. The two ConfigMap modes have the same backends on purpose: the change from
one to the other then swaps nothing in the running program.
"""

from __future__ import annotations

from typing import Any

from lab.interfaces import AccessEntry, AuthenticationMode, ClusterIdentity, IamPrincipal

CREATOR_USERNAME = "kubernetes-admin"
CREATOR_GROUPS = ("system:masters",)

TYPE_GROUPS = {
    "EC2_LINUX": ("system:bootstrappers", "system:nodes"),
    "EC2_WINDOWS": ("system:bootstrappers", "system:nodes", "eks:kube-proxy-windows"),
    "FARGATE_LINUX": ("system:bootstrappers", "system:nodes", "system:node-proxier"),
    "HYBRID_LINUX": ("system:bootstrappers", "system:nodes"),
    "EC2": ("system:bootstrappers", "system:nodes"),
}
"""Groups that the type of an entry brings, as in the aws-auth entries that EKS writes for the same kinds of nodes."""


def backends(mode: AuthenticationMode) -> tuple[str, ...]:
    return ("DynamicFile",) if mode is AuthenticationMode.API else ("DynamicFile", "EKSConfigMap")


def dynamic_file(identity: ClusterIdentity) -> dict[str, Any]:
    """The mappings of `identity`; an access entry of the creator counts before its invisible administration."""
    mappings: dict[str, dict[str, Any]] = {}
    if identity.creator is not None:
        mappings[identity.creator.unique_id] = _mapping(identity.creator, CREATOR_USERNAME, CREATOR_GROUPS)
    if identity.authentication_mode is not AuthenticationMode.CONFIG_MAP:
        for entry in identity.access_entries:
            mappings[entry.principal.unique_id] = _mapping(entry.principal, entry.username, _groups(entry))
    return {
        "mapRoles": [mapping for mapping in mappings.values() if "rolearn" in mapping],
        "mapUsers": [mapping for mapping in mappings.values() if "userarn" in mapping],
        "mapAccounts": [],
    }


def _groups(entry: AccessEntry) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*entry.kubernetes_groups, *TYPE_GROUPS.get(entry.type, ()))))


def _mapping(principal: IamPrincipal, username: str, groups: tuple[str, ...]) -> dict[str, Any]:
    kind = "rolearn" if ":role/" in principal.arn else "userarn"
    return {kind: principal.arn, "userid": principal.unique_id, "username": username, "groups": list(groups)}
