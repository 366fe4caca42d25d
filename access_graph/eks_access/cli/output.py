"""The options that select the format, and the printing of answers."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console

from eks_access.cli.open_source import explain_malformed
from eks_access.cli.source_options import SourceOptions
from eks_access.errors import ExitCode, SourceError
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotRead, NotReadError
from eks_access.render.json_output import VERSION, Answer, answer_json
from eks_access.render.markdown import markdown
from eks_access.render.page import Page
from eks_access.render.sarif import sarif
from eks_access.render.text import WIDTH, print_page

T = TypeVar("T")


class Output(StrEnum):
    """Formats of an answer."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "md"
    SARIF = "sarif"
    FIX = "fix"
    """The commands of the fixes, to be read and run by a shell; advice as comments."""


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
    page = replace(page, notes=(*page.notes, *answer.remarks))
    if output is Output.TABLE:
        print_page(page, Console(width=None if sys.stdout.isatty() else WIDTH))
    elif output is Output.JSON:
        click.echo(answer_json(answer))
    elif output is Output.MARKDOWN:
        click.echo(markdown(page), nl=False)
    elif output is Output.FIX:
        for finding in page.findings:
            if finding.fix.account:
                click.echo(f"# with credentials of account {finding.fix.account}:")
            click.echo(str(finding.fix) if finding.fix.commands else f"# {finding.fix}")
        for command in page.commands:
            click.echo(shlex.join(command))
    else:
        not_read = tuple(dict.fromkeys((*answer.not_read, *page.not_read)))
        click.echo(json.dumps(sarif(page.findings, answer.source, not_read), indent=2))


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show what the command does on standard error while it runs, if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    with Console(stderr=True).status(text):
        yield


def answer_question(
    source: SourceOptions,
    output: str,
    field: str,
    ask: Callable[[AccessGraph], T],
    page: Callable[[T, tuple[NotRead, ...]], Page],
    *,
    code: Callable[[T], ExitCode] = lambda _: ExitCode.FINE,
    answered: Callable[[T], Collection[NotRead]] = lambda _: (),
) -> NoReturn:
    """Ask the source, print the answer as `field` of `Answer`, and exit with its code.

    An answer from a source that could not read a part is not fine, unless a service `answered` in its place.
    """
    graph, found = ask_source(source, ask)
    not_read = tuple(graph.not_read())
    result: dict[str, Any] = {field: found}
    remarks = tuple(graph.remarks())
    answer = Answer(VERSION, graph.source, not_read=not_read, remarks=remarks, **result)
    emit(Output(output), answer, page(found, not_read))
    exit_code = code(found)
    undecided = set(not_read).difference(answered(found))
    sys.exit(ExitCode.NOT_REACHABLE if exit_code is ExitCode.FINE and undecided else exit_code)


def ask_source(source: SourceOptions, ask: Callable[[AccessGraph], T]) -> tuple[AccessGraph, T]:
    """Return the graph of the source and its answer; raise `SourceError` if the question cannot be answered at all."""
    with progress(f"reading {source.source}"), explain_malformed(source.source):
        graph = source.open()
        try:
            return graph, ask(graph)
        except NotReadError as error:
            message = f"the question cannot be answered from {graph.source}: {error}"
            raise SourceError(message, fix_of_unread(error)) from error


def fix_of_unread(error: NotReadError) -> str:
    """Return the fix of a part that a question needs and that could not be read."""
    if error.not_read.reason.startswith("AccessDenied"):
        return "allow the caller to read it: --permissions prints what is needed"
    return (
        "fix this cause, and run the command again; if the caller may not read it, --permissions prints what is needed"
    )
