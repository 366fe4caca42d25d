"""The command `eks-pipeline preview`."""

from __future__ import annotations

import shutil
from dataclasses import astuple
from pathlib import Path
from typing import Any

import click

from eks_pipeline.cli.run_options import DIRECTORY, NEW_DIRECTORY, NEW_FILE, Command, finish, run_options
from eks_pipeline.report import Operation, Result, StackReport
from eks_pipeline.review import stack_preview
from eks_pipeline.review.comment import comment, sentences
from eks_pipeline.review.github import PullRequest
from eks_pipeline.runner.journal import Journal
from eks_pipeline.stack.job import Options

policy_pack_option = click.option(
    "--policy-pack", "policy_packs", type=DIRECTORY, multiple=True, help="Folder of a policy pack to run."
)


@click.command()
@run_options
@policy_pack_option
@click.option("--save", type=NEW_FILE, help="File for the preview of all stacks, for `up --reviewed`.")
@click.option("--save-comment", type=NEW_FILE, help="File for the preview of all stacks as Markdown.")
@click.option("--save-plans", type=NEW_DIRECTORY, help="Folder for the engine's update plans (experimental).")
@click.option(
    "--comment-to",
    metavar="OWNER/REPOSITORY#NUMBER",
    help="Post the Markdown to this pull request of GitHub, in place of the earlier one; needs GITHUB_TOKEN.",
)
@click.option("--comment-name", default="fleet", show_default=True, help="Name that finds the earlier comment.")
def preview(
    *,
    policy_packs: tuple[Path, ...],
    save: Path | None,
    save_comment: Path | None,
    save_plans: Path | None,
    comment_to: str | None,
    comment_name: str,
    **run: Any,
) -> None:
    """Preview the update of the stacks: resources, access and policies. Changes nothing."""
    pull_request = None if comment_to is None else PullRequest.parse(comment_to)
    options = Options(policy_packs=policy_packs, save_plans=save_plans)
    command = Command(Operation.PREVIEW, options=options, **run)
    summary, reports = command.execute()
    folder = command.journal.folder
    fleet = collect(command.journal, reports)
    stack_preview.write(fleet, folder / "preview.json")
    text = comment(fleet, comment_name)
    (folder / "comment.md").write_text(text, encoding="utf-8")
    for name, target in {"preview.json": save, "comment.md": save_comment}.items():
        if target is not None:
            shutil.copyfile(folder / name, target)
    if pull_request is not None:
        click.echo(f"comment: {pull_request.write(text)}", err=True)

    def print_access(_: dict[str, StackReport]) -> None:
        for sentence in sentences(fleet):
            click.echo(sentence)

    finish(command, summary, reports, print_access)


def collect(journal: Journal, reports: dict[str, StackReport]) -> stack_preview.FleetPreview:
    """Return the previews of the stacks of a run."""
    read = {
        name: stack_preview.read_stack(journal.folder_of(name) / "preview.json")
        for name, report in reports.items()
        if report.result is Result.SUCCEEDED
    }
    failed = {name: _failed(report) for name, report in reports.items() if name not in read}
    return stack_preview.FleetPreview(stacks=tuple(read.values()), failed=failed)


def _failed(report: StackReport) -> stack_preview.FailedPreview:
    """Return the errors of a preview without those of policies, which are findings."""
    errors = [line for line in report.diagnostics if line.startswith("error: ")] or [report.reason]
    return stack_preview.FailedPreview(tuple(errors), tuple(sorted(report.policies, key=astuple)))
