"""The outcome of an operation: of one stack, and of a run of several."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from eks_pipeline.errors import ExitCode


class Operation(StrEnum):
    """Operations on a stack."""

    PREVIEW = "preview"
    UP = "up"
    REFRESH = "refresh"
    DRIFT = "drift"
    MIGRATE = "migrate"
    DESTROY = "destroy"
    OUTPUTS = "outputs"


class Result(StrEnum):
    """How an operation on a stack ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It did not start: a stack that it depends on failed, or the run ended before."""
    CANCELLED = "cancelled"


@dataclass
class Change:
    """A step of the engine on one resource; in a preview, a planned step."""

    urn: str
    type: str
    operation: str
    properties: list[str] = field(default_factory=list)
    """Paths of the properties that differ."""

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True)
class PolicyFinding:
    """A violation that a policy pack reported."""

    policy: str
    enforcement: str
    """`advisory`, `mandatory` or `remediate`."""
    message: str
    urn: str = ""
    """The resource; empty for a policy of the whole stack."""
    pack: str = ""


@dataclass
class StackReport:
    """The outcome of one operation on one stack."""

    stack: str
    operation: str
    result: Result = Result.FAILED
    seconds: float = 0.0
    summary: dict[str, int] = field(default_factory=dict)
    """Number of resources for each kind of step, as the engine counts them."""
    changes: list[Change] = field(default_factory=list)
    diagnostics: list[str] = field(default_factory=list)
    """Errors and warnings of the engine."""
    policies: list[PolicyFinding] = field(default_factory=list)
    """Violations that policy packs reported."""
    outputs: dict[str, Any] = field(default_factory=dict)
    exit_code: ExitCode = ExitCode.FAILED
    reason: str = ""
    """Why the stack did not succeed, with a fix; or why it did not run again."""


@dataclass(frozen=True)
class RunSummary:
    """The outcome of a run."""

    run: str
    """Folder of the run: its journal, and the previews and logs of its stacks."""
    operation: str
    results: dict[str, Result]
    """The result of each stack."""
    seconds: float
    exit_code: ExitCode

    def count(self, result: Result) -> int:
        return sum(each is result for each in self.results.values())


def exit_code(reports: list[StackReport]) -> ExitCode:
    """Return the exit code of a run: that of its failed stacks if they agree.

    A cancelled stack decides first. A skipped stack follows from another, which decides.
    """
    codes = {report.exit_code for report in reports if report.result in {Result.FAILED, Result.CANCELLED}}
    if ExitCode.CANCELLED in codes:
        return ExitCode.CANCELLED
    if not codes and any(report.result is Result.SKIPPED for report in reports):
        return ExitCode.FAILED
    return ExitCode.OK if not codes else codes.pop() if len(codes) == 1 else ExitCode.FAILED
