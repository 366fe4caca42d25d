"""The command `eks-pipeline drift`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from eks_pipeline.cli.left_out_states import read_left_out_states
from eks_pipeline.cli.preview import collect_failed
from eks_pipeline.cli.review_output import ReviewOutput, other_stacks, review_options
from eks_pipeline.cli.run_options import Command, print_failures, print_summary, run_options
from eks_pipeline.errors import ExitCode, UsageError
from eks_pipeline.fleet import settings_file
from eks_pipeline.fleet.fleet_stack import FleetStack
from eks_pipeline.report import Operation, Result, StackReport
from eks_pipeline.review.drift import FleetStates, drift_of_fleet
from eks_pipeline.review.stack_preview import FleetPreview, StackPreview
from eks_pipeline.review.stack_states import StackState
from eks_pipeline.review.terminal import drift_sentences, restored_sentences
from eks_pipeline.stack.job import Options


@click.command()
@run_options
@review_options
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="PATTERN",
    help="Access in no state that is not reported, as in 'ClusterRoleBinding argocd-*'. Can be repeated.",
)
@click.option("--allow-not-evaluated", is_flag=True, help="Exit with 0 although a part could not be evaluated.")
@click.option("--fix", is_flag=True, help="Show the update that brings the declared access back.")
@click.option("--yes", is_flag=True, help="With --fix: apply that update.")
def drift(
    *, review: ReviewOutput, ignored: tuple[str, ...], allow_not_evaluated: bool, fix: bool, yes: bool, **run: Any
) -> None:
    """Compare the states of the stacks with their clusters and accounts. Changes nothing without --fix --yes.

    Lists access that differs from the states, access that is in no state, access after its last day, and stacks that
    the fleet file does not have. Exits with 1 if there is some, or if a part of it could not be evaluated.
    """
    if yes and not fix:
        raise UsageError("--yes must be set with --fix only: drift applies nothing\n  fix: add --fix, or remove --yes")
    if run["resume"]:
        raise UsageError("--resume must be omitted: drift compares all stacks at once\n  fix: run it without --resume")
    command = Command(Operation.DRIFT, options=Options(), **run)
    summary, reports = command.execute()
    fleet = replace(_compare(command, reports, ignored), other_stacks=other_stacks(command, summary))
    review.write(fleet, command.journal.folder)
    print_failures(reports)
    if not command.as_json:
        print_summary(summary, reports)
        for sentence in drift_sentences(fleet):
            click.echo(sentence)
    review.post(command.journal.folder)

    def is_drift(stack: StackPreview) -> bool:
        return any(access.is_drift(allow_not_evaluated=allow_not_evaluated) for access in stack.access)

    differing = list(filter(is_drift, fleet.stacks))
    code = ExitCode.FAILED if differing and summary.exit_code is ExitCode.OK else summary.exit_code
    if fix and differing:
        code = _fix(differing, run, is_applied=yes)
    is_incomplete = fleet.other_stacks.is_incomplete and not allow_not_evaluated
    sys.exit(ExitCode.FAILED if is_incomplete and code is ExitCode.OK else code)


def _compare(command: Command, reports: dict[str, StackReport], ignored: tuple[str, ...]) -> FleetPreview:
    fleet, left_out = command.fleet, command.fleet.left_out
    succeeded = [name for name, report in reports.items() if report.result is Result.SUCCEEDED]
    others = read_left_out_states(command, left_out if succeeded else ())
    for name, reason in others.failed.items():
        click.echo(f"warning: the state of {name}, which is not selected, was not read: {reason}", err=True)
    files = {name: command.journal.folder_of(name) / "state.json" for name in succeeded} | others.files
    stacks = (fleet.complete_fleet or fleet).stacks
    states = FleetStates(
        [_state(stack, files[name]) for name, stack in stacks.items() if name in files],
        left_out,
        [name for name in stacks if name not in files],
        has_fleet_file=command.journal.request.fleet is not None,
    )
    click.echo("comparing the states with the living clusters", err=True)
    found = drift_of_fleet(states, ignored, fleet.concurrency)
    failed = {name: collect_failed(report) for name, report in reports.items() if name not in found}
    return FleetPreview(operation=Operation.DRIFT, stacks=tuple(found.values()), failed=failed, left_out=left_out)


def _state(stack: FleetStack, file: Path) -> StackState:
    """Return the state of a stack with the profile and region of its settings; the environment may have others."""
    config = settings_file.config(stack.settings)
    profile, region = (
        value if isinstance(value, str) else None for value in (config.get("aws:profile"), config.get("aws:region"))
    )
    return StackState(stack.name, file, tuple(sorted(stack.environment.items())), profile, region)


def _fix(differing: Sequence[StackPreview], run: dict[str, Any], *, is_applied: bool) -> ExitCode:
    """Show what the updates with a refresh change in access, and run them if `is_applied`. Return the exit code."""
    restored = tuple(each for each in differing if any(access.restored for access in each.access))
    if not restored:
        click.echo("no update changes this: run the commands above, or declare the access")
        return ExitCode.FAILED
    click.echo("an update with a refresh brings back what the states declare:")
    for sentence in restored_sentences(restored):
        click.echo(f"  {sentence}")
    names = tuple(each.stack for each in restored)
    if not is_applied:
        options = [*(("--fleet", str(run["fleet"])) if run["fleet"] else ()), *(f"--stack={name}" for name in names)]
        click.echo(f"to apply it: run `eks-pipeline up --refresh {shlex.join(options)}`, or drift --fix --yes")
        return ExitCode.FAILED
    update = Command(Operation.UP, options=Options(refresh=True), **{**run, "stacks": names})
    summary, reports = update.execute()
    print_failures(reports)
    if not update.as_json:
        print_summary(summary, reports)
    access = [access for each in differing for access in each.access]
    remains = any(each.unmanaged or each.expired or each.difference is None for each in access)
    return ExitCode.FAILED if remains and summary.exit_code is ExitCode.OK else summary.exit_code
