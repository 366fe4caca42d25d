"""Kubernetes usernames and groups of IAM principals, in aws-auth and in access entries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model.arns import Principal, PrincipalKind

NODE_GROUPS = frozenset({"system:bootstrappers", "system:nodes"})
"""The groups of nodes (EKS: aws-auth entries of node roles)."""
NODE_USERNAME_PREFIX = "system:node:"
MASTERS = "system:masters"
SESSION_NAME = "{{SessionName}}"

EC2_NODE = "system:node:{{EC2PrivateDNSName}}"
SESSION_NODE = f"system:node:{SESSION_NAME}"
WINDOWS = "eks:kube-proxy-windows"
FARGATE = "system:node-proxier"


@dataclass(frozen=True)
class NodeIdentity:
    """Username and groups by which nodes of one type join a cluster through aws-auth."""

    username: str
    groups: tuple[str, ...]

    def __str__(self) -> str:
        return f"username {self.username} and groups {', '.join(self.groups)}"


_OF_ALL = ("system:bootstrappers", "system:nodes")
NODE_IDENTITIES: Mapping[str, NodeIdentity] = {
    "EC2_LINUX": NodeIdentity(EC2_NODE, _OF_ALL),
    "EC2_WINDOWS": NodeIdentity(EC2_NODE, (*_OF_ALL, WINDOWS)),
    "FARGATE_LINUX": NodeIdentity(SESSION_NODE, (*_OF_ALL, FARGATE)),
    "HYBRID_LINUX": NodeIdentity(SESSION_NODE, _OF_ALL),
}
"""Node identities by the equivalent type of access entry. The other types have no equivalent in aws-auth.

