"""The form of a rule of the policy pack."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from eks_access.findings import FindingKind


class Level(StrEnum):
    """Enforcement levels of a rule, by Pulumi's names."""

    MANDATORY = "mandatory"
    """Stops the update."""
    ADVISORY = "advisory"
    """Is reported."""
    DISABLED = "disabled"
    """The rule is not evaluated."""


class Scope(StrEnum):
    """The resources by which a rule is decided, and so the moment of an update that decides it."""

    RESOURCE = "resource"
    """A resource and those before it: what comes later cannot correct a violation, so it stops before it is created."""
    STACK = "stack"
    """All resources: decided by the preview, and by the update after its last resource."""


@dataclass(frozen=True)
class PolicyRule:
    """A rule: what must be so, why, and how to comply with it."""

    kind: FindingKind
    requirement: str
    """Begins with "must"."""
    why: str
    fix: str
    """An imperative."""
    level: Level
    """The level by default."""
    scope: Scope
    cis: str = ""
    """Number in the CIS Amazon EKS Benchmark 1.7; empty if the benchmark has no such check."""

    @property
    def id(self) -> str:
        return self.kind.id
