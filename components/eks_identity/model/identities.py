"""Kubernetes usernames and groups that an IAM principal may be given, by whichever of the two ways it is let in."""

from __future__ import annotations

from collections.abc import Sequence

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model.arns import Principal, PrincipalKind

NODE_GROUPS = frozenset({"system:bootstrappers", "system:nodes"})
"""The groups of nodes (EKS: aws-auth entries of node roles)."""
NODE_USERNAME_PREFIX = "system:node:"
MASTERS = "system:masters"
SESSION_NAME = "{{SessionName}}"

_RESERVED_IN_ENTRIES = ("system:", "eks:", "aws:", "amazon:", "iam:")


def aws_auth_username(username: str, principal: Principal) -> str:
    """A username for aws-auth: not empty, since an empty one authenticates all the same and its groups still count.

    Source: aws-iam-authenticator, `pkg/mapper`.
    """
    with Problems() as problems:
        problems.extend(_always(username, principal))
        if username.startswith(NODE_USERNAME_PREFIX):
            problems.add(
                "",
                f"usernames that begin with {NODE_USERNAME_PREFIX} are the nodes' (Kubernetes)",
                username,
                "let EKS map node roles: it does for managed node groups and Fargate",
            )
    return username


def access_entry_username(username: str, principal: Principal) -> str:
    """A username for an access entry. Source: EKS API, CreateAccessEntry, `username`."""
    with Problems() as problems:
        problems.extend(_always(username, principal))
        if username.lower().startswith(_RESERVED_IN_ENTRIES):
            problems.add(
                "",
                f"does not begin with {' '.join(_RESERVED_IN_ENTRIES)} (EKS, CreateAccessEntry)",
                username,
                "choose another username, or leave it out: EKS then takes the principal's own",
            )
        before, found, _ = username.partition(SESSION_NAME)
        if found and ":" not in before:
            problems.add(
                "",
                f"a colon stands somewhere before {SESSION_NAME} (EKS, CreateAccessEntry)",
                username,
                f"write {principal.name}:{SESSION_NAME}",
            )
    return username


def _always(username: str, principal: Principal) -> list[Problem]:
    problems: list[Problem] = []
    if not username or username != username.strip():
        fix = f"write {principal.default_username}"
        problems.append(Problem("", "not empty, and no spaces around it (Kubernetes)", username, fix))
    if SESSION_NAME in username and principal.kind is not PrincipalKind.ROLE:
        rule = f"only a role's sessions have a name to put for {SESSION_NAME} (aws-iam-authenticator)"
        problems.append(Problem("", rule, username, f"write {principal.default_username}"))
    return problems


def aws_auth_groups(groups: Sequence[str]) -> tuple[str, ...]:
    """Groups for an aws-auth mapping of a person: `system:masters` may be among them, the nodes' groups may not."""
    with Problems() as problems:
        problems.extend(_each_once(groups))
        for index, group in enumerate(groups):
            if group in NODE_GROUPS:
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
            if group.startswith("system:"):
                fix = (
                    "associate the access policy AmazonEKSClusterAdminPolicy instead"
                    if group == MASTERS
                    else "bind a group of your own to the role that this group has"
                )
                problems.add(f"[{index}]", "groups of an access entry do not begin with system: (EKS)", group, fix)
    return tuple(groups)


def group_to_bind(group: str) -> str:
    """A group that a role is bound to. Binding one of Kubernetes' own would give the rights to more than was meant."""
    if group.startswith("system:") or not group or group != group.strip():
        raise InvalidInput(
            [
                Problem(
                    "",
                    "a group of your own: not empty, and not one of Kubernetes' system: groups",
                    group,
                    "write operators",
                )
            ]
        )
    return group


def _each_once(groups: Sequence[str]) -> list[Problem]:
    problems = []
    for index, group in enumerate(groups):
        if not group or group != group.strip():
            problems.append(
                Problem(f"[{index}]", "not empty, and no spaces around it (Kubernetes)", group, "write its name")
            )
        elif group in groups[:index]:
            problems.append(Problem(f"[{index}]", "each group once", group, "take the repeated group out"))
    return problems
