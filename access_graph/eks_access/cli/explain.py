"""The command `eks-access explain`."""

from __future__ import annotations

import sys

import click

from eks_access.cli.open_source import LIVE, explain_malformed
from eks_access.cli.output import Output, emit, output_options
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import ExitCode, SourceError, UsageError
from eks_access.graph.tables import NotReadError
from eks_access.questions.error_texts.error_text import Workload
from eks_access.questions.explain import TEXTS, explain
from eks_access.render.json_output import VERSION, Answer
from eks_access.render.pages import explanation_page


@click.command("explain")
@click.argument("error")
@click.option("--service-account", metavar="NAMESPACE/NAME", help="Service account of the pod that had the error.")
@click.option("--pod", metavar="NAMESPACE/NAME", help="Pod that had the error.")
@source_options
@output_options
def explain_(*, error: str, service_account: str | None, pod: str | None, source: SourceOptions, output: str) -> None:
    """Say what the text ERROR means, and print the command that finds its cause. `-` reads the text from stdin.

    The text may have other lines around it. It is not sent anywhere. With --source, --cluster or --context, the
    service accounts of the role in the text are looked up. Exits with 1 if the text is not recognized.
    """
    text = sys.stdin.read() if error == "-" else error
    if not text.strip():
        raise UsageError(
            "ERROR must be the text of an error", "pass it in quotes, or pipe it to `eks-access explain -`"
        )
    try:
        with explain_malformed(source.source):
            graph = source.open() if source.source != LIVE or source.cluster or source.context else None
            found = explain(text, _workload(service_account, pod), graph)
    except NotReadError as failure:
        message = f"the service accounts of the role cannot be looked up: {failure}"
        raise SourceError(message, "pass --service-account NAMESPACE/NAME") from failure
    if found is None:
        click.echo("This text is not recognized. Recognized are texts with:", err=True)
        for each in TEXTS:
            click.echo(f"  {each.example}", err=True)
        sys.exit(ExitCode.FOUND)
    emit(Output(output), Answer(VERSION, "error text", explanation=found), explanation_page(found))


def _workload(service_account: str | None, pod: str | None) -> Workload | None:
    if service_account and pod:
        raise UsageError("--service-account and --pod must not both be passed", "pass --pod only")
    if pod:
        return Workload("pod", pod)
    return Workload(name=service_account) if service_account else None
