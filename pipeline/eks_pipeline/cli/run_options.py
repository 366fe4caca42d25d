"""The options that all operations have, and the run that a command starts with them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource
from rich.console import Console

from eks_access.command_line import printable
from eks_pipeline import events
from eks_pipeline.errors import ExitCode, MissingEngineError, UsageError
from eks_pipeline.fleet.fleet import Fleet, list_of_stacks, open_fleet
from eks_pipeline.report import Operation, Result, RunSummary, StackReport
from eks_pipeline.runner.journal import FOLDER, Journal, Request
from eks_pipeline.runner.progress import Progress
from eks_pipeline.runner.run import Run, ordered
from eks_pipeline.runner.stack_process import StackProcess
from eks_pipeline.stack.job import Options

FILE = click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path)
DIRECTORY = click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path)
NEW_DIRECTORY = click.Path(file_okay=False, resolve_path=True, path_type=Path)


class _NewFile(click.Path):
    """A file to write, in a folder that exists: the command must not fail after its run."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; end the command if the file cannot be written there."""
        file = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not os.access(file.parent, os.W_OK):
            rule = f"the folder of {str(value)!r} must exist and be writable"
            self.fail(f"{rule}\n  fix: run `mkdir -p {file.parent}`", param, ctx)
        return file


NEW_FILE = _NewFile(dir_okay=False, writable=True, resolve_path=True, path_type=Path)

_OPTIONS = (
    click.option(
        "--stack",
        "stacks",
        multiple=True,
        metavar="NAME",
        help="Stack to run, with settings in Pulumi.NAME.yaml; of a fleet also a group. Can be repeated.",
    ),
    click.option("--fleet", type=FILE, help="Fleet file: runs all its stacks, or those of --stack."),
    click.option("--config-file", type=FILE, help="Settings file for this run instead of Pulumi.NAME.yaml."),
    click.option("-C", "--cwd", "project", type=DIRECTORY, default=".", help="Folder of the Pulumi project."),
    click.option(
        "--concurrency", type=click.IntRange(min=1), metavar="N", help="Number of stacks that run at the same time."
    ),
    click.option("--fail-fast", is_flag=True, help="Start no further stack after one has failed."),
    click.option("--resume", metavar="RUN", help="Go on with an earlier run, with its stacks and options."),
    click.option(
        "--runs",
        type=NEW_DIRECTORY,
        default=FOLDER,
        show_default=True,
        help="Folder of the runs: journals, previews and logs.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the events of the run on standard output, one a line."),
)


_OPTIONS_WITH_RESUME = frozenset(
    ("resume", "runs", "project", "as_json", "approved", "save", "save_comment", "comment_to", "comment_name")
)
"""Parameters that a resumed run accepts: where it is, where its result is written, and further approvals."""


def run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a run to a command, which gets them as keyword arguments of `Command`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class Command:
    """A run as the command line describes it."""

    def __init__(
        self,
        operation: Operation,
        *,
        stacks: tuple[str, ...],
        fleet: Path | None,
        config_file: Path | None,
        project: Path,
        concurrency: int | None,
        fail_fast: bool,
        resume: str | None,
        runs: Path,
        as_json: bool,
        options: Options,
    ) -> None:
        """Check the options. Raises `UsageError`."""
        self.as_json = as_json
        journal = None
        if resume is not None:
            _reject_options_of_the_run()
            journal = Journal.open(runs, resume, operation)
            journal.approve(options.approved)
        request = Request(
            operation=operation,
            fleet=fleet,
            stacks=tuple(dict.fromkeys(stacks)),
            project=project,
            config_file=config_file,
            concurrency=concurrency,
            fail_fast=fail_fast,
            options=options,
        )
        self.fleet = _fleet(request if journal is None else journal.request)
        if journal is not None and (removed := sorted(journal.entries().keys() - self.fleet.stacks.keys())):
            rule = f"has stacks that the fleet file does not have any more: {', '.join(removed)}"
            raise UsageError(f"--resume {resume!r} {rule}\n  fix: add them again, or start a new run without --resume")
        _require_engine()
        self.journal = journal or Journal.create(runs, request)

    def execute(self) -> tuple[RunSummary, dict[str, StackReport]]:
        """Run the operation and print its progress; return the summary and the report of each stack."""
        with self.journal, Progress(Console(stderr=True)) as progress:

            def on_event(event: events.Event) -> None:
                progress.on_event(event)
                if self.as_json:
                    click.echo(events.encode(event))

            run = Run(ordered(self.fleet, self.journal.request.operation), self.journal, StackProcess, on_event)
            return run.execute(), run.reports


