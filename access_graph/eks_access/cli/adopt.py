"""The command `eks-access adopt`. It writes files and calls no API that changes something."""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path

import click

from eks_access.cli.adopted_files import IMPORTS, MAIN, Adopted
from eks_access.cli.open_source import explain_malformed
from eks_access.cli.output import Output, emit, fix_of_unread, output_options, progress
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import ExitCode, SourceError, UsageError
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions.adoption.adopt import adopt as ask
from eks_access.questions.adoption.check import AdoptionCheck
from eks_access.questions.adoption.declarations import Form
from eks_access.render.adoption.pages import adoption_page, check_page
from eks_access.render.adoption.program import PROJECT, program
from eks_access.render.json_output import VERSION, Answer


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--as",
    "form",
    type=click.Choice([each.value for each in Form]),
    default=Form.PROGRAM.value,
    show_default=True,
    help="A program of its own, or the settings of an environment of stacks/.",
)
@click.option("--stack", metavar="NAME", default="adopted", show_default=True, help="Stack that the files are for.")
@click.option("--check", "is_check", is_flag=True, help="Compare adopted files in DIR with the cluster; write nothing.")
@source_options
@output_options
def adopt(*, folder: Path, form: str, stack: str, is_check: bool, source: SourceOptions, output: str) -> None:
    """Write the program, or the settings, and the import file that bring a cluster under eks_identity.

    DIR must be new or empty. What no component can declare is listed with the reason, also in DIR/NOT_ADOPTED.md.
    """
    if not is_check:
        _require_empty(folder)
    with progress(f"reading {source.source}"), explain_malformed(source.source):
        graph = source.open()
        try:
            adopted = _adopt(graph, Form(form), stack)
        except NotReadError as error:
            message = f"{graph.source} cannot be adopted: {error}"
            raise SourceError(message, fix_of_unread(error)) from error
        if is_check:
            _print_check(adopted, folder, Output(output))
    _write(adopted, folder)
    not_read = tuple(graph.not_read())
    answer = Answer(VERSION, graph.source, adoption=adopted.adoption, not_read=not_read)
    emit(Output(output), answer, adoption_page(adopted.adoption, not_read))
    if output == Output.TABLE:
        click.echo(_next_steps(adopted, folder))
    sys.exit(ExitCode.NOT_REACHABLE if not_read else ExitCode.FINE)


def _adopt(graph: AccessGraph, form: Form, stack: str) -> Adopted:
    """Return the adoption without what the components reject. Each run of the program names one rejected component."""
    from eks_access.sources.pulumi.registrations import RejectedError, register_program  # noqa: PLC0415

    unowned: dict[str, str] = {}
    rejected: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / MAIN
        while True:
            adoption = ask(graph, form, unowned)
            for subject, reason in rejected.items():
                adoption = adoption.without(subject, reason)
            file.write_text(program(adoption), encoding="utf-8")
            try:
                registered = register_program(file, graph, project=PROJECT, stack=stack)
            except RejectedError as error:
                declaration = next((each for each in adoption.declarations if each.subject == error.subject), None)
                if declaration is None:
                    raise SourceError(f"{error.subject} is rejected: {error.reason}", "report this error") from error
                if declaration.role_arn:
                    unowned[declaration.role_arn] = error.reason
                else:
                    rejected[error.subject] = error.reason
            else:
                return Adopted(adoption, registered, graph, stack)


def _print_check(adopted: Adopted, folder: Path, output: Output) -> None:
    """Print how the files in a folder differ from the cluster, and exit."""
    found = AdoptionCheck(adopted.adoption.cluster, adopted.changes(folder), adopted.adoption.not_adopted)
    not_read = tuple(adopted.graph.not_read())
    answer = Answer(VERSION, adopted.graph.source, adoption_check=found, not_read=not_read)
    emit(output, answer, check_page(found, not_read))
    if found.changes:
        sys.exit(ExitCode.FOUND)
    sys.exit(ExitCode.NOT_REACHABLE if not_read else ExitCode.FINE)


def _write(adopted: Adopted, folder: Path) -> None:
    for path, text in adopted.files().items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _require_empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        rule = "must be new or empty: adopt overwrites no file"
        raise UsageError(f"DIR {str(folder)!r} {rule}", "pass another folder, or compare this one with --check")


def _next_steps(adopted: Adopted, folder: Path) -> str:
    """Return the commands that bring the cluster into a stack."""
    is_program = adopted.adoption.form is Form.PROGRAM
    pulumi = f"  pulumi -C {shlex.quote(str(folder))}" if is_program else "  pulumi"
    file = IMPORTS if is_program else shlex.quote(str(folder / IMPORTS))
    lines = [f"written to {folder}. Next:"]
    if not is_program:
        files = [str(folder / f"Pulumi.{adopted.stack}.yaml"), str(folder / "stacks")]
        lines.append(f"  {shlex.join(['cp', '-R', *files, '.'])}")
    lines += [
        f"{pulumi} stack init {adopted.stack}",
        f"{pulumi} import --file {file} --protect=false --generate-code=false --yes",
        f"{pulumi} up",
    ]
    if created := len(adopted.imports.created):
        lines.append(
            f"The update creates {created} resources that no plugin imports, and changes nothing in the cluster."
        )
    return "\n".join(lines)
