"""The states of stacks of the fleet that `--stack` does not select. They are read, and nothing is changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import click
import msgspec

from eks_pipeline.cli.run_options import Command
from eks_pipeline.errors import CancelledError, ExitCode
from eks_pipeline.report import Operation, Result
from eks_pipeline.runner.journal import Journal
from eks_pipeline.runner.run import Run
from eks_pipeline.runner.stack_process import StackProcess
from eks_pipeline.stack.job import Options


@dataclass(frozen=True)
class LeftOutStates:
    """The exported states, by stack. That of a stack that does not exist is empty."""

    files: dict[str, Path] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """Why a state could not be exported."""


def read_left_out_states(command: Command, names: Collection[str]) -> LeftOutStates:
    """Export the states of stacks below the folder of the run. Raises `CancelledError`."""
    if not names:
        return LeftOutStates()
    click.echo(f"reading the states of {len(names)} stacks of the fleet that are not selected", err=True)
    request = msgspec.structs.replace(
        command.journal.request, operation=Operation.DRIFT, options=Options(allow_missing=True), fail_fast=False
    )
    with Journal.create(command.journal.folder, request) as journal:
        run = Run(command.fleet.only(names), journal, StackProcess, lambda _: None)
        summary = run.execute()
    if summary.exit_code is ExitCode.CANCELLED:
        raise CancelledError(f"{command.journal.request.operation} was cancelled before it began")
    succeeded = [name for name, report in run.reports.items() if report.result is Result.SUCCEEDED]
    return LeftOutStates(
        {name: journal.folder_of(name) / "state.json" for name in succeeded},
        {name: report.reason for name, report in run.reports.items() if name not in succeeded},
    )
