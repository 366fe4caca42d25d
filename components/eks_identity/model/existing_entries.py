"""Existing access entries, as EKS describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eks_identity.model.access_entries import EntryType
from eks_identity.model.access_policies import CLUSTER_ADMIN


@dataclass(frozen=True)
class AssociatedPolicy:
    """An access policy of an access entry, with its scope."""

    arn: str
    namespaces: tuple[str, ...] = ()
    """Empty: the whole cluster."""

    @property
    def is_cluster_admin(self) -> bool:
        return self.arn.rpartition("/")[2] == CLUSTER_ADMIN and not self.namespaces

    def __str__(self) -> str:
        scope = f"namespaces {', '.join(self.namespaces)}" if self.namespaces else "whole cluster"
        return f"{self.arn.rpartition('/')[2]} ({scope})"


@dataclass(frozen=True)
class ExistingEntry:
    """The access entry of one principal, from DescribeAccessEntry and ListAssociatedAccessPolicies."""

    principal_arn: str
    username: str = ""
    groups: tuple[str, ...] = ()
    type: str = EntryType.STANDARD
    policies: tuple[AssociatedPolicy, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    arn: str = ""
    """The entry's own ARN."""
    created_at: datetime | None = None
    """Time of CreateAccessEntry; None if it was not read."""

    @property
    def is_cluster_admin(self) -> bool:
        return any(policy.is_cluster_admin for policy in self.policies)

    def access(self) -> dict[str, Any]:
        """Return what decides the access of the principal, as JSON has it: equal entries have equal values."""
        return {
            "principal_arn": self.principal_arn,
            "username": self.username,
            "groups": sorted(self.groups),
            "type": str(self.type),
            "policies": sorted([policy.arn, *sorted(policy.namespaces)] for policy in self.policies),
        }

    def __str__(self) -> str:
        parts = [f"type {self.type}", f"username {self.username!r}", f"groups {list(self.groups)}"]
        parts.append("access policies " + (", ".join(map(str, self.policies)) or "none"))
        if self.tags:
            parts.append(f"tags {dict(self.tags)}")
        return ", ".join(parts)
