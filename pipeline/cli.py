"""Command line `python -m pipeline OPERATION --stack NAME`: progress to standard error, result to standard output."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import yaml

from pipeline.errors import ExitCode, PipelineError
from pipeline.operations import PROJECT, Operation, run
from pipeline.report import Report

EPILOG = "Exit codes: " + ", ".join(f"{code.value} {code.name.lower()}" for code in ExitCode) + "."
WIDTH = 4096
"""Columns of the printed outputs: wide enough that no value is broken, since programs read them."""
_BOOLEANS = frozenset("yYnN")


class _Dumper(yaml.SafeDumper):
    """Quotes every string that a YAML parser could read as another type, such as `1e5` and `y`."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # PyYAML itself quotes longer words that are not strings, such as `yes`. No number begins with a letter.
        is_word = text[:1].isascii() and text[:1].isalpha() and text not in _BOOLEANS
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_word else "'")


_Dumper.add_representer(str, _Dumper.represent_text)


@click.command(epilog=EPILOG)
@click.argument("operation", type=click.Choice([operation.value for operation in Operation]))
@click.option("--stack", required=True, metavar="NAME", help="Name of the stack, with settings in Pulumi.NAME.yaml.")
@click.option(
    "--config-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Settings file to use for this run instead of Pulumi.NAME.yaml.",
)
@click.option(
    "-C",
    "--cwd",
    "project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=PROJECT,
    help="Folder of another Pulumi project.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on standard output.")
@click.option("--show-secrets", is_flag=True, help="Show secret outputs instead of [secret].")
def main(
    operation: str, stack: str, config_file: Path | None, project: Path, *, as_json: bool, show_secrets: bool
) -> None:
    """Run one OPERATION on one stack: preview, up, refresh, destroy or outputs.

    Ctrl-C cancels: the engine finishes its current step and releases the lock of the stack.
    """
    try:
        report = run(Operation(operation), stack, project=project, config_file=config_file, show_secrets=show_secrets)
    except PipelineError as error:
        if as_json and error.report is not None:
            _print_json(error.report)
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    if as_json:
        _print_json(report)
    else:
        _print_summary(report)


def _print_json(report: Report) -> None:
    click.echo(json.dumps(report.as_json(), indent=2))


def _print_summary(report: Report) -> None:
    counts = ", ".join(f"{count} {step}" for step, count in sorted(report.summary.items())) or "no resources"
    click.echo(f"{report.operation} of {report.stack}: {report.result} in {report.seconds} s ({counts})")
    if report.outputs:
        click.echo(yaml.dump({"outputs": report.outputs}, Dumper=_Dumper, sort_keys=False, width=WIDTH), nl=False)
