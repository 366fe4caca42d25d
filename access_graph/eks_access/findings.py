"""Findings, and the links of a chain: the answers of all questions, as data.

`catalogue.py` lists the kinds of findings.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from enum import StrEnum

from eks_access.graph.tables import NotRead


class Severity(StrEnum):
    """How much harm a finding can do."""

    HIGH = "high"
    """Someone has no access, or more than intended."""
    MEDIUM = "medium"
    """Works today, and breaks or broadens access with the next change."""
    LOW = "low"
    """Has no effect, and misleads readers."""


@dataclass(frozen=True)
class FindingKind:
    """A kind of finding."""

    id: str
    """Stable: suppressions and code scanning refer to it."""
    severity: Severity
    title: str
    """The fault in a few words."""
    source: str
    """The documentation or report that states the rule."""


@dataclass(frozen=True)
class Fix:
    """How to correct a finding: commands to run, or advice where no command can decide it."""

    commands: tuple[tuple[str, ...], ...] = ()
    """Programs with their arguments, to be run one after the other while they succeed."""
    advice: str = ""
    """An imperative sentence."""
    account: str = ""
    """AWS account whose objects the `aws` commands change; empty: that of the cluster."""

    def with_options(self, program: str, *options: str) -> Fix:
        """Return the fix with options after each `program`, also in advice: the kubeconfig context after `kubectl`."""
        commands = tuple((line[0], *options, *line[1:]) if line[0] == program else line for line in self.commands)
        advice = self.advice.replace(f"`{program} ", f"`{shlex.join((program, *options))} ")
        return replace(self, commands=commands, advice=advice)

    def __str__(self) -> str:
        """Return the commands quoted for a POSIX shell, or the advice."""
        return " && ".join(map(shlex.join, self.commands)) or self.advice


@dataclass(frozen=True)
class Finding:
    """A fault of one object."""

    kind: FindingKind
    subject: str
    """The object: `mapRoles[1] of ConfigMap kube-system/aws-auth`, `service account default/app`."""
    says: str
    """The string of the object."""
    should_say: str
    """The string that it should be."""
    fix: Fix

    def __str__(self) -> str:
        return f"{self.subject}: {self.kind.title}: {self.says}; should be: {self.should_say}\n  fix: {self.fix}"


class Verdict(StrEnum):
    """Whether a link of a chain holds."""

    HOLDS = "holds"
    BROKEN = "broken"
    NOT_EVALUATED = "not evaluated"


@dataclass(frozen=True)
class ServiceAnswer:
    """The call of a service that decided a link, because reading was not enough."""

    operation: str
    """`SubjectAccessReview` or `SimulatePrincipalPolicy`."""
    reason: str
    """Why the link was not evaluated without it."""
    not_read: tuple[NotRead, ...] = ()
    """Parts that were not read, and that the answer replaces."""


@dataclass(frozen=True)
class Link:
    """One link of a chain, in the order in which AWS and Kubernetes evaluate it."""

    name: str
    """Name of the link: `access entry`, `trust policy`."""
    verdict: Verdict
    says: str
    """The string of the link, or the reason why it was not evaluated."""
    finding: Finding | None = None
    """The fault of a broken link, or a trap in a link that holds."""
    answer: ServiceAnswer | None = None
    """The service that decided, if eks-access could not."""

    @classmethod
    def holds(cls, name: str, says: str, trap: Finding | None = None) -> Link:
        return cls(name, Verdict.HOLDS, says, trap)

    @classmethod
    def broken(cls, name: str, finding: Finding) -> Link:
        return cls(name, Verdict.BROKEN, finding.says, finding)

    @classmethod
    def not_evaluated(cls, name: str, reason: str) -> Link:
        return cls(name, Verdict.NOT_EVALUATED, reason)


@dataclass(frozen=True)
class Trace:
    """A chain with all its links."""

    question: str
    """The question in words: `may arn:… list pods in namespace default of eks-clu?`."""
    links: tuple[Link, ...]
    notes: tuple[str, ...] = ()
    """Faults that do not break this chain, and what no reader of the API can see."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all links, in order."""
        return tuple(link.finding for link in self.links if link.finding is not None)

    @property
    def answered(self) -> frozenset[NotRead]:
        """Parts that were not read, and that the answer of a service replaces."""
        return frozenset(failure for link in self.links if link.answer for failure in link.answer.not_read)

    @property
    def verdict(self) -> Verdict:
        """`broken` if one link is, else `not evaluated` if one was not evaluated."""
        verdicts = {link.verdict for link in self.links}
        return next((each for each in (Verdict.BROKEN, Verdict.NOT_EVALUATED) if each in verdicts), Verdict.HOLDS)
