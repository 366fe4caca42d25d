"""Kubernetes usernames and groups that an IAM principal may be given, by whichever of the two ways it is let in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeGuard

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model.arns import Principal, PrincipalKind

NODE_GROUPS = frozenset({"system:bootstrappers", "system:nodes"})
"""The groups of nodes (EKS: aws-auth entries of node roles)."""
NODE_USERNAME_PREFIX = "system:node:"
MASTERS = "system:masters"
SESSION_NAME = "{{SessionName}}"

_SYSTEM = "system:"
_RESERVED_IN_ENTRIES = (_SYSTEM, "eks:", "aws:", "amazon:", "iam:")
_TEMPLATE = re.compile(r"\{\{.*?(?:\}\}|$)")
_OF_ANYBODY = {"{{AccountID}}"}
_OF_SESSIONS = {SESSION_NAME, "{{SessionNameRaw}}"}


def aws_auth_username(username: str, principal: Principal) -> str:
    """A username for aws-auth: not empty, since an empty one authenticates all the same and its groups still count.

    Source: aws-iam-authenticator, `pkg/mapper`.
    """
    with Problems() as problems:
        problems.extend(_always(username, principal))
        if str(username).startswith(_SYSTEM):
            fix = "choose another; node roles need no mapping of yours, EKS maps managed node groups and Fargate itself"
            rule = f"usernames that begin with {_SYSTEM} are Kubernetes' own: nodes, service accounts and components"
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


def aws_auth_groups(groups: Sequence[str]) -> tuple[str, ...]:
    """Groups for an aws-auth mapping of a person: `system:masters` may be among them, the nodes' groups may not."""
    with Problems() as problems:
        problems.extend(_each_once(groups))
        for index, group in enumerate(groups):
            if str(group) in NODE_GROUPS:
                problems.add(
                    f"[{index}]",
                    "the nodes' groups are for node roles (EKS)",
                    group,
                    "let EKS map node roles: it does for managed node groups and Fargate",
                )
    return tuple(groups)


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


def _each_once(groups: Sequence[str]) -> list[Problem]:
    if isinstance(groups, str) or not isinstance(groups, Sequence):
        raise InvalidInput([Problem("", "a list of groups", groups, "write a list, such as [operators]")])
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
