"""The command `eks-access graph`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from eks_access.cli.output import Output, ask_source, emit
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import ExitCode, UsageError
from eks_access.findings import Finding, Link
from eks_access.graph import AccessGraph
from eks_access.questions.declared_fixes import in_program
from eks_access.questions.picture.draw_picture import draw_picture
from eks_access.questions.picture.folding import MOST_NODES
from eks_access.questions.picture.model import Picture
from eks_access.render.json_output import VERSION, Answer
from eks_access.render.picture_page import picture_page

SVG, HTML = "svg", "html"
_UNLIMITED = sys.maxsize


@click.command("graph")
@click.option(
    "-o",
    "--output",
    type=click.Choice([SVG, HTML, *(output.value for output in Output)]),
    help="Format; by default that of the suffix of --to, else svg.",
)
@click.option("--json", "output", flag_value=Output.JSON.value, help="The same as --output json.")
@click.option(
    "--to", type=click.Path(dir_okay=False, path_type=Path), help="File to write; by default standard output."
)
@click.option("-n", "--namespace", "namespaces", multiple=True, help="Draw only chains of this namespace. Repeatable.")
@click.option("--highlight", metavar="ARN|NS/NAME", help="Highlight the chain of a principal, role or service account.")
@source_options
def graph_(
    *,
    output: str | None,
    to: Path | None,
    namespaces: tuple[str, ...],
    highlight: str | None,
    source: SourceOptions,
) -> None:
    """Draw the chains of the cluster: IAM principals, mappings, RBAC, service accounts, IAM roles, policies.

    Above 2,000 objects, a picture has one box for the objects of each namespace; the other formats list all.
    """
    output = output or _format_of(to)
    is_picture = output in {SVG, HTML}
    if to is not None and not to.resolve().parent.is_dir():
        raise UsageError(f"--to {str(to)!r} must be in an existing folder", f"run `mkdir -p {to.parent}` first")
    if to is not None and not is_picture:
        raise UsageError(f"--to must be used with {SVG} or {HTML}, not with {output}", "redirect standard output")

    def ask(graph: AccessGraph) -> Picture:
        most_nodes = MOST_NODES if is_picture else _UNLIMITED
        drawn = draw_picture(graph, namespaces=namespaces, highlight=highlight or "", most_nodes=most_nodes)
        if is_picture:
            drawn = replace(drawn, notes=(*drawn.notes, *graph.remarks()))
        return _completed(drawn, lambda finding: source.completed(in_program(graph, finding)))

    graph, picture = ask_source(source, ask)
    not_read = tuple(graph.not_read())
    if is_picture:
        _write(_rendered(output, picture, graph), to)
        if to is not None:
            click.echo(f"{to}: picture of {graph.source}")
            for failure in not_read:
                click.echo(f"not read: {failure}", err=True)
    else:
        answer = Answer(VERSION, graph.source, picture=picture, not_read=not_read, remarks=tuple(graph.remarks()))
        emit(Output(output), answer, picture_page(picture, not_read))
    sys.exit(_exit_code(picture, is_complete=not not_read))


def _format_of(to: Path | None) -> str:
    """Return the format of a file by its suffix."""
    return HTML if to is not None and to.suffix.lower() in {".html", ".htm"} else SVG


def _rendered(output: str, picture: Picture, graph: AccessGraph) -> str:
    from eks_access.render.picture.html import picture_html  # noqa: PLC0415 - imports jinja2
    from eks_access.render.picture.svg import picture_svg  # noqa: PLC0415 - the same

    render = picture_svg if output == SVG else picture_html
    return render(picture, graph.source, graph.not_read())


def _write(text: str, to: Path | None) -> None:
    if to is None:
        click.echo(text)
    else:
        to.write_text(f"{text}\n", encoding="utf-8")


def _completed(picture: Picture, change: Callable[[Finding], Finding]) -> Picture:
    """Return the picture with other findings: their fixes use the same credentials as this command."""

    def completed(link: Link) -> Link:
        return link if link.finding is None else replace(link, finding=change(link.finding))

    edges = tuple(replace(edge, links=tuple(map(completed, edge.links))) for edge in picture.edges)
    return replace(picture, edges=edges)


def _exit_code(picture: Picture, *, is_complete: bool) -> ExitCode:
    if picture.broken:
        return ExitCode.FOUND
    return ExitCode.FINE if is_complete and not picture.not_evaluated else ExitCode.NOT_REACHABLE
