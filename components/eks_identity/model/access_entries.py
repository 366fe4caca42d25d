"""Access entries: EKS's own record of who may enter a cluster, and the rules that its API checks late or never."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model.arns import Principal
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


class Via(StrEnum):
    """The two ways for an IAM principal to become a Kubernetes user."""

    AWS_AUTH = "aws-auth"
    ACCESS_ENTRY = "access-entry"

    @classmethod
    def parse(cls, text: str) -> Self:
        try:
            return cls(text)
        except ValueError:
            ways = " or ".join(cls)
            raise InvalidInput([Problem("", ways, text, "access-entry is the one for new clusters")]) from None

    def refusals(self, mode: AuthenticationMode) -> list[Problem]:
        """What there is to say about this way into a cluster with authentication mode `mode`."""
        if self is Via.AWS_AUTH and not mode.reads_aws_auth:
            return [
                Problem("via", f"with authentication mode {mode} EKS ignores aws-auth", str(self), "use access-entry")
            ]
        if self is Via.ACCESS_ENTRY and not mode.reads_access_entries:
            fix = f"use aws-auth, or take the cluster to {AuthenticationMode.API_AND_CONFIG_MAP} (there is no way back)"
            return [Problem("via", f"with authentication mode {mode} EKS has no access entries", str(self), fix)]
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


@dataclass(frozen=True)
class AccessEntry:
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
        principal_arn: str,
        groups: Sequence[str] = (),
        username: str | None = None,
        *,
        type: str = "STANDARD",  # noqa: A002 - EKS's word
        cluster_account: str | None = None,
    ) -> Self:
        """Refuses, all at once, what EKS would. The principal's path stays, unlike in aws-auth."""
        with Problems() as problems:
            principal = problems.take("principal_arn", Principal.parse, principal_arn)
            kind = problems.take("type", _entry_type, type)
            problems.take("kubernetes_groups", access_entry_groups, groups)
            if principal is not None and username is not None:
                problems.take("username", access_entry_username, username, principal)
            if principal is not None and principal.is_service_linked():
                rule = "service-linked roles get no access entry (EKS)"
                problems.add("principal_arn", rule, principal_arn, "give a role of your own")
            if kind not in {None, EntryType.STANDARD}:
                if groups:
                    rule = f"entries of type {type} take no groups (EKS): nodes get their rights from the type"
                    problems.add("kubernetes_groups", rule, groups, "take the groups out, or use type STANDARD")
                if principal is not None and cluster_account not in {None, principal.account}:
                    rule = f"entries of type {type} are for principals of the cluster's account {cluster_account} (EKS)"
                    problems.add("principal_arn", rule, principal_arn, "give a role of that account")
        assert principal is not None
        assert kind is not None
        return cls(principal, username, tuple(groups), kind)


def _entry_type(text: str) -> EntryType:
    try:
        return EntryType(text)
    except ValueError:
        types = ", ".join(EntryType)
        raise InvalidInput([Problem("", f"one of {types} (EKS)", text, "people and programs have STANDARD")]) from None
