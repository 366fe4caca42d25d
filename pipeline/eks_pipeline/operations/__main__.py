"""The process of one stack: reads its job from standard input, runs the operation, and prints events.

The end of standard input is the end of the process that started it: the operation is then cancelled, so that no update
goes on without its run.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
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

_CANCELLING = "cancelling: the engine finishes its current step"
_STOPPING = "stopping at once"


def main() -> None:
    """Run the job of standard input."""
    job = decode(sys.stdin.buffer.readline(), Job)
    lock = threading.Lock()

    def send(event: events.Event) -> None:
        with lock, suppress(BrokenPipeError):  # of a killed run, whose operations are cancelled
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
        engine.cancel()
        reporter.status(_STOPPING if engine.cancellations > 1 else _CANCELLING)

    request_cancellation = _cancellations(cancel)
    _at_end_of_input(request_cancellation)
    operation = import_module(f"eks_pipeline.operations.{job.operation}")
    try:
        with on_cancel_signals(request_cancellation):
            operation.run(Context(job, StackCommands(job, engine), report, reporter))
    except auto.CommandError as error:
        raise _pipeline_error(error, job, report, engine) from error
    except PipelineError as error:
        report.diagnostics.append(str(error))
        raise


def _cancellations(cancel: Callable[[], object]) -> Callable[[], object]:
    """Return a function that lets another thread call `cancel`.

    A handler of signals interrupts the main thread, which may hold the locks that `cancel` needs.
    """
    requests: queue.SimpleQueue[None] = queue.SimpleQueue()

    def follow() -> None:
        while True:
            requests.get()
            cancel()

    threading.Thread(target=follow, daemon=True).start()
    return lambda: requests.put(None)


def _at_end_of_input(cancel: Callable[[], object]) -> None:
    """Call `cancel` when the run has ended."""

    def wait() -> None:
        while os.read(0, 1):  # not sys.stdin, whose lock a daemon thread would hold when the interpreter ends
            pass
        cancel()

    threading.Thread(target=wait, daemon=True).start()


def _pipeline_error(
    error: auto.CommandError, job: Job, report: StackReport, engine: CancellableEngine
) -> PipelineError:
    if engine.cancelled:
        text = f"{job.operation} of stack {job.name!r} was cancelled"
        if engine.cancellations > 1:  # the first signal lets the engine end its step and release its lock
            text += " at once: the step that it interrupted may have changed a resource, and the next run names it"
            text += f"\n  fix: run it again; if the lock remains, run `{failures.cancel_command(job)}` first"
        return CancelledError(text)
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
