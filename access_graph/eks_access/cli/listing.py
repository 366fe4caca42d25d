"""The command `eks-access list`."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from eks_access.cli.output import Output, emit, output_options
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import ExitCode, SourceError
from eks_access.graph.tables import NotReadError
from eks_access.questions.list_mappings import list_mappings
from eks_access.render.json_output import VERSION, Answer
from eks_access.render.pages import mappings_page


@click.command("list")
@source_options
@output_options
def list_(*, source: SourceOptions, output: str) -> None:
    """List access entries and aws-auth side by side, and the mappings that are wrong or useless."""
    graph = source.open()
    try:
        listed = list_mappings(graph)
    except NotReadError as error:
        message = f"the mappings of {graph.source} cannot be listed: {error}"
        raise SourceError(message, "allow the caller what is missing: `eks-access list --permissions`") from error
    listed = replace(listed, findings=tuple(map(source.completed, listed.findings)))
    not_read = tuple(graph.not_read())
    answer = Answer(VERSION, graph.source, mappings=listed, not_read=not_read)
    emit(Output(output), answer, mappings_page(listed, graph.source, not_read))
    sys.exit(ExitCode.FOUND if listed.findings else ExitCode.NOT_REACHABLE if not_read else ExitCode.FINE)
