"""The command `eks-access diff`."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum

import click

from eks_access.cli.open_source import LIVE, explain_malformed, open_source
from eks_access.cli.output import Output, emit, output_options, progress
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import ExitCode, UsageError
from eks_access.questions import diff as question
from eks_access.render.json_output import VERSION, Answer
from eks_access.render.pages import difference_page


class FailOn(StrEnum):
    """Reasons for which `diff` exits with 1."""

    BROADENED = "broadened"
    LOCKOUT = "lockout"
    ESCALATION = "escalation"
    ANY = "any"


@click.command()
@click.argument("before")
@click.argument("after")
@click.option(
    "--fail-on",
    metavar="LIST",
    default="",
    help="Exit with 1 for these: broadened, lockout, escalation, or any change.",
)
@source_options
@output_options
def diff(*, before: str, after: str, fail_on: str, source: SourceOptions, output: str) -> None:
    """Show who gains and who loses access from BEFORE to AFTER.

    Each is live, state[=STACK], preview[=STACK] or a file. `diff state live` shows drift, `diff state preview` what an
    update changes.
    """
    reasons = _reasons(fail_on)
    if source.source != LIVE:
        raise UsageError(f"--source {source.source!r} must be omitted: BEFORE and AFTER are the sources", "remove it")
    with progress(f"comparing {before} with {after}"), explain_malformed(before, after):
        old, new = graphs = [open_source(text, replace(source, source=text)) for text in (before, after)]
        found = question.diff(old, new)
    remarks = tuple(dict.fromkeys(each for graph in graphs for each in graph.remarks()))
    sources = f"{found.before} → {found.after}"
    answer = Answer(VERSION, sources, difference=found, not_read=found.not_evaluated, remarks=remarks)
    emit(Output(output), answer, difference_page(found))
    present = {
        FailOn.BROADENED: any(change.is_broadened for change in found.changes),
        FailOn.LOCKOUT: bool(found.lockouts),
        FailOn.ESCALATION: bool(found.escalations),
        FailOn.ANY: bool(found.changes or found.lockouts or found.escalations),
    }
    if any(present[reason] for reason in reasons):
        sys.exit(ExitCode.FOUND)
    sys.exit(ExitCode.NOT_REACHABLE if found.not_evaluated and reasons else ExitCode.FINE)


def _reasons(text: str) -> set[FailOn]:
    try:
        return {FailOn(part.strip()) for part in text.split(",") if part.strip()}
    except ValueError:
        listed = ", ".join(FailOn)
        message = f"--fail-on {text!r} must be a list of {listed}, separated by commas"
        raise UsageError(message, "pass --fail-on broadened,lockout") from None
