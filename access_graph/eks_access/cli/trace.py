"""The commands `eks-access trace …`."""

from __future__ import annotations

from dataclasses import replace

import click

from eks_access.cli.output import answer_question, output_options
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import ExitCode
from eks_access.findings import Trace, Verdict
from eks_access.graph import AccessGraph
from eks_access.questions.requests import parse_request
from eks_access.questions.trace_principal import trace_principal
from eks_access.render.pages import trace_page

_EXIT_CODES = {
    Verdict.HOLDS: ExitCode.FINE,
    Verdict.BROKEN: ExitCode.FOUND,
    Verdict.NOT_EVALUATED: ExitCode.NOT_REACHABLE,
}


@click.group()
def trace() -> None:
    """Show every link of an identity chain, and how to fix the broken one."""


@trace.command()
@click.argument("arn")
@click.option("--verb", required=True, help="Verb of the Kubernetes API: get, list, create …")
@click.option("--resource", required=True, help="pods, pods/log, deployments.apps, widgets.example.com, or a path.")
@click.option("-n", "--namespace", help="Namespace of the request; by default all namespaces.")
@click.option("--name", help="Name of the object; by default any.")
@source_options
@output_options
def principal(
    *, arn: str, verb: str, resource: str, namespace: str | None, name: str | None, source: SourceOptions, output: str
) -> None:
    """Trace an IAM user, role or session ARN to a request in the cluster."""
    request = parse_request(verb, resource, namespace, name)

    def ask(graph: AccessGraph) -> Trace:
        return _completed(trace_principal(graph, arn, request), source)

    answer_question(source, output, "trace", ask, trace_page, code=lambda traced: _EXIT_CODES[traced.verdict])


def _completed(traced: Trace, source: SourceOptions) -> Trace:
    """Return the trace with fixes that use the same credentials as this command."""
    links = (
        link if link.finding is None else replace(link, finding=source.completed(link.finding)) for link in traced.links
    )
    return replace(traced, links=tuple(links))
