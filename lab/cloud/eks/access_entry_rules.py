"""Validation and defaults of access entries: principals, types, usernames, groups and access policies.

The error messages are EKS's own as far as they are documented or observed.

Source: EKS user guide, "Create access entries" and "Review access policy permissions".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lab.cloud.eks import eks_versions
from lab.cloud.eks.errors import InvalidParameterException, InvalidRequestException
from lab.cloud.eks.records import AccessEntryRecord, PolicyAssociationRecord, new_uuid
from lab.cloud.eks.store import ClusterRecord
from lab.interfaces import IamPrincipal

STANDARD = "STANDARD"
EC2_LINUX = "EC2_LINUX"
EC2 = "EC2"
FARGATE_LINUX = "FARGATE_LINUX"

RESERVED_USERNAME_PREFIXES = ("system:", "eks:", "aws:", "amazon:", "iam:")
SESSION_NAME = "{{SessionName}}"

_NAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?")
_EC2_NODE_USERNAME = "system:node:{{EC2PrivateDNSName}}"
_SESSION_NODE_USERNAME = f"system:node:{SESSION_NAME}"
NODE_TYPES: dict[str, tuple[str, tuple[str, ...]]] = {
    EC2_LINUX: (_EC2_NODE_USERNAME, ("system:nodes",)),
    "EC2_WINDOWS": (_EC2_NODE_USERNAME, ("eks:kube-proxy-windows", "system:nodes")),
    EC2: (_EC2_NODE_USERNAME, ("system:nodes",)),
    FARGATE_LINUX: (_SESSION_NODE_USERNAME, ("system:bootstrappers", "system:nodes", "system:node-proxier")),
    "HYBRID_LINUX": (_SESSION_NODE_USERNAME, ("system:nodes",)),
    "HYPERPOD_LINUX": (_SESSION_NODE_USERNAME, ("system:nodes",)),
}
"""Username and groups that EKS sets for each type other than STANDARD."""

_PRINCIPAL = re.compile(
    r"arn:aws[a-z-]*:iam::\d{12}:(?:root|(?:user|role)/(?P<path>(?:[\x21-\x7e]+/)?)[\w+=,.@-]{1,64})", re.ASCII
)


def principal_problem(arn: str) -> str | None:
    """Return the problem of any ARN but a user's, a role's or a root user's. An assumed role's ARN names a session."""
    match = _PRINCIPAL.fullmatch(arn)
    if match is None:
        return "The principalArn parameter format is not valid"
    if (match["path"] or "").startswith("aws-service-role/"):
        return "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"
    return None


def group_problem(group: str) -> str | None:
    if group.startswith("system:"):
        return f"The kubernetes group name {group} is invalid, it cannot start with system:"
    if not _NAME.fullmatch(group):
        return f"The kubernetes group name {group!r} is invalid, it must have no white space at its ends"
    return None


def username_problem(username: str) -> str | None:
    """Return the problem of a reserved prefix, or of `{{SessionName}}` without a colon before it.

    The caller of a session chooses its name.
    """
    for prefix in RESERVED_USERNAME_PREFIXES:
        if username.startswith(prefix):
            return f"The username {username} is invalid, it cannot start with {prefix}"
    position = username.find(SESSION_NAME)
    if position >= 0 and ":" not in username[:position]:
        return f"The username {username} is invalid, {SESSION_NAME} needs a colon before it"
    if not _NAME.fullmatch(username):
        return f"The username {username!r} is invalid, it must have no white space at its ends"
    return None


def scope_problem(scope: Mapping[str, Any]) -> str | None:
    kind, namespaces = scope.get("type"), scope.get("namespaces")
    if kind is None:
        return "The accessScope type must be cluster or namespace"
    if kind == "namespace" and not namespaces:
        return "namespaces must be specified if the accessScope type is namespace"
    if kind == "cluster" and namespaces:
        return "namespaces cannot be specified if the accessScope type is cluster"
    return None


def check_type(entry_type: str, principal_arn: str, account: str) -> None:
    """Reject unknown types. Types other than STANDARD require a role of the cluster's account."""
    if entry_type == STANDARD:
        return
    if entry_type not in NODE_TYPES:
        types = ", ".join([STANDARD, *NODE_TYPES])
        raise InvalidParameterException(f"The access entry type {entry_type} is invalid, it must be one of {types}")
    if ":role/" not in principal_arn:
        raise InvalidParameterException(f"The principalArn of an access entry of type {entry_type} must be a role")
    if principal_arn.split(":")[4] != account:
        raise InvalidParameterException(
            f"The principalArn of an access entry of type {entry_type} must belong to the cluster's account {account}"
        )


