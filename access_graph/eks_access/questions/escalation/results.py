"""Escalations as the question returns them: paths of steps, each with the cut that closes it."""

from __future__ import annotations

from dataclasses import dataclass

from eks_access.findings import Finding, FindingKind, Fix, Severity
from eks_access.questions import commands


@dataclass(frozen=True)
class Step:
    """One step of a path."""

    actor: str
    """The subject that makes the step."""
    technique: str
    """Id of the technique; empty for what the actor has without one, such as the role of a service account."""
    does: str
    permissions: tuple[str, ...]
    """The permissions that the step needs, and where they come from."""
    reaches: str
    conditions: tuple[str, ...] = ()

    def __str__(self) -> str:
        needs = f" by {', '.join(self.permissions)}" if self.permissions else ""
        return f"{self.technique or self.does}: {self.reaches}{needs}"


@dataclass(frozen=True)
class Cut:
    """The one change that closes a path."""

    kind: str
    """`role rule`, `binding`, `access policy` or `policy statement`."""
    subject: str
    """The object that changes."""
    change: str
    fix: Fix
    is_checked: bool
    """Whether the search in a copy of the graph with this change does not find the path again."""
    has_other_paths: bool
    """Whether that search still reaches the same by another path, which is listed too."""


@dataclass(frozen=True)
class Escalation:
    """A path from a subject to what it can become."""

    subject: str
    subject_kind: str
    reaches: str
    kind: FindingKind
    steps: tuple[Step, ...]
    cut: Cut | None
    """None if no change of one object closes the path."""
    also_reaches: tuple[str, ...] = ()
    """What the same permissions reach as well."""

    @property
    def severity(self) -> Severity:
        return self.kind.severity

    @property
    def conditions(self) -> tuple[str, ...]:
        """What decides whether the path holds; empty: it holds."""
        return tuple(dict.fromkeys(text for step in self.steps for text in step.conditions))

    @property
    def techniques(self) -> tuple[str, ...]:
        return tuple(step.technique for step in self.steps if step.technique)

    def finding(self) -> Finding:
        """Return the path as a finding, with the cut as its fix."""
        path = "; ".join(map(str, self.steps))
        conditions = f"; if {' and '.join(self.conditions)}" if self.conditions else ""
        fix = self.cut.fix if self.cut else commands.advice("change the permissions of one of the steps")
        should = self.cut.change if self.cut else "no such path"
        return Finding(self.kind, f"{self.subject} → {self.reaches}", f"{path}{conditions}", should, fix)


@dataclass(frozen=True)
class Escalations:
    """All paths of one graph."""

    cluster: str
    paths: tuple[Escalation, ...]
    administrators: tuple[str, ...] = ()
    """Subjects that can do everything already. Their paths are not listed."""
    not_evaluated: tuple[str, ...] = ()
    """What may make further paths and could not be decided."""
