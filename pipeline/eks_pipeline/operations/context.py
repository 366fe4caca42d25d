"""What an operation works with: the stack's job, the engine's commands on it, and its report."""

from __future__ import annotations

from dataclasses import dataclass

from eks_pipeline.report import StackReport
from eks_pipeline.stack.commands import StackCommands
from eks_pipeline.stack.job import Job
from eks_pipeline.stack.reporter import EventReporter


@dataclass(frozen=True)
class Context:
    """One operation on one stack."""

    job: Job
    commands: StackCommands
    report: StackReport
    reporter: EventReporter

    def read_outputs(self) -> None:
        """Add the outputs of the stack to the report."""
        self.report.outputs = self.commands.outputs(show_secrets=self.job.options.show_secrets)
