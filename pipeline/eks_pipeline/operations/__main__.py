"""The process of one stack: reads its job from standard input, runs the operation, and prints events.

The end of standard input is the end of the process that started it: the operation is then cancelled, so that no update
goes on without its run.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module

from pulumi import automation as auto

from eks_pipeline import events
from eks_pipeline.errors import (
    CancelledError,
    ExitCode,
    OperationFailedError,
    PipelineError,
)
from eks_pipeline.operations.context import Context
from eks_pipeline.report import Result, StackReport
from eks_pipeline.signals import on_cancel_signals
from eks_pipeline.stack import failures
from eks_pipeline.stack.commands import StackCommands, create_engine
from eks_pipeline.stack.engine import CancellableEngine
from eks_pipeline.stack.job import Job, decode
from eks_pipeline.stack.reporter import EventReporter, plain


def main() -> None:
    """Run the job of standard input."""
    job = decode(sys.stdin.buffer.readline(), Job)
    lock = threading.Lock()

    def send(event: events.Event) -> None:
        with lock:
            sys.stdout.write(f"{events.encode(event)}\n")
            sys.stdout.flush()

    report = StackReport(job.name, job.operation)
    started = time.monotonic()
    try:
        _run(job, report, EventReporter(report, send))
        report.result, report.exit_code = Result.SUCCEEDED, ExitCode.OK
    except PipelineError as error:
        report.result = Result.CANCELLED if isinstance(error, CancelledError) else Result.FAILED
        report.exit_code, report.reason = error.exit_code, str(error)
    report.seconds = round(time.monotonic() - started, 2)
    send(events.StackFinished(stack=job.name, result=report.result, report=report))


def _run(job: Job, report: StackReport, reporter: EventReporter) -> None:
    """Run the operation. Raises a `PipelineError` if it fails."""
    engine = create_engine()

    def cancel() -> None:
        reporter.status("stopping at once" if engine.cancelled else "cancelling: the engine finishes its current step")
        engine.cancel()

    _cancel_at_end_of_input(cancel)
    operation = import_module(f"eks_pipeline.operations.{job.operation}")
    try:
        with on_cancel_signals(cancel):
            operation.run(Context(job, StackCommands(job, engine), report, reporter))
    except auto.CommandError as error:
        raise _pipeline_error(error, job, report, engine) from error
    except PipelineError as error:
        report.diagnostics.append(str(error))
        raise


def _cancel_at_end_of_input(cancel: Callable[[], object]) -> None:
    def wait() -> None:
        while os.read(0, 1):  # not sys.stdin, whose lock a daemon thread would hold when the interpreter ends
            pass
        cancel()

    threading.Thread(target=wait, daemon=True).start()


def _pipeline_error(
    error: auto.CommandError, job: Job, report: StackReport, engine: CancellableEngine
) -> PipelineError:
    if engine.cancelled:
        # The first signal lets the engine release its lock; the second ends it at once.
        fix = f"\n  fix: if its lock remains, run `{failures.cancel_command(job)}`" if engine.cancellations > 1 else ""
        return CancelledError(f"{job.operation} of stack {job.name!r} was cancelled{fix}")
    if (explained := failures.explain(error, job)) is not None:
        report.diagnostics.append(str(explained))
        return explained
    if all(line.startswith("warning: ") for line in report.diagnostics):
        text = plain(failures.engine_text(error))
        report.diagnostics.append(text)
        return OperationFailedError(f"{job.operation} of stack {job.name!r} failed: {text}")
    return OperationFailedError(
        f"{job.operation} of stack {job.name!r} failed: {len(report.diagnostics)} message(s) above"
    )


if __name__ == "__main__":
    main()
