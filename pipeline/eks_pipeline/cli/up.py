"""The command `eks-pipeline up`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eks_pipeline.cli.outputs import finish_with_outputs, show_secrets_option
from eks_pipeline.cli.preview import policy_pack_option, refresh_option
from eks_pipeline.cli.run_options import DIRECTORY, FILE, Command, run_options
from eks_pipeline.report import Operation
from eks_pipeline.review.approval import parse_categories
from eks_pipeline.review.stack_preview import read_fleet
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
    default="",
    help="Stop before changes of access of these categories: broadened, lockout, escalation, not-evaluated. "
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
    categories: str,
    approved: tuple[str, ...],
    refresh: bool,
    plans: Path | None,
    **run: Any,
) -> None:
    """Update the stacks, each after a preview."""
    if reviewed is not None:
        read_fleet(reviewed)  # an unusable file ends the run before it starts
    options = Options(
        show_secrets=show_secrets,
        policy_packs=policy_packs,
        refresh=refresh,
        plans=plans,
        reviewed=reviewed,
        require_approval=parse_categories(categories),
        approved=approved,
    )
    finish_with_outputs(Command(Operation.UP, options=options, **run))
