"""Access entries: EKS's own record of who may enter a cluster, and the rules that its API checks late or never."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import identities
from eks_identity.model.access_policies import AUTO_NODE
from eks_identity.model.arns import Principal, PrincipalKind
from eks_identity.model.identities import access_entry_groups, access_entry_username


class AuthenticationMode(StrEnum):
    """Where EKS looks an IAM principal up. Changes go one way, down this list.

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
            raise InvalidInput(
                [Problem("", f"one of {modes} (EKS)", text, "API is the one for new clusters")]
            ) from None

    @property
    def reads_aws_auth(self) -> bool:
        return self is not AuthenticationMode.API

    @property
    def reads_access_entries(self) -> bool:
        return self is not AuthenticationMode.CONFIG_MAP


class AccessMethod(StrEnum):
    """The ways for an IAM principal to become a Kubernetes user: one of two, or both while a cluster migrates."""

    AWS_AUTH = "aws-auth"
    ACCESS_ENTRY = "access-entry"
    BOTH = "both"

    @classmethod
    def parse(cls, text: str) -> Self:
        try:
            return cls(text)
        except ValueError:
            ways = ", ".join(cls)
            raise InvalidInput(
                [Problem("", f"one of {ways}", text, "access-entry is the one for new clusters")]
            ) from None

    @property
    def uses_aws_auth(self) -> bool:
        return self is not AccessMethod.ACCESS_ENTRY

    @property
    def uses_access_entries(self) -> bool:
        return self is not AccessMethod.AWS_AUTH

    def refusals(self, mode: AuthenticationMode) -> list[Problem]:
        """What there is to say about this way into a cluster with authentication mode `mode`."""
        if self.uses_aws_auth and not mode.reads_aws_auth:
            rule = f"with authentication mode {mode} EKS ignores aws-auth"
            return [Problem("access_method", rule, str(self), "set access_method to access-entry")]
        if self.uses_access_entries and not mode.reads_access_entries:
            fix = f"use aws-auth, or take the cluster to {AuthenticationMode.API_AND_CONFIG_MAP} (there is no way back)"
            return [
                Problem("access_method", f"with authentication mode {mode} EKS has no access entries", str(self), fix)
            ]
        return []


class EntryType(StrEnum):
    """What an access entry is for. All but STANDARD are for nodes, which get their rights from the type."""

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
            fix = "people and programs have STANDARD"
            raise InvalidInput([Problem("", f"one of {types} (EKS)", text, fix)]) from None

    @property
    def is_for_nodes(self) -> bool:
        return self is not EntryType.STANDARD

    def takes_policy(self, name: str) -> bool:
        """Whether EKS associates the access policy of this name with entries of this type."""
        if self is EntryType.EC2:
            return name == AUTO_NODE
        return self is EntryType.STANDARD and name != AUTO_NODE


@dataclass(frozen=True)
class EntrySpec:
    """One principal's entry. Principal and type cannot be changed later: another one replaces it.

    Source: EKS API, CreateAccessEntry.
    """

    principal: Principal
    username: str | None
    """None: EKS takes the principal's own ARN, or the session's."""
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
        """Refuses, all at once, what EKS would. The principal's path stays, unlike in aws-auth."""
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
                rule = "service-linked roles get no access entry (EKS)"
                problems.add("principal_arn", rule, principal.arn, "give a role of your own")
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
    """What entries of nodes do not take."""
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
    """The same problem by the name that the access entry's field has."""
    return replace(
        problem, input={"arn": "principal_arn", "groups": "kubernetes_groups"}.get(problem.input, "username")
    )