def check_standard_members(entry_type: str, username: str | None, groups: Sequence[str] | None) -> None:
    """Reject a username and groups for types other than STANDARD, for which EKS sets both."""
    if entry_type != STANDARD and (username is not None or groups):
        raise InvalidParameterException(
            f"username and kubernetesGroups cannot be specified for an access entry of type {entry_type}"
        )


def check_policy(entry_type: str, policy_arn: str, partition: str) -> None:
    """Reject unknown access policies, and policies on types other than STANDARD.

    An entry of type EC2 can have AmazonEKSAutoNodePolicy.
    """
    prefix = eks_versions.access_policy_arn("", partition)
    name = policy_arn.removeprefix(prefix)
    if not policy_arn.startswith(prefix) or not name:
        raise InvalidParameterException("The policyArn parameter format is not valid")
    if name not in eks_versions.ACCESS_POLICIES:
        raise InvalidParameterException(f"The access policy {policy_arn} does not exist")
    if entry_type == STANDARD or (entry_type, name) == ("EC2", eks_versions.AUTO_NODE_POLICY):
        return
    raise InvalidRequestException(f"Access policies cannot be associated with an access entry of type {entry_type}")


def default_username(principal_arn: str) -> str:
    """Return EKS's default username: a user's ARN, or the ARN of a role's sessions, which has no path."""
    _, partition, _, _, account, resource = principal_arn.split(":", 5)
    if not resource.startswith("role/"):
        return principal_arn
    return f"arn:{partition}:sts::{account}:assumed-role/{resource.rpartition('/')[2]}/{SESSION_NAME}"


def create_entry(
    cluster: ClusterRecord,
    principal: IamPrincipal,
    *,
    entry_type: str = STANDARD,
    username: str | None = None,
    groups: Sequence[str] = (),
    tags: dict[str, str] | None = None,
) -> AccessEntryRecord:
    """Create an access entry for `principal` with EKS's defaults. Call this with the store's lock held."""
    type_username, type_groups = NODE_TYPES.get(entry_type, (None, ()))
    key = cluster.key
    kind, _, name = principal.arn.split(":", 5)[5].partition("/")
    account = principal.arn.split(":")[4]
    entry = AccessEntryRecord(
        cluster_name=key.name,
        arn=f"arn:{key.partition}:eks:{key.region}:{key.account}:access-entry/{key.name}/{kind}/{account}/"
        f"{name.rpartition('/')[2] or kind}/{new_uuid()}",
        principal=principal,
        username=username or type_username or default_username(principal.arn),
        kubernetes_groups=list(groups or type_groups),
        type=entry_type,
        tags=dict(tags or {}),
    )
    cluster.access_entries[principal.arn] = entry
    return entry


def grant_cluster_admin(cluster: ClusterRecord, principal: IamPrincipal) -> None:
    """Create the access entry of the cluster's creator, unless it exists."""
    if principal.arn not in cluster.access_entries:
        arn = eks_versions.access_policy_arn(eks_versions.CLUSTER_ADMIN_POLICY, cluster.key.partition)
        entry = create_entry(cluster, principal)
        entry.policies[arn] = PolicyAssociationRecord(arn, "cluster", [])


def grant_node(cluster: ClusterRecord, role: IamPrincipal, entry_type: str = EC2_LINUX) -> None:
    """Create the access entry of the role of nodes, Auto Mode nodes or Fargate pods, unless it exists."""
    if role.arn in cluster.access_entries:
        return
    entry = create_entry(cluster, role, entry_type=entry_type)
    if entry_type == EC2:
        arn = eks_versions.access_policy_arn(eks_versions.AUTO_NODE_POLICY, cluster.key.partition)
        entry.policies[arn] = PolicyAssociationRecord(arn, "cluster", [])
