"""The command `eks-access escalations`."""

from __future__ import annotations

from dataclasses import replace

import click

from eks_access.cli.output import answer_question, output_options
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import ExitCode
from eks_access.graph import AccessGraph
from eks_access.questions import escalations as question
from eks_access.render.escalations_page import escalations_page


@click.command()
@click.option("--from", "subject", metavar="SUBJECT", help="ARN, NAMESPACE/NAME, user:NAME or group:NAME.")
@source_options
@output_options
def escalations(*, subject: str | None, source: SourceOptions, output: str) -> None:
    """Show who can become somebody with more permissions, each path with the change that closes it.

    Administrators can do everything already: their paths are listed only with --from.
    """
    actor = question.parse_subject(subject) if subject else None

    def ask(graph: AccessGraph) -> question.Escalations:
        if actor is not None:
            question.require_existing(graph, actor)
        found = question.escalations(graph, subject)
        return replace(found, paths=tuple(_completed(path, source) for path in found.paths))

    answer_question(source, output, "escalations", ask, escalations_page, code=_exit_code)


def _completed(path: question.Escalation, source: SourceOptions) -> question.Escalation:
    """Return a path whose cut uses the same credentials as this command."""
    if path.cut is None:
        return path
    return replace(path, cut=replace(path.cut, fix=source.completed(path.finding()).fix))


def _exit_code(found: question.Escalations) -> ExitCode:
    if found.paths:
        return ExitCode.FOUND
    return ExitCode.NOT_REACHABLE if found.not_evaluated else ExitCode.FINE