Source: EKS user guide, "Enable Windows support", "Pod execution role", "Prepare cluster access for hybrid nodes".
"""

_SYSTEM = "system:"
_RESERVED_IN_ENTRIES = (_SYSTEM, "eks:", "aws:", "amazon:", "iam:")
_TEMPLATE = re.compile(r"\{\{.*?(?:\}\}|$)")
_STANDARD = "STANDARD"
_ACCOUNT_TEMPLATES = {"{{AccountID}}"}
_SESSION_TEMPLATES = {SESSION_NAME, "{{SessionNameRaw}}"}


def node_identity_problems(principal: Principal | None, groups: object, username: object) -> list[Problem]:
    """Return the problem of type STANDARD with the identity of nodes; the fix names the type for these nodes."""
    listed = [str(group) for group in groups] if isinstance(groups, (list, tuple)) else []
    node_groups = [group for group in listed if group in NODE_GROUPS]
    is_named = str(username or "").startswith(NODE_USERNAME_PREFIX)
    if not node_groups and not is_named:
        return []
    matching_types = [
        kind
        for kind, node in NODE_IDENTITIES.items()
        if set(listed) <= {*node.groups} and (username is None or username == node.username)
    ]
    kind = next(iter(matching_types), "EC2_WINDOWS" if WINDOWS in listed else "EC2_LINUX")
    fix = f"declare the node role with type {kind}, and remove groups and username: the type sets both for nodes"
    if principal is not None and principal.kind is not PrincipalKind.ROLE:
        wrong = [f"{' and '.join(node_groups)} from groups"] if node_groups else []
        wrong += ["username"] if is_named else []
        fix = f"remove {', and '.join(wrong)}: nodes have a role, and this principal is a {principal.kind}"
    rule = f"must not be those of nodes with type {_STANDARD} (Kubernetes)"
    field, value = ("groups", listed) if node_groups else ("username", username)
    return [Problem(field, rule, value, fix)]


def node_role_problems(
    kind: str, principal: Principal | None, groups: Sequence[object] | None, username: object
) -> list[Problem]:
    """Return the problem of a type for nodes with a principal that is not a role, or with groups or username.

    The type itself sets groups and username.
    """
    fields = [name for name, value in (("groups", groups), ("username", username)) if value]
    if principal is not None and principal.kind is not PrincipalKind.ROLE:
        fix = f"use type {_STANDARD}, which users have"
        if not fields or node_identity_problems(principal, groups, username):
            fix = f"pass the ARN of the nodes' role{_and_remove(fields)}"
        return [Problem("arn", f"must be a role with type {kind} (EKS)", principal.arn, fix)]
    if not fields:
        return []
    node = NODE_IDENTITIES.get(kind)
    identity = f"{node}" if node else "username and groups"
    rule = f"must be omitted with type {kind}: the type gives nodes {identity} (EKS)"
    value = {"groups": groups, "username": username}[fields[0]]
    return [Problem(fields[0], rule, value, f"remove {' and '.join(fields)}")]


def _and_remove(fields: Sequence[str]) -> str:
    return f", and remove {' and '.join(fields)}" if fields else ""


def aws_auth_username(username: str, principal: Principal) -> str:
    """Return a valid username for aws-auth; raise `InvalidInput` for others.

    An empty username is rejected: the authenticator accepts it, and its groups still apply.

    Source: aws-iam-authenticator, `pkg/mapper`.
    """
    with Problems() as problems:
        problems.extend(_username_problems(username, principal))
        if str(username).startswith(_SYSTEM):
            fix = "choose another username"
            rule = f"must not begin with {_SYSTEM}: such usernames are Kubernetes' own (service accounts, components)"
            problems.add("", rule, username, fix)
    return username


def access_entry_username(username: str, principal: Principal) -> str:
    """Return a valid username for an access entry; raise `InvalidInput` for others.

    Source: EKS API, CreateAccessEntry, `username`.
    """
    with Problems() as problems:
        problems.extend(_username_problems(username, principal))
        if str(username).lower().startswith(_RESERVED_IN_ENTRIES):
            problems.add(
                "",
                f"must not begin with {' '.join(_RESERVED_IN_ENTRIES)} (EKS, CreateAccessEntry)",
                username,
                "choose another username, or remove it: EKS then uses the principal's own",
            )
        for template in _TEMPLATE.finditer(str(username)):
            if template[0] in _SESSION_TEMPLATES and ":" not in username[: template.start()]:
                rule = f"must have a colon somewhere before {template[0]} (EKS, CreateAccessEntry)"
                problems.add("", rule, username, f"write {principal.name}:{template[0]}")
    return username


def _username_problems(username: str, principal: Principal) -> list[Problem]:
    fix = f"write {principal.default_username}"
    if not _is_word(username):
        return [Problem("", _WORD_RULE, username, fix)]
    problems: list[Problem] = []
    for template in _TEMPLATE.findall(username):
        if template not in _ACCOUNT_TEMPLATES | _SESSION_TEMPLATES:
            templates = " ".join(sorted(_ACCOUNT_TEMPLATES | _SESSION_TEMPLATES))
            rule = f"must have no templates but {templates} (aws-iam-authenticator)"
            problems.append(Problem("", rule, username, fix))
        elif template in _SESSION_TEMPLATES and principal.kind is not PrincipalKind.ROLE:
            rule = f"must not contain {template}: only sessions of a role have a session name (aws-iam-authenticator)"
            problems.append(Problem("", rule, username, fix))
    return problems


def aws_auth_groups(groups: Sequence[str] | None) -> tuple[str, ...]:
    """Return valid groups for an aws-auth mapping of a user; `system:masters` is allowed."""
    with Problems() as problems:
        problems.extend(_group_problems(groups))
    return tuple(groups or ())


def access_entry_groups(groups: Sequence[str]) -> tuple[str, ...]:
    """Return valid groups for an access entry; raise `InvalidInput` for groups that begin with `system:`.

    Source: EKS API, CreateAccessEntry, `kubernetesGroups`.
    """
    with Problems() as problems:
        problems.extend(_group_problems(groups))
        for index, group in enumerate(groups):
            if str(group).startswith(_SYSTEM):
                fix = (
                    "associate the access policy AmazonEKSClusterAdminPolicy instead"
                    if group == MASTERS
                    else "use a group of your own, and bind it to the role that this group is bound to"
                )
                problems.add(f"[{index}]", "must not begin with system: in an access entry (EKS)", group, fix)
    return tuple(groups)


def group_to_bind(group: str) -> str:
    """Return a valid group for a RoleBinding; raise `InvalidInput` for Kubernetes' own groups.

    Kubernetes' own groups have other members, who would get the same permissions.
    """
    if not _is_word(group) or group.startswith(_SYSTEM):
        rule = f"{_WORD_RULE}, and not one of Kubernetes' {_SYSTEM} groups"
        raise InvalidInput([Problem("", rule, group, "write the name of your own group, such as operators")])
    return group


def _group_problems(groups: Sequence[str] | None) -> list[Problem]:
    if isinstance(groups, str) or not isinstance(groups, Sequence):
        fix = "pass a list, such as [operators]; for the role of nodes pass a type instead, such as EC2_LINUX"
        raise InvalidInput([Problem("", "must be a list of groups", groups, fix)])
    problems = []
    for index, group in enumerate(groups):
        if not _is_word(group):
            problems.append(Problem(f"[{index}]", _WORD_RULE, group, "write the name of the group, in quotes"))
        elif group in groups[:index]:
            problems.append(Problem(f"[{index}]", "must be listed once", group, "remove the repeated group"))
    return problems


_WORD_RULE = "must be a string that is not empty, has no spaces around it and only printable characters (Kubernetes)"


def _is_word(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value) and value == value.strip() and value.isprintable()
