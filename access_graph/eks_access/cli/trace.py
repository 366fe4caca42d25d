"""The commands `eks-access trace …`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import click

from eks_access.cli.open_source import LIVE
from eks_access.cli.output import answer_question, output_options
from eks_access.cli.permissions import ExchangeCommand
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import ExitCode, UsageError
from eks_access.findings import Finding, Trace, Verdict
from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.questions.declared_fixes import in_program
from eks_access.questions.requests import check_iam_request, parse_request
from eks_access.questions.trace_principal import require_principal, trace_principal
from eks_access.questions.trace_workload import trace_pod, trace_service_account
from eks_access.render.pages import trace_page

EXIT_CODES = {
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
    require_principal(arn)
    request = parse_request(verb, resource, namespace, name)
    _answer(source, output, lambda graph: trace_principal(graph, arn, request))


_ACTION_OPTIONS = (
    click.option("--action", help="Action of IAM that the pod needs: s3:ListBucket. By default only the role."),
    click.option("--resource", help="ARN of the action's resource; by default any."),
    click.option(
        "--exchange",
        is_flag=True,
        help="Exchange a token of the service account for a session, as a pod does it. CloudTrail shows the session; "
        "neither the token nor the credentials are shown or stored.",
    ),
)


def _action_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the traced action and of the exchange to a command."""
    for option in reversed(_ACTION_OPTIONS):
        command = option(command)
    return command


@trace.command(cls=ExchangeCommand)
@click.argument("account", metavar="NAMESPACE/NAME")
@_action_options
@source_options
@output_options
def serviceaccount(
    *, account: str, action: str | None, resource: str | None, exchange: bool, source: SourceOptions, output: str
) -> None:
    """Trace a service account to its AWS role, and to an action in AWS."""
    key = _key(account)
    _check_action(action, resource)
    _check_exchange(source, exchange=exchange)
    _answer(source, output, lambda graph: trace_service_account(graph, *key, action, resource, with_exchange=exchange))


@trace.command(cls=ExchangeCommand)
@click.argument("name", metavar="NAMESPACE/NAME")
@_action_options
@source_options
@output_options
def pod(
    *, name: str, action: str | None, resource: str | None, exchange: bool, source: SourceOptions, output: str
) -> None:
    """Trace a pod to its AWS role, and to an action in AWS.

    The NAME of a pod that a stack declares by its workload is that of kubectl: deployment/app.
    """
    key = _key(name, is_pod=True)
    _check_action(action, resource)
    _check_exchange(source, exchange=exchange)
    _answer(source, output, lambda graph: trace_pod(graph, *key, action, resource, with_exchange=exchange))


def _key(text: str, *, is_pod: bool = False) -> ObjectKey:
    """Return the namespace and name of an argument; raise `UsageError` for other text."""
    namespace, _, name = text.partition("/")
    if not namespace or not all(name.split("/")) or name.count("/") > is_pod:
        raise UsageError(f"{text!r} must be NAMESPACE/NAME", "pass default/my-sa")
    return namespace, name


def _check_action(action: str | None, resource: str | None) -> None:
    if action is not None:
        check_iam_request(action, resource or "*")
    elif resource is not None:
        raise UsageError(
            f"--resource {resource!r} must be passed with --action", "pass --action s3:GetObject, for example"
        )


def _check_exchange(source: SourceOptions, *, exchange: bool) -> None:
    if exchange and source.source != LIVE:
        raise UsageError(f"--exchange needs --source {LIVE}: no other source has tokens", "omit --source or --exchange")


def _answer(source: SourceOptions, output: str, ask: Callable[[AccessGraph], Trace]) -> None:
    """Print a trace and exit with the code of its verdict."""

    def completed(graph: AccessGraph) -> Trace:
        traced = ask(graph)
        return completed_trace(_with_findings(traced, lambda finding: in_program(graph, finding)), source)

    answer_question(
        source,
        output,
        "trace",
        completed,
        trace_page,
        code=lambda traced: EXIT_CODES[traced.verdict],
        answered=lambda traced: traced.answered,
    )


def completed_trace(traced: Trace, source: SourceOptions) -> Trace:
    """Return the trace with fixes that use the same credentials as this command."""
    return _with_findings(traced, source.completed)


def _with_findings(traced: Trace, change: Callable[[Finding], Finding]) -> Trace:
    links = (link if link.finding is None else replace(link, finding=change(link.finding)) for link in traced.links)
    return replace(traced, links=tuple(links))
