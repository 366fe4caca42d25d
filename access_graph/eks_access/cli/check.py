"""The command `eks-access check`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click
import yaml

from eks_access.cli.open_source import explain_malformed, open_source
from eks_access.cli.output import Output, emit, output_options, progress
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import ExitCode, UsageError
from eks_access.graph.tables import NotRead
from eks_access.questions import check as question
from eks_access.questions.policies.settings import PolicySettings, parse_settings
from eks_access.render.json_output import VERSION, Answer
from eks_access.render.pages import check_page

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--policy-config", "config", type=_FILE, help="Levels and exceptions: JSON or YAML, as for Pulumi.")
@click.option("--before", metavar="SOURCE", help="The state before a change, for rules on what a change removes.")
@source_options
@output_options
def check(*, config: Path | None, before: str | None, source: SourceOptions, output: str) -> None:
    """Check the rules of the policy pack. Exits with 1 if a mandatory rule is violated."""
    settings = PolicySettings() if config is None else parse_settings(_read(config), str(config))
    with progress(f"checking {source.source}"), explain_malformed(source.source, before or source.source):
        graph = source.open()
        former = None if before is None else open_source(before, replace(source, source=before))
        found = question.check(graph, settings, before=former)
    completed = tuple(replace(each, finding=source.completed(each.finding)) for each in found.violations)
    found = replace(found, violations=completed)
    undecided = tuple(NotRead(f"{each.rule}, {each.subject}", each.reason) for each in found.undecided)
    answer = Answer(VERSION, graph.source, check=found, remarks=tuple(graph.remarks()))
    emit(Output(output), answer, check_page(found, graph.source, undecided))
    if found.is_mandatory_violated:
        sys.exit(ExitCode.FOUND)
    sys.exit(ExitCode.NOT_REACHABLE if undecided else ExitCode.FINE)


def _read(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        message = f"--policy-config {path} must be JSON or YAML: {' '.join(str(error).split())}"
        raise UsageError(message, "write it as docs/policies.md shows") from error
