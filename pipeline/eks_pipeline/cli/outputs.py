"""The command `eks-pipeline outputs`, and the printing of outputs."""

from __future__ import annotations

from typing import Any

import click
import yaml

from eks_pipeline.cli.run_options import Command, finish, run_options
from eks_pipeline.report import Operation, StackReport
from eks_pipeline.stack.job import Options

_WIDTH = 4096
"""Columns of the printed outputs: wide enough that no value is broken, since programs read them."""
_BOOLEANS = frozenset("yYnN")

show_secrets_option = click.option("--show-secrets", is_flag=True, help="Show secret outputs instead of [secret].")


@click.command()
@run_options
@show_secrets_option
def outputs(*, show_secrets: bool, **run: Any) -> None:
    """Print the outputs of the stacks."""
    command = Command(Operation.OUTPUTS, options=Options(show_secrets=show_secrets), **run)
    finish_with_outputs(command)


def finish_with_outputs(command: Command) -> None:
    """Run the operation, and print its summary and the outputs."""
    summary, reports = command.execute()
    finish(command, summary, reports, print_outputs)


def print_outputs(reports: dict[str, StackReport]) -> None:
    """Print the outputs of one stack, or of several by the name of the stack."""
    by_stack = {name: report.outputs for name, report in reports.items() if report.outputs}
    document = next(iter(by_stack.values()), None) if len(reports) == 1 else by_stack
    if document:
        click.echo(yaml.dump({"outputs": document}, Dumper=_Dumper, sort_keys=False, width=_WIDTH), nl=False)


class _Dumper(yaml.SafeDumper):
    """Quotes every string that a YAML parser could read as another type, such as `1e5` and `y`."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # PyYAML itself quotes longer words that are not strings, such as `yes`. No number begins with a letter.
        is_word = text[:1].isascii() and text[:1].isalpha() and text not in _BOOLEANS
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_word else "'")


_Dumper.add_representer(str, _Dumper.represent_text)
