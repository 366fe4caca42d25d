"""Files that aws-iam-authenticator watches: the dynamic file with the mappings, and the backend mode. Pure functions.

| authentication mode  | backends, the first match decides | mappings in the dynamic file    |
|----------------------|-----------------------------------|---------------------------------|
| `CONFIG_MAP`         | DynamicFile, EKSConfigMap         | the cluster's creator           |
| `API_AND_CONFIG_MAP` | DynamicFile, EKSConfigMap         | the access entries (+ creator)  |
| `API`                | DynamicFile                       | the access entries (+ creator)  |

The dynamic file maps by unique id (`dynamicfileUserIDStrict`), so a role that was created again with the same ARN does
not match. ARNs keep their paths. EKS's access entries behave the same in both. The backend MountedFile is not used for
the creator, because it maps by ARN and is read only once. The two ConfigMap modes have the same backends on purpose: a
change from one to the other then changes no backend of the running program.
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
"""Groups of an access entry by its type. EKS writes the same groups into aws-auth for the same types of nodes."""


def select_backends(mode: AuthenticationMode) -> tuple[str, ...]:
    return ("DynamicFile",) if mode is AuthenticationMode.API else ("DynamicFile", "EKSConfigMap")


def build_dynamic_file(identity: ClusterIdentity) -> dict[str, Any]:
    """Return the mappings of `identity`. The creator's access entry replaces its implicit administrator access."""
    mappings: dict[str, dict[str, Any]] = {}
    if identity.creator is not None:
        mappings[identity.creator.unique_id] = _build_mapping(identity.creator, CREATOR_USERNAME, CREATOR_GROUPS)
    if identity.authentication_mode is not AuthenticationMode.CONFIG_MAP:
        for entry in identity.access_entries:
            mappings[entry.principal.unique_id] = _build_mapping(
                entry.principal, entry.username, _collect_groups(entry)
            )
    return {
        "mapRoles": [mapping for mapping in mappings.values() if "rolearn" in mapping],
        "mapUsers": [mapping for mapping in mappings.values() if "userarn" in mapping],
        "mapAccounts": [],
    }


def _collect_groups(entry: AccessEntry) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*entry.kubernetes_groups, *TYPE_GROUPS.get(entry.type, ()))))


def _build_mapping(principal: IamPrincipal, username: str, groups: tuple[str, ...]) -> dict[str, Any]:
    kind = "rolearn" if ":role/" in principal.arn else "userarn"
    return {kind: principal.arn, "userid": principal.unique_id, "username": username, "groups": list(groups)}
