"""The command `eks-access list`."""

from __future__ import annotations

from dataclasses import replace

import click

from eks_access.cli.output import answer_question, output_options
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import ExitCode
from eks_access.graph import AccessGraph
from eks_access.questions.declared_fixes import in_program
from eks_access.questions.list_mappings import MappingList, list_mappings
from eks_access.render.pages import mappings_page


@click.command("list")
@source_options
@output_options
def list_(*, source: SourceOptions, output: str) -> None:
    """List access entries and aws-auth side by side, and the mappings that are wrong or useless."""

    def ask(graph: AccessGraph) -> MappingList:
        listed = list_mappings(graph)
        findings = (source.completed(in_program(graph, finding)) for finding in listed.findings)
        return replace(listed, findings=tuple(findings))

    answer_question(source, output, "mappings", ask, mappings_page, code=_exit_code)


def _exit_code(listed: MappingList) -> ExitCode:
    return ExitCode.FOUND if listed.findings else ExitCode.FINE
