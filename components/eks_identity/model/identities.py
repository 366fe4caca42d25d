"""Kubernetes usernames and groups that an IAM principal may be given, by whichever of the two ways it is let in."""

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
    """The username and groups by which nodes of one type join a cluster through aws-auth."""

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
"""By the type of the access entry that gives the same. EKS has no equal in aws-auth for the other types.

Source: EKS user guide, "Enable Windows support", "Pod execution role", "Prepare cluster access for hybrid nodes".
"""

_SYSTEM = "system:"
_RESERVED_IN_ENTRIES = (_SYSTEM, "eks:", "aws:", "amazon:", "iam:")
_TEMPLATE = re.compile(r"\{\{.*?(?:\}\}|$)")
_STANDARD = "STANDARD"
_OF_ANYBODY = {"{{AccountID}}"}
_OF_SESSIONS = {SESSION_NAME, "{{SessionNameRaw}}"}


def node_identity_problems(principal: Principal | None, groups: object, username: object) -> list[Problem]:
    """One problem where type STANDARD has what nodes have; the fix names the type that gives it to nodes."""
    listed = [str(group) for group in groups] if isinstance(groups, (list, tuple)) else []
    node_groups = [group for group in listed if group in NODE_GROUPS]
    is_named = str(username or "").startswith(NODE_USERNAME_PREFIX)
    if not node_groups and not is_named:
        return []
    fits = [
        kind
        for kind, node in NODE_IDENTITIES.items()
        if set(listed) <= {*node.groups} and (username is None or username == node.username)
    ]
    kind = next(iter(fits), "EC2_WINDOWS" if WINDOWS in listed else "EC2_LINUX")
    fix = f"declare the node role with type {kind}, and remove groups and username: the type gives nodes theirs"
    if principal is not None and principal.kind is not PrincipalKind.ROLE:
        fix = f"remove {', '.join(node_groups) or 'username'}: nodes have roles, and this is a {principal.kind}"
    rule = f"must not be those of nodes with type {_STANDARD} (Kubernetes)"
    where, value = ("groups", listed) if node_groups else ("username", username)
    return [Problem(where, rule, value, fix)]


def node_role_problems(
    kind: str, principal: Principal | None, groups: Sequence[object] | None, username: object
) -> list[Problem]:
    """What does not fit a type for nodes: a principal that is no role; or groups and username, which the type gives."""
    given = [name for name, value in (("groups", groups), ("username", username)) if value]
    if principal is not None and principal.kind is not PrincipalKind.ROLE:
        fix = f"use type {_STANDARD}, which users have" if given else "pass the ARN of the nodes' role"
        return [Problem("arn", f"must be a role with type {kind} (EKS)", principal.arn, fix)]
    if not given:
        return []
    node = NODE_IDENTITIES.get(kind)
    what = f"{node}" if node else "username and groups"
    rule = f"must be omitted with type {kind}: the type gives nodes {what} (EKS)"
    value = {"groups": groups, "username": username}[given[0]]
    return [Problem(given[0], rule, value, f"remove {' and '.join(given)}")]


def aws_auth_username(username: str, principal: Principal) -> str:
    """A username for aws-auth: not empty, since an empty one authenticates all the same and its groups still count.

    Source: aws-iam-authenticator, `pkg/mapper`.
    """
    with Problems() as problems:
        problems.extend(_always(username, principal))
        if str(username).startswith(_SYSTEM):
            fix = "choose another username"
            rule = f"must not begin with {_SYSTEM}: such usernames are Kubernetes' own (service accounts, components)"
            problems.add("", rule, username, fix)
    return username


def access_entry_username(username: str, principal: Principal) -> str:
    """A username for an access entry. Source: EKS API, CreateAccessEntry, `username`."""
    with Problems() as problems:
        problems.extend(_always(username, principal))
        if str(username).lower().startswith(_RESERVED_IN_ENTRIES):
            problems.add(
                "",
                f"does not begin with {' '.join(_RESERVED_IN_ENTRIES)} (EKS, CreateAccessEntry)",
                username,
                "choose another username, or leave it out: EKS then takes the principal's own",
            )
        for found in _TEMPLATE.finditer(str(username)):
            if found[0] in _OF_SESSIONS and ":" not in username[: found.start()]:
                rule = f"a colon stands somewhere before {found[0]} (EKS, CreateAccessEntry)"
                problems.add("", rule, username, f"write {principal.name}:{found[0]}")
    return username


def _always(username: str, principal: Principal) -> list[Problem]:
    fix = f"write {principal.default_username}"
    if not _is_word(username):
        return [Problem("", f"a string, {_WORD}", username, fix)]
    problems: list[Problem] = []
    for template in _TEMPLATE.findall(username):
        if template not in _OF_ANYBODY | _OF_SESSIONS:
            rule = f"{' '.join(sorted(_OF_ANYBODY | _OF_SESSIONS))} are filled in for people (aws-iam-authenticator)"
            problems.append(Problem("", rule, username, fix))
        elif template in _OF_SESSIONS and principal.kind is not PrincipalKind.ROLE:
            rule = f"only a role's sessions have a name to put for {template} (aws-iam-authenticator)"
            problems.append(Problem("", rule, username, fix))
    return problems


def aws_auth_groups(groups: Sequence[str] | None) -> tuple[str, ...]:
    """Groups for an aws-auth mapping of a user: `system:masters` may be among them."""
    with Problems() as problems:
        problems.extend(_each_once(groups))
    return tuple(groups or ())


def access_entry_groups(groups: Sequence[str]) -> tuple[str, ...]:
    """Groups for an access entry. Source: EKS API, CreateAccessEntry, `kubernetesGroups`."""
    with Problems() as problems:
        problems.extend(_each_once(groups))
        for index, group in enumerate(groups):
            if str(group).startswith(_SYSTEM):
                fix = (
                    "associate the access policy AmazonEKSClusterAdminPolicy instead"
                    if group == MASTERS
                    else "bind a group of your own to the role that this group has"
                )
                problems.add(f"[{index}]", "groups of an access entry do not begin with system: (EKS)", group, fix)
    return tuple(groups)


def group_to_bind(group: str) -> str:
    """A group that a role is bound to. Binding one of Kubernetes' own would give the rights to more than was meant."""
    if not _is_word(group) or group.startswith(_SYSTEM):
        raise InvalidInput(
            [
                Problem(
                    "",
                    f"a group of your own: {_WORD}, and not one of Kubernetes' {_SYSTEM} groups",
                    group,
                    "write operators",
                )
            ]
        )
    return group


def _each_once(groups: Sequence[str] | None) -> list[Problem]:
    if isinstance(groups, str) or not isinstance(groups, Sequence):
        fix = "pass a list, such as [operators]; for the role of nodes pass a type instead, such as EC2_LINUX"
        raise InvalidInput([Problem("", "must be a list of groups", groups, fix)])
    problems = []
    for index, group in enumerate(groups):
        if not _is_word(group):
            problems.append(Problem(f"[{index}]", f"a string, {_WORD}", group, "write its name, in quotes"))
        elif group in groups[:index]:
            problems.append(Problem(f"[{index}]", "each group once", group, "take the repeated group out"))
    return problems


_WORD = "not empty, no spaces around it and nothing in it that cannot be printed (Kubernetes)"


def _is_word(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value) and value == value.strip() and value.isprintable()