def _reject_options_of_the_run() -> None:
    """Raise `UsageError` for options that a resumed run has already, and that would otherwise be ignored."""
    context = click.get_current_context()
    unusable = [
        max(option.opts, key=len)
        for option in context.command.params
        if option.name not in _OPTIONS_WITH_RESUME
        and context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    ]
    if unusable:
        rule = "must be omitted with --resume: the run has its own stacks and options"
        raise UsageError(f"{', '.join(unusable)} {rule}\n  fix: remove them, or start a new run without --resume")


def finish(
    command: Command,
    summary: RunSummary,
    reports: dict[str, StackReport],
    print_details: Callable[[dict[str, StackReport]], object] = lambda _: None,
) -> NoReturn:
    """Print errors, the summary of a run and its details, and exit with its code."""
    print_result(command, summary, reports, print_details)
    sys.exit(summary.exit_code)


def print_result(
    command: Command,
    summary: RunSummary,
    reports: dict[str, StackReport],
    print_details: Callable[[dict[str, StackReport]], object] = lambda _: None,
) -> None:
    """Print errors, the summary of a run and its details, and how to go on."""
    print_failures(reports)
    if not command.as_json:
        print_summary(summary, reports)
        print_details(reports)
    if summary.exit_code is not ExitCode.OK and len(reports) > 1:
        name = command.journal.folder.name
        click.echo(f"to go on: eks-pipeline {summary.operation} --resume {name}", err=True)


def print_failures(reports: dict[str, StackReport]) -> None:
    """Print why stacks failed."""
    for report in reports.values():
        if report.result in {Result.FAILED, Result.CANCELLED}:
            click.echo(f"error: {printable(report.reason)}", err=True)


def print_summary(summary: RunSummary, reports: dict[str, StackReport]) -> None:
    """Print one line for a single stack, and a line for each result of several."""
    if len(reports) == 1:
        (report,) = reports.values()
        counts = ", ".join(f"{count} {step}" for step, count in sorted(report.summary.items()))
        is_done = report.result is Result.SUCCEEDED and report.reason  # in the earlier part of a resumed run
        details = report.reason if is_done else counts or "no resources"
        click.echo(f"{report.operation} of {report.stack}: {report.result} in {report.seconds} s ({details})")
        return
    counts = ", ".join(f"{summary.count(result)} {result}" for result in Result)
    click.echo(f"{summary.operation} of {len(reports)} stacks: {counts} in {summary.seconds} s")
    for report in reports.values():
        if report.result is not Result.SUCCEEDED or report.reason:
            click.echo(f"  {report.stack}: {report.result}: {report.reason.partition(chr(10))[0]}")


def _require_engine() -> None:
    if shutil.which("pulumi") is None:
        raise MissingEngineError(
            'no `pulumi` on PATH\n  fix: install Pulumi, or in a shell for the lab run: eval "$(python -m lab env)"'
        )


def _fleet(request: Request) -> Fleet:
    """Return the stacks of a request. Raises `UsageError`."""
    if request.fleet is None and not request.stacks:
        raise UsageError("--stack or --fleet must be set\n  fix: pass --stack NAME or --fleet FILE")
    if request.config_file is not None and (request.fleet is not None or len(request.stacks) != 1):
        raise UsageError("--config-file must be set for one --stack only\n  fix: set it in the fleet file")
    if request.fleet is None:
        fleet = list_of_stacks(request.stacks, request.project, request.config_file)
    else:
        fleet = open_fleet(request.fleet)
        fleet = fleet.selected(request.stacks) if request.stacks else fleet
    return fleet if request.concurrency is None else fleet.with_concurrency(request.concurrency)
