"""The command `eks-pipeline up`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eks_pipeline.cli.outputs import finish_with_outputs, show_secrets_option
from eks_pipeline.cli.preview import policy_pack_option, refresh_option
from eks_pipeline.cli.run_options import DIRECTORY, FILE, Command, run_options
from eks_pipeline.errors import ReviewDiffersError, UsageError
from eks_pipeline.report import Operation
from eks_pipeline.review.approval import parse_categories
from eks_pipeline.review.sentences import some
from eks_pipeline.review.stack_preview import FleetPreview, read_fleet
from eks_pipeline.stack.job import Options


@click.command()
@run_options
@show_secrets_option
@policy_pack_option
@click.option("--reviewed", type=FILE, help="Preview that was reviewed: stop where a fresh preview differs from it.")
@click.option(
    "--require-approval",
    "categories",
    metavar="LIST",
    help="Stop before changes of access of these categories: broadened, narrowed, lockout, escalation, not-evaluated. "
    "With --reviewed, the review is the approval.",
)
@click.option(
    "--approve", "approved", multiple=True, metavar="DIGEST", help="Approve the change of access with this digest."
)
@refresh_option
@click.option("--plans", type=DIRECTORY, help="Folder with the update plans of `preview --save-plans` (experimental).")
def up(
    *,
    show_secrets: bool,
    policy_packs: tuple[Path, ...],
    reviewed: Path | None,
    categories: str | None,
    approved: tuple[str, ...],
    refresh: bool,
    plans: Path | None,
    **run: Any,
) -> None:
    """Update the stacks, each after a preview."""
    if reviewed is not None:
        read_fleet(reviewed)  # an unusable file ends the run before it starts
    if approved and categories is None and run["resume"] is None:
        rule = "--approve must be set with --require-approval: without it, no change of access stops"
        raise UsageError(f"{rule}\n  fix: add --require-approval broadened, for example, or remove --approve")
    options = Options(
        show_secrets=show_secrets,
        policy_packs=policy_packs,
        refresh=refresh,
        plans=plans,
        reviewed=reviewed,
        require_approval=() if categories is None else parse_categories(categories),
        approved=approved,
    )
    command = Command(Operation.UP, options=options, **run)
    if (file := command.journal.request.options.reviewed) is not None:
        _require_reviewed_stacks(read_fleet(file), command, file)
    finish_with_outputs(command)


def _require_reviewed_stacks(reviewed: FleetPreview, command: Command, file: Path) -> None:
    """Raise `ReviewDiffersError` for reviewed stacks that the fleet does not have: they would stay as they are."""
    names = [stack.stack for stack in reviewed.stacks if stack.steps and stack.stack not in command.fleet.stacks]
    if not names:
        return
    if command.fleet.left_out or not command.journal.request.fleet:
        click.echo(f"reviewed, and not selected by --stack: {some(names)}", err=True)
        return
    raise ReviewDiffersError(
        f"reviewed preview {file} has stacks that the fleet file does not have: {', '.join(names)}; nothing was "
        "changed\n  fix: add them to the fleet file, or preview and review again"
    )
