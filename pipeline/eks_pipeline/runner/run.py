"""Runs an operation on the stacks of a fleet: starts their processes, follows their events, and cancels them."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from eks_pipeline import events
from eks_pipeline.errors import ExitCode
from eks_pipeline.fleet.fleet import Fleet
from eks_pipeline.fleet.inputs import changed, digests
from eks_pipeline.report import Operation, Result, RunSummary, StackReport, exit_code
from eks_pipeline.runner.journal import Journal
from eks_pipeline.runner.scheduler import Scheduler
from eks_pipeline.signals import on_cancel_signals
from eks_pipeline.stack.job import Job

OnEvent = Callable[[events.Event], object]


class RunningStack(Protocol):
    """The running operation of one stack."""

    def cancel(self) -> None:
        """Cancel the operation; a second call stops it at once."""


Start = Callable[[Job, OnEvent], RunningStack]


@dataclass(frozen=True)
class _Cancel:
    """Somebody pressed Ctrl-C."""


class Run:
    """One run of an operation."""

    def __init__(self, fleet: Fleet, journal: Journal, start: Start, on_event: OnEvent) -> None:
        self._fleet = fleet
        self._journal = journal
        self._start = start
        self._on_event = on_event
        # Signal handlers put cancellations into it, which only SimpleQueue allows.
        self._queue: queue.SimpleQueue[events.Event | _Cancel] = queue.SimpleQueue()
        self._running: dict[str, RunningStack] = {}
        self._jobs: dict[str, Job] = {}
        self.reports: dict[str, StackReport] = {}

    def execute(self) -> RunSummary:
        """Run the operation on all stacks to the end, and return the summary."""
        started = time.monotonic()
        request = self._journal.request
        stacks = self._fleet.stacks
        self._on_event(
            events.RunStarted(run=str(self._journal.folder), operation=request.operation, stacks=list(stacks))
        )
        self._jobs = {name: self._job(name) for name in stacks}
        scheduler = Scheduler(self._fleet, fail_fast=request.fail_fast, finished=self._already_done())
        with on_cancel_signals(lambda: self._queue.put(_Cancel())):
            while not scheduler.is_done:
                while (name := scheduler.start_next()) is not None:
                    self._start_stack(name)
                self._handle(self._queue.get(), scheduler)
        self.reports = {name: self.reports[name] for name in stacks}  # in the order of the fleet, for equal comments
        reports = list(self.reports.values())
        summary = RunSummary(
            str(self._journal.folder),
            request.operation,
            {report.stack: report.result for report in reports},
            round(time.monotonic() - started, 2),
            exit_code(reports),
        )
        self._on_event(events.RunFinished(summary=summary))
        return summary

    def _handle(self, event: events.Event | _Cancel, scheduler: Scheduler) -> None:
        if isinstance(event, _Cancel):
            for name in scheduler.stop("the run was cancelled"):
                self._skip(name, scheduler.reasons[name])
            for running in self._running.values():
                running.cancel()
            return
        if not isinstance(event, events.StackFinished):
            self._on_event(event)
            return
        del self._running[event.stack]
        self._finish(event.report)
        for name in scheduler.finish(event.stack, event.result):
            self._skip(name, scheduler.reasons[name])

    def _start_stack(self, name: str) -> None:
        job = self._jobs[name]
        self._journal.add(name, None, job.inputs)
        self._on_event(events.StackStarted(stack=name))
        self._running[name] = self._start(job, self._queue.put)

    def _skip(self, name: str, reason: str) -> None:
        report = StackReport(name, self._journal.request.operation, Result.SKIPPED, reason=reason)
        self._finish(report)

    def _finish(self, report: StackReport) -> None:
        self.reports[report.stack] = report
        self._journal.add(report.stack, report.result, self._jobs[report.stack].inputs, report.reason)
        self._on_event(events.StackFinished(stack=report.stack, result=report.result, report=report))

    def _already_done(self) -> dict[str, Result]:
        """Return the stacks that succeeded in the earlier part of this run, with inputs that did not change since."""
        done: dict[str, Result] = {}
        for name, entry in self._journal.entries().items():
            if entry.result is not Result.SUCCEEDED or name not in self._jobs:
                continue
            differing = changed(entry.inputs, self._jobs[name].inputs)
            if differing:
                text = f"runs again: changed since: {', '.join(differing)}"
                self._on_event(events.StackStatus(stack=name, text=text))
                continue
            operation = self._journal.request.operation
            report = StackReport(name, operation, Result.SUCCEEDED, exit_code=ExitCode.OK)
            report.reason = "done in the earlier part of this run; its inputs did not change"
            self.reports[name] = report
            self._on_event(events.StackFinished(stack=name, result=report.result, report=report))
            done[name] = Result.SUCCEEDED
        return done

    def _job(self, name: str) -> Job:
        stack, request = self._fleet.stacks[name], self._journal.request
        return Job(
            name=name,
            stack=stack.stack,
            project=stack.project,
            operation=request.operation,
            folder=self._journal.folder_of(name),
            config_file=stack.config_file,
            environment=dict(stack.environment),
            inputs=digests(stack, request.options.policy_packs),
            options=request.options,
        )


def ordered(fleet: Fleet, operation: Operation) -> Fleet:
    """Return the fleet in the order of an operation: none for previews, and the reverse for deletions."""
    if operation is Operation.DESTROY:
        return fleet.reversed()
    return fleet if operation in {Operation.UP, Operation.REFRESH, Operation.MIGRATE} else fleet.without_order()
