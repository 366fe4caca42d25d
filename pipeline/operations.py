"""The operations on one stack, each a call of the Automation API with its progress, its report and its errors."""

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
from pipeline.engine import CancellableEngine, cancelled_by_signals
from pipeline.errors import (
    CancelledError,
    MissingEngineError,
    OperationFailedError,
    PipelineError,
    ProtectedError,
    StackLockedError,
    UnknownStackError,
)
from pipeline.report import Narrator, Report

PROJECT = Path(__file__).resolve().parent.parent


class Operation(StrEnum):
    """What can be done to a stack."""

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
    """Carry out `operation` on a stack of `project`, and report what the engine did.

    `config_file` stands in for `Pulumi.<stack>.yaml` in this one run. Raises a `PipelineError` whose `report`
    attribute holds what was done until then.
    """
    engine = _engine()
    report = Report(stack_name, operation)
    narrator = Narrator(report, console or Console(stderr=True))
    started = time.monotonic()
    try:
        with cancelled_by_signals(engine, narrator.say):
            stack = _select(stack_name, project, engine, config_file)
            _OPERATIONS[operation](stack, narrator, str(config_file.resolve()) if config_file else None)
            if operation in _WITH_OUTPUTS:
                report.outputs = _outputs(stack, engine, project, show_secrets=show_secrets)
        report.result = "succeeded"
    except ProtectedError as error:
        report.result, error.report = "failed", report
        report.diagnostics.append(str(error))
        raise
    except auto.CommandError as error:
        report.result = "cancelled" if engine.cancelled else "failed"
        failure = _failure(error, stack_name, operation, report, cancelled=engine.cancelled)
        failure.report = report
        raise failure from error
    finally:
        report.seconds = round(time.monotonic() - started, 2)
    return report


def _preview(stack: auto.Stack, narrator: Narrator, config_file: str | None) -> None:
    stack.preview(on_event=narrator.hear, config_file=config_file)


def _up(stack: auto.Stack, narrator: Narrator, config_file: str | None) -> None:
    """Preview, then update. A failed preview ends the operation before anything is changed.

    The Automation API's `up` skips the preview, in which a change that locks somebody out is rejected.
    """
    narrator.say("previewing the update")
    stack.preview(on_event=narrator.hear_preview, config_file=config_file)
    narrator.say("updating")
    stack.up(on_event=narrator.hear, config_file=config_file, show_secrets=False)


def _refresh(stack: auto.Stack, narrator: Narrator, config_file: str | None) -> None:
    stack.refresh(on_event=narrator.hear, config_file=config_file, show_secrets=False)


def _destroy(stack: auto.Stack, narrator: Narrator, config_file: str | None) -> None:
    _refuse_protected(stack)
    stack.destroy(on_event=narrator.hear, config_file=config_file, show_secrets=False)


def _nothing(_stack: auto.Stack, _narrator: Narrator, _config_file: str | None) -> None:
    """Outputs are read after each operation."""


def _outputs(stack: auto.Stack, engine: CancellableEngine, project: Path, *, show_secrets: bool) -> dict[str, Any]:
    """The stack's outputs as the engine prints them: `[secret]` in place of secrets, also within lists and mappings.

    The Automation API's own outputs hide only what is secret as a whole.
    """
    shown = ["--show-secrets"] if show_secrets else []
    command = ["stack", "output", "--json", *shown, "--stack", stack.name]
    found: dict[str, Any] = json.loads(engine.run(command, str(project), stack.workspace.env_vars).stdout)
    return dict(sorted(found.items()))


def _refuse_protected(stack: auto.Stack) -> None:
    """Refuses before anything is deleted: without a preview, the engine deletes all that is not protected first."""
    resources = (stack.export_stack().deployment or {}).get("resources", [])
    protected = [resource["urn"] for resource in resources if resource.get("protect")]
    if protected:
        shown = "".join(f"\n  {urn}\n  fix: `pulumi state unprotect '{urn}' -s {stack.name}`" for urn in protected)
        raise ProtectedError(f"stack {stack.name!r} holds what is protected, and nothing of it was deleted:{shown}")


_OPERATIONS: dict[Operation, Callable[[auto.Stack, Narrator, str | None], None]] = {
    Operation.PREVIEW: _preview,
    Operation.UP: _up,
    Operation.REFRESH: _refresh,
    Operation.DESTROY: _destroy,
    Operation.OUTPUTS: _nothing,
}
_WITH_OUTPUTS = {Operation.UP, Operation.REFRESH, Operation.OUTPUTS}


def _engine() -> CancellableEngine:
    try:
        return CancellableEngine()
    except FileNotFoundError as error:
        raise MissingEngineError(
            'no `pulumi` on PATH\n  fix: install Pulumi, or enter the lab\'s shell: eval "$(python -m lab env)"'
        ) from error
    except auto.InvalidVersionError as error:
        raise MissingEngineError(f"{error}\n  fix: install a newer Pulumi") from error


def _select(stack_name: str, project: Path, engine: CancellableEngine, config_file: Path | None) -> auto.Stack:
    """The stack, made in the backend on its first use; its settings file must be there, and be readable."""
    known = sorted(file.name.split(".")[1] for file in project.glob("Pulumi.*.yaml"))
    if stack_name not in known:
        raise UnknownStackError(
            f"stack {stack_name!r}: no settings file Pulumi.{stack_name}.yaml in {project}\n"
            f"  fix: name one of {', '.join(known) or '(none yet)'}, or write that file"
        )
    for file in filter(None, (project / f"Pulumi.{stack_name}.yaml", config_file)):
        settings_file.check(file)
    workspace = auto.LocalWorkspace(work_dir=str(project), pulumi_command=engine)
    return _Stack(stack_name, workspace, StackInitMode.CREATE_OR_SELECT)


class _Stack(auto.Stack):
    """A stack whose operations end when the engine has ended.

    The Automation API would run the engine three times more, for outputs and history that the report does not have.
    """

    def outputs(self) -> auto.OutputMap:
        return {}

    def info(self, show_secrets: bool | None = None) -> Any:  # noqa: ARG002, FBT001 - as in the base class
        return _NOT_ASKED


_NOT_ASKED = object()
"""Stands in the Automation API's results for the summary of an operation."""


def _failure(
    error: auto.CommandError, stack_name: str, operation: Operation, report: Report, *, cancelled: bool
) -> PipelineError:
    if cancelled:
        return CancelledError(f"{operation} of stack {stack_name!r} was cancelled; the stack is not locked")
    if isinstance(error, engine_errors.ConcurrentUpdateError):
        return StackLockedError(
            f"stack {stack_name!r} is locked by another update\n"
            f"  fix: wait for it; if it was killed, `pulumi cancel -s {stack_name}` removes its lock"
        )
    if all(line.startswith("warning: ") for line in report.diagnostics):
        report.diagnostics.append(str(error))
        return OperationFailedError(f"{operation} of stack {stack_name!r} failed:\n{error}")
    return OperationFailedError(
        f"{operation} of stack {stack_name!r} failed: {len(report.diagnostics)} message(s) above"
    )
