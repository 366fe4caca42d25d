"""The command `eks-access who-can`."""

from __future__ import annotations

from functools import partial

import click

from eks_access.cli.output import answer_question, output_options
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.questions import who_can as question
from eks_access.questions.requests import parse_request
from eks_access.render.pages import who_can_page


@click.command("who-can")
@click.argument("verb")
@click.argument("resource")
@click.option("-n", "--namespace", help="Namespace of the request; by default all namespaces.")
@click.option("--name", help="Name of the object; by default any.")
@click.option("--system", "show_system", is_flag=True, help="Show users and controllers of Kubernetes itself too.")
@source_options
@output_options
def who_can(
    *,
    verb: str,
    resource: str,
    namespace: str | None,
    name: str | None,
    show_system: bool,
    source: SourceOptions,
    output: str,
) -> None:
    """Show everybody who can do VERB on RESOURCE in the cluster, with the path of each."""
    request = parse_request(verb, resource, namespace, name)
    page = partial(who_can_page, show_system=show_system)
    answer_question(source, output, "who_can", lambda graph: question.who_can(graph, request), page)
