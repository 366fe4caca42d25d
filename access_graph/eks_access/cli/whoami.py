"""The command `eks-access trace whoami`."""

from __future__ import annotations

import sys

import click

from eks_access.cli.open_source import LIVE
from eks_access.cli.output import Output, emit, output_options
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.cli.trace import EXIT_CODES, completed_trace
from eks_access.errors import SourceError, UsageError
from eks_access.graph import AccessGraph
from eks_access.graph.caller import Caller
from eks_access.questions.requests import parse_request
from eks_access.questions.trace_whoami import trace_whoami
from eks_access.render.json_output import VERSION, Answer
from eks_access.render.pages import trace_page
from eks_identity.evaluation.rbac import Request


@click.command()
@click.option("--verb", help="Verb of the Kubernetes API: get, list, create … By default only the identity.")
@click.option("--resource", help="pods, pods/log, deployments.apps, widgets.example.com, or a path.")
@click.option("-n", "--namespace", help="Namespace of the request; by default all namespaces.")
@click.option("--name", help="Name of the object; by default any.")
@source_options
@output_options
def whoami(
    *,
    verb: str | None,
    resource: str | None,
    namespace: str | None,
    name: str | None,
    source: SourceOptions,
    output: str,
) -> None:
    """Trace your own credentials and kubeconfig to your user in the cluster, and to a request."""
    if source.source != LIVE:
        raise UsageError(f"--source {source.source!r} must be {LIVE}: no other source has credentials", "omit --source")
    if (verb is None) != (resource is None):
        raise UsageError("--verb and --resource must be passed together", "pass both, or neither")
    request = parse_request(verb, resource, namespace, name) if verb and resource else None
    caller = _read(source, request)
    graph, failure = _open(source)
    traced = completed_trace(trace_whoami(caller, graph, failure, request), source)
    not_read = tuple(graph.not_read()) if graph is not None else ()
    name_of_source = graph.source if graph is not None else f"the caller of cluster {caller.cluster or '(unknown)'}"
    answer = Answer(VERSION, name_of_source, trace=traced, not_read=not_read)
    emit(Output(output), answer, trace_page(traced, not_read))
    sys.exit(EXIT_CODES[traced.verdict])


def _read(source: SourceOptions, request: Request | None) -> Caller:
    from eks_access.sources.live_caller import read_caller  # noqa: PLC0415 - imports boto3 and lightkube

    return read_caller(
        source.cluster,
        region=source.region,
        context=source.context,
        kubeconfig=source.kubeconfig,
        profile=source.profile,
        request=request,
    )


def _open(source: SourceOptions) -> tuple[AccessGraph | None, str]:
    """Return the graph of the cluster, or the reason why it cannot be read."""
    try:
        return source.open(), ""
    except SourceError as error:
        return None, error.message
