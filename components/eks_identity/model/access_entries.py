"""EKS access entries: validation of the rules that the EKS API checks only at creation, or does not check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from eks_identity.errors import Problem, Problems
from eks_identity.model import identities, names
from eks_identity.model.access_policies import AUTO_NODE
from eks_identity.model.arns import Principal, PrincipalKind
from eks_identity.model.identities import access_entry_groups, access_entry_username


class AuthenticationMode(StrEnum):
    """The sources that EKS authenticates IAM principals from. A cluster can change mode only downwards in this list.

    Source: EKS user guide, "Change authentication mode to use access entries".
    """

    CONFIG_MAP = "CONFIG_MAP"
    API_AND_CONFIG_MAP = "API_AND_CONFIG_MAP"
    API = "API"

    @classmethod
    def parse(cls, text: str) -> Self:
        try:
            return cls(text)
        except ValueError:
            modes = ", ".join(cls)
            raise names.invalid(f"must be one of {modes} (EKS)", text, "write API, the mode of new clusters") from None

    @property
    def reads_aws_auth(self) -> bool:
        return self is not AuthenticationMode.API

    @property
    def reads_access_entries(self) -> bool:
        return self is not AuthenticationMode.CONFIG_MAP


class AccessMethod(StrEnum):
    """How an IAM principal gets a Kubernetes identity: by aws-auth, by access entry, or by both during a migration."""

    AWS_AUTH = "aws-auth"
    ACCESS_ENTRY = "access-entry"
    BOTH = "both"

    @classmethod
    def parse(cls, text: str) -> Self:
        try:
            return cls(text)
        except ValueError:
            methods = ", ".join(cls)
            fix = "write access-entry, the method of new clusters"
            raise names.invalid(f"must be one of {methods}", text, fix) from None

    @property
    def uses_aws_auth(self) -> bool:
        return self is not AccessMethod.ACCESS_ENTRY

    @property
    def uses_access_entries(self) -> bool:
        return self is not AccessMethod.AWS_AUTH

    def refusals(self, mode: AuthenticationMode) -> list[Problem]:
        """Return the problem of this access method in a cluster with authentication mode `mode`, if there is one."""
        if self.uses_aws_auth and not mode.reads_aws_auth:
            rule = f"must not use aws-auth with authentication mode {mode}: EKS ignores aws-auth in this mode"
            fix = (
                "set access_method to access-entry, and adopt to True if the access entries exist, as those that a "
                "migration of the authentication mode created"
            )
            return [Problem("access_method", rule, str(self), fix)]
        if self.uses_access_entries and not mode.reads_access_entries:
            rule = f"must not use access entries with authentication mode {mode}: EKS has none in this mode"
            fix = (
                f"use aws-auth, or change the cluster's mode to {AuthenticationMode.API_AND_CONFIG_MAP} (EKS does not "
                "change it back)"
            )
            return [Problem("access_method", rule, str(self), fix)]
        return []


class EntryType(StrEnum):
    """Type of an access entry. All types but STANDARD are for nodes, which get their permissions from the type."""

    STANDARD = "STANDARD"
    EC2_LINUX = "EC2_LINUX"
    EC2_WINDOWS = "EC2_WINDOWS"
    FARGATE_LINUX = "FARGATE_LINUX"
    EC2 = "EC2"
    HYBRID_LINUX = "HYBRID_LINUX"
    HYPERPOD_LINUX = "HYPERPOD_LINUX"

    @classmethod
    def parse(cls, text: str) -> Self:
        try:
            return cls(text)
        except ValueError:
            types = ", ".join(cls)
            fix = "write STANDARD for users and programs"
            raise names.invalid(f"must be one of {types} (EKS)", text, fix) from None

    @property
    def is_for_nodes(self) -> bool:
        return self is not EntryType.STANDARD

    def takes_policy(self, name: str) -> bool:
        """Return whether EKS associates the access policy `name` with entries of this type."""
        if self is EntryType.EC2:
            return name == AUTO_NODE
        return self is EntryType.STANDARD and name != AUTO_NODE


@dataclass(frozen=True)
class EntrySpec:
    """The access entry of one principal. EKS cannot change principal and type: a new entry replaces the old one.

    Source: EKS API, CreateAccessEntry.
    """

    principal: Principal
    username: str | None
    """None: EKS uses the principal's own ARN, or the session's."""
    kubernetes_groups: tuple[str, ...] = ()
    type: EntryType = EntryType.STANDARD

    @classmethod
    def of(
        cls,
        principal_arn: str | Principal,
        groups: Sequence[str] = (),
        username: str | None = None,
        *,
        type: str = "STANDARD",  # noqa: A002 - EKS's word
        cluster_account: str | None = None,
    ) -> Self:
        """Return the entry; raise `InvalidInput` with all problems that EKS would report.

        The path of a role's ARN stays, unlike in aws-auth. A node's role must be of `cluster_account`, if set.
        """
        with Problems() as problems:
            principal = problems.parse("principal_arn", Principal.of, principal_arn)
            kind = problems.parse("type", EntryType.parse, type)
            if kind is not None and kind.is_for_nodes:
                problems.extend(_node_problems(kind, principal, groups, username, cluster_account))
            elif node := identities.node_identity_problems(principal, groups, username):
                problems.extend(map(_in_an_entry, node))
            else:
                problems.parse("kubernetes_groups", access_entry_groups, groups)
                if principal is not None and username is not None:
                    problems.parse("username", access_entry_username, username, principal)
            if principal is not None and principal.is_service_linked():
                rule = "must not be a service-linked role: EKS creates no access entry for one"
                problems.add("principal_arn", rule, principal.arn, "pass the ARN of a role of your own")
        assert principal is not None
        assert kind is not None
        return cls(principal, username, tuple(groups), kind)


def _node_problems(
    kind: EntryType,
    principal: Principal | None,
    groups: Sequence[str],
    username: str | None,
    cluster_account: str | None,
) -> list[Problem]:
    """Return the problems of an access entry for nodes."""
    problems = [*map(_in_an_entry, identities.node_role_problems(kind, principal, groups, username))]
    if (
        principal is not None
        and principal.kind is PrincipalKind.ROLE
        and cluster_account not in {None, principal.account}
    ):
        rule = f"must be of the cluster's account {cluster_account} with type {kind} (EKS)"
        problems.append(Problem("principal_arn", rule, principal.arn, "pass the ARN of a role of that account"))
    return problems


def _in_an_entry(problem: Problem) -> Problem:
    """Return the problem with the name of the access entry's field."""
    return replace(
        problem, input={"arn": "principal_arn", "groups": "kubernetes_groups"}.get(problem.input, "username")
    )
