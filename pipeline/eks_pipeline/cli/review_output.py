"""The options that write previews and drift for a reviewer: as JSON, as Markdown, and to a pull request."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from eks_pipeline.cli.run_options import NEW_FILE, Command
from eks_pipeline.errors import ExitCode
from eks_pipeline.report import RunSummary
from eks_pipeline.review import stack_preview
from eks_pipeline.review.comment import comment
from eks_pipeline.review.comment_targets import comment_target
from eks_pipeline.review.comment_thread import CommentThread
from eks_pipeline.review.other_stacks import find_other_stacks

_OPTIONS = (
    click.option("--save", type=NEW_FILE, help="File for the result of all stacks as JSON."),
    click.option("--save-comment", type=NEW_FILE, help="File for the result of all stacks as Markdown."),
    click.option(
        "--comment-to",
        metavar="OWNER/REPOSITORY#NUMBER",
        help="Post the Markdown to this pull request or issue of GitHub, in place of the earlier one, with the token "
        "in GITHUB_TOKEN or of gh. GROUP/PROJECT!NUMBER is a merge request of GitLab; needs GITLAB_TOKEN.",
    ),
    click.option("--comment-name", default="fleet", show_default=True, help="Name that finds the earlier comment."),
)


@dataclass(frozen=True)
class ReviewOutput:
    """Where the result is written in addition to the folder of the run."""

    save: Path | None
    save_comment: Path | None
    comments: CommentThread | None
    comment_name: str

    def write(self, fleet: stack_preview.FleetPreview, folder: Path) -> None:
        """Write `preview.json` or `drift.json`, and `comment.md`, to the run's folder, and to where options say."""
        file = folder / f"{fleet.operation}.json"
        stack_preview.write(fleet, file)
        text = comment(fleet, self.comment_name)
        (folder / "comment.md").write_text(text, encoding="utf-8")
        for source, target in ((file, self.save), (folder / "comment.md", self.save_comment)):
            if target is not None:
                shutil.copyfile(source, target)

    def post(self, folder: Path) -> None:
        """Post the comment that `write` wrote. Raises `OperationFailedError`, so the result must be printed before."""
        if self.comments is not None:
            text = (folder / "comment.md").read_text(encoding="utf-8")
            click.echo(f"comment: {self.comments.write(text)}", err=True)


def review_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as `review`."""

    @functools.wraps(command)
    def with_review(
        *, save: Path | None, save_comment: Path | None, comment_to: str | None, comment_name: str, **others: Any
    ) -> None:
        comments = None if comment_to is None else comment_target(comment_to)
        command(review=ReviewOutput(save, save_comment, comments, comment_name), **others)

    for option in reversed(_OPTIONS):
        with_review = option(with_review)
    return with_review


def other_stacks(command: Command, summary: RunSummary) -> stack_preview.OtherStacks:
    """Return the stacks that the fleet file does not have; none if `--stack` selects stacks, or after a Ctrl-C."""
    is_whole_fleet = command.journal.request.fleet is not None and command.fleet.complete_fleet is None
    if not is_whole_fleet or summary.exit_code is ExitCode.CANCELLED:
        return stack_preview.OtherStacks()
    return find_other_stacks(command.fleet)
