"""Operations on one stack with the Automation API, with progress, report and errors."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from pulumi.automation import errors as engine_errors
from pulumi.automation._stack import StackInitMode
from rich.console import Console

from pipeline import settings_file
from pipeline.engine import CancellableEngine, cancel_on_signals
from pipeline.errors import (
    CancelledError,
    MissingEngineError,
    OperationFailedError,
    PipelineError,
    ProtectedError,
    StackLockedError,
    UnknownStackError,
)
from pipeline.report import EventReporter, Report

PROJECT = Path(__file__).resolve().parent.parent


class Operation(StrEnum):
    """Operations on a stack."""

    PREVIEW = "preview"
    UP = "up"
    REFRESH = "refresh"
    DESTROY = "destroy"
    OUTPUTS = "outputs"


def run(
    operation: Operation,
    stack_name: str,
    *,
    project: Path = PROJECT,
    config_file: Path | None = None,
    show_secrets: bool = False,
    console: Console | None = None,
) -> Report:
    """Run `operation` on a stack of `project` and return a report.

    `config_file` replaces `Pulumi.<stack>.yaml` for this run. Raises a `PipelineError` whose `report` attribute has
    the steps until the failure.
    """
    engine = _create_engine()
    report = Report(stack_name, operation)
    reporter = EventReporter(report, console or Console(stderr=True))
    started = time.monotonic()
    try:
        with cancel_on_signals(engine, reporter.print_status):
            stack = _select_stack(stack_name, project, engine, config_file)
            _RUNNERS[operation](stack, reporter, str(config_file.resolve()) if config_file else None)
            if operation in _REPORTS_OUTPUTS:
                report.outputs = _read_outputs(stack, engine, project, show_secrets=show_secrets)
        report.result = "succeeded"
    except ProtectedError as error:
        report.result, error.report = "failed", report
        report.diagnostics.append(str(error))
        raise
    except auto.CommandError as error:
        report.result = "cancelled" if engine.cancelled else "failed"
        failure = _pipeline_error(error, stack_name, operation, report, cancelled=engine.cancelled)
        failure.report = report
        raise failure from error
    finally:
        report.seconds = round(time.monotonic() - started, 2)
    return report


def _preview(stack: auto.Stack, reporter: EventReporter, config_file: str | None) -> None:
    stack.preview(on_event=reporter.on_event, config_file=config_file)


def _up(stack: auto.Stack, reporter: EventReporter, config_file: str | None) -> None:
    """Preview, then update. A failed preview ends the operation before any change.

    The Automation API's `up` skips the preview, in which the lockout guard rejects changes.
    """
    reporter.print_status("previewing the update")
    stack.preview(on_event=reporter.on_preview_event, config_file=config_file)
    reporter.print_status("updating")
    stack.up(on_event=reporter.on_event, config_file=config_file, show_secrets=False)


def _refresh(stack: auto.Stack, reporter: EventReporter, config_file: str | None) -> None:
    stack.refresh(on_event=reporter.on_event, config_file=config_file, show_secrets=False)


def _destroy(stack: auto.Stack, reporter: EventReporter, config_file: str | None) -> None:
    _reject_protected(stack)
    stack.destroy(on_event=reporter.on_event, config_file=config_file, show_secrets=False)


def _no_operation(_stack: auto.Stack, _reporter: EventReporter, _config_file: str | None) -> None:
    """Do nothing: outputs are read after the operation."""


def _read_outputs(stack: auto.Stack, engine: CancellableEngine, project: Path, *, show_secrets: bool) -> dict[str, Any]:
    """Return the stack outputs as the engine prints them: `[secret]` for secrets, nested ones included.

    The Automation API hides an output only if all of it is secret.
    """
    options = ["--show-secrets"] if show_secrets else []
    command = ["stack", "output", "--json", *options, "--stack", stack.name]
    outputs: dict[str, Any] = json.loads(engine.run(command, str(project), stack.workspace.env_vars).stdout)
    return dict(sorted(outputs.items()))


def _reject_protected(stack: auto.Stack) -> None:
    """Raise `ProtectedError` before anything is deleted: without a preview the engine deletes other resources first."""
    resources = (stack.export_stack().deployment or {}).get("resources", [])
    protected = [resource["urn"] for resource in resources if resource.get("protect")]
    if protected:
        lines = "".join(f"\n  {urn}\n  fix: run `pulumi state unprotect '{urn}' -s {stack.name}`" for urn in protected)
        raise ProtectedError(f"stack {stack.name!r} has protected resources; nothing was deleted:{lines}")


_RUNNERS: dict[Operation, Callable[[auto.Stack, EventReporter, str | None], None]] = {
    Operation.PREVIEW: _preview,
    Operation.UP: _up,
    Operation.REFRESH: _refresh,
    Operation.DESTROY: _destroy,
    Operation.OUTPUTS: _no_operation,
}
_REPORTS_OUTPUTS = {Operation.UP, Operation.REFRESH, Operation.OUTPUTS}


def _create_engine() -> CancellableEngine:
    try:
        return CancellableEngine()
    except FileNotFoundError as error:
        raise MissingEngineError(
            'no `pulumi` on PATH\n  fix: install Pulumi, or in a shell for the lab run: eval "$(python -m lab env)"'
        ) from error
    except auto.InvalidVersionError as error:
        raise MissingEngineError(f"{error}\n  fix: install a newer Pulumi") from error


def _select_stack(stack_name: str, project: Path, engine: CancellableEngine, config_file: Path | None) -> auto.Stack:
    """Return the stack, and create it in the backend on first use.

    Raises `UnknownStackError` without a settings file, and `SettingsFileError` for an invalid one.
    """
    names = sorted(file.name.split(".")[1] for file in project.glob("Pulumi.*.yaml"))
    if stack_name not in names:
        raise UnknownStackError(
            f"stack {stack_name!r}: no settings file Pulumi.{stack_name}.yaml in {project}\n"
            f"  fix: pass one of {', '.join(names) or '(none yet)'}, or create that file"
        )
    for file in filter(None, (project / f"Pulumi.{stack_name}.yaml", config_file)):
        settings_file.check(file)
    workspace = auto.LocalWorkspace(work_dir=str(project), pulumi_command=engine)
    return _Stack(stack_name, workspace, StackInitMode.CREATE_OR_SELECT)


class _Stack(auto.Stack):
    """A stack whose operations end when the engine ends.

    The Automation API would run the engine three more times, for outputs and history that the report does not use.
    """

    def outputs(self) -> auto.OutputMap:
        return {}

    def info(self, show_secrets: bool | None = None) -> Any:  # noqa: ARG002, FBT001 - as in the base class
        return _NO_SUMMARY


_NO_SUMMARY = object()
"""Placeholder for the summary of an operation in the Automation API's results."""


def _pipeline_error(
    error: auto.CommandError, stack_name: str, operation: Operation, report: Report, *, cancelled: bool
) -> PipelineError:
    if cancelled:
        return CancelledError(f"{operation} of stack {stack_name!r} was cancelled; the stack is not locked")
    if isinstance(error, engine_errors.ConcurrentUpdateError):
        return StackLockedError(
            f"stack {stack_name!r} is locked by another update\n"
            f"  fix: wait for it; if it was killed, run `pulumi cancel -s {stack_name}` to remove its lock"
        )
    if all(line.startswith("warning: ") for line in report.diagnostics):
        report.diagnostics.append(str(error))
        return OperationFailedError(f"{operation} of stack {stack_name!r} failed:\n{error}")
    return OperationFailedError(
        f"{operation} of stack {stack_name!r} failed: {len(report.diagnostics)} message(s) above"
    )
