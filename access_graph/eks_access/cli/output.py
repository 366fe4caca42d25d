"""The options that select the format, and the printing of answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum

import click
from rich.console import Console

from eks_access.render.json_output import Answer, answer_json
from eks_access.render.markdown import markdown
from eks_access.render.page import Page
from eks_access.render.sarif import sarif
from eks_access.render.text import WIDTH, print_page


class Output(StrEnum):
    """Formats of an answer."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "md"
    SARIF = "sarif"


def output_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--output` to a command, and `--json` as its abbreviation."""
    formats = click.Choice([output.value for output in Output])
    shorthand = click.option("--json", "output", flag_value=Output.JSON.value, help="The same as --output json.")
    option = click.option(
        "-o", "--output", type=formats, default=Output.TABLE.value, show_default=True, help="Format of the answer."
    )
    return option(shorthand(command))


def emit(output: Output, answer: Answer, page: Page) -> None:
    """Print an answer to standard output."""
    if output is Output.TABLE:
        print_page(page, Console(width=None if sys.stdout.isatty() else WIDTH))
    elif output is Output.JSON:
        click.echo(answer_json(answer))
    elif output is Output.MARKDOWN:
        click.echo(markdown(page), nl=False)
    else:
        click.echo(json.dumps(sarif(page.findings, answer.source), indent=2))
