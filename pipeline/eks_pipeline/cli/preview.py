"""The command `eks-pipeline preview`."""

from __future__ import annotations

import sys
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import click

from eks_pipeline.cli.review_output import ReviewOutput, other_stacks, review_options
from eks_pipeline.cli.run_options import DIRECTORY, NEW_DIRECTORY, Command, print_result, run_options
from eks_pipeline.report import Operation, Result, StackReport
from eks_pipeline.review import stack_preview
from eks_pipeline.review.terminal import sentences
from eks_pipeline.stack.job import Options

policy_pack_option = click.option(
    "--policy-pack", "policy_packs", type=DIRECTORY, multiple=True, help="Folder of a policy pack to run."
)

refresh_option = click.option(
    "--refresh", is_flag=True, help="Read the resources that exist first, so that the update brings them back."
)


@click.command()
@run_options
@review_options
@policy_pack_option
@refresh_option
@click.option("--save-plans", type=NEW_DIRECTORY, help="Folder for the engine's update plans (experimental).")
def preview(
    *,
    policy_packs: tuple[Path, ...],
    refresh: bool,
    save_plans: Path | None,
    review: ReviewOutput,
    **run: Any,
) -> None:
    """Preview the update of the stacks: resources, access and policies. Changes nothing."""
    options = Options(policy_packs=policy_packs, refresh=refresh, save_plans=save_plans)
    command = Command(Operation.PREVIEW, options=options, **run)
    summary, reports = command.execute()
    fleet = replace(collect(command, reports), other_stacks=other_stacks(command, summary))
    review.write(fleet, command.journal.folder)

    def print_access(_: dict[str, StackReport]) -> None:
        for sentence in sentences(fleet):
            click.echo(sentence)

    print_result(command, summary, reports, print_access)
    review.post(command.journal.folder)
    sys.exit(summary.exit_code)


def collect(command: Command, reports: dict[str, StackReport]) -> stack_preview.FleetPreview:
    """Return the previews of the stacks of a run."""
    read = {
        name: stack_preview.read_stack(command.journal.folder_of(name) / "preview.json")
        for name, report in reports.items()
        if report.result is Result.SUCCEEDED
    }
    failed = {name: collect_failed(report) for name, report in reports.items() if name not in read}
    return stack_preview.FleetPreview(stacks=tuple(read.values()), failed=failed, left_out=command.fleet.left_out)


def collect_failed(report: StackReport) -> stack_preview.FailedPreview:
    """Return the errors of a preview without those of policies, which are findings."""
    errors = [line for line in report.diagnostics if line.startswith("error: ")] or [report.reason]
    return stack_preview.FailedPreview(tuple(errors), tuple(sorted(report.policies, key=astuple)))
