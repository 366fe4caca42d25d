"""Runs without an engine: their stacks end as the test says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from eks_pipeline import events
from eks_pipeline.errors import ExitCode
from eks_pipeline.fleet.fleet import Fleet
from eks_pipeline.fleet.fleet_stack import FleetStack
from eks_pipeline.report import Result, StackReport
from eks_pipeline.runner.run import OnEvent
from eks_pipeline.stack.job import Job

_CODES = {Result.SUCCEEDED: ExitCode.OK, Result.CANCELLED: ExitCode.CANCELLED}


def fleet_of(
    folder: Path, *names: str, after: Mapping[str, Mapping[str, str]] | None = None, concurrency: int = 2
) -> Fleet:
    """Return a fleet whose stacks have settings files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        file = folder / f"Pulumi.{name}.yaml"
        if not file.exists():
            file.write_text("config: {}\n")
    return Fleet({name: FleetStack(name, name, folder) for name in names}, after or {}, concurrency)


class ScriptedStacks:
    """Starts stacks that end at once with a result, except those that run until they are cancelled."""

    def __init__(self, results: Mapping[str, Result] | None = None, endless: Collection[str] = ()) -> None:
        self._results = results or {}
        self._endless = endless
        self.started: list[str] = []
        self.cancelled: list[str] = []
        self.on_start: Callable[[str], object] = lambda _: None

    def start(self, job: Job, on_event: OnEvent) -> _ScriptedStack:
        """Start a stack."""
        self.started.append(job.name)
        stack = _ScriptedStack(job, on_event, self.cancelled)
        if job.name not in self._endless:
            stack.end(self._results.get(job.name, Result.SUCCEEDED))
        self.on_start(job.name)
        return stack


class _ScriptedStack:
    """A running stack. It ends at its second cancellation, as an engine in a long step does."""

    def __init__(self, job: Job, on_event: OnEvent, cancelled: list[str]) -> None:
        self._job, self._on_event, self._cancelled = job, on_event, cancelled

    def end(self, result: Result) -> None:
        """End the stack with a result."""
        code = _CODES.get(result, ExitCode.FAILED)
        report = StackReport(self._job.name, self._job.operation, result, 1.0, exit_code=code, reason="scripted")
        self._on_event(events.StackFinished(stack=self._job.name, result=result, report=report))

    def cancel(self) -> None:
        """Note the cancellation."""
        self._cancelled.append(self._job.name)
        if self._cancelled.count(self._job.name) == 2:
            self.end(Result.CANCELLED)
