"""The command `eks-access who-can`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from eks_access.cli.output import answer_question, output_options
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import UsageError
from eks_access.graph import AccessGraph
from eks_access.questions import who_can as question
from eks_access.questions.aws.who_can_in_aws import who_can_in_aws
from eks_access.questions.requests import check_iam_request, is_iam_action, parse_request
from eks_access.questions.who_can import WhoCan
from eks_access.render.pages import who_can_page


@click.command("who-can")
@click.argument("verb", metavar="VERB_OR_ACTION")
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
    """Show everybody who can do something, with the path of each.

    A verb and a resource of Kubernetes, as in `get pods`, or an action of IAM and the ARN of a resource, as in
    `s3:ListBucket arn:aws:s3:::my-bucket`.
    """
    page = partial(who_can_page, show_system=show_system)
    question_of = _in_aws if is_iam_action(verb) else _in_cluster
    answer_question(source, output, "who_can", question_of(verb, resource, namespace, name), page)


def _in_cluster(verb: str, resource: str, namespace: str | None, name: str | None) -> Callable[[AccessGraph], WhoCan]:
    request = parse_request(verb, resource, namespace, name)
    return lambda graph: question.who_can(graph, request)


def _in_aws(action: str, resource: str, namespace: str | None, name: str | None) -> Callable[[AccessGraph], WhoCan]:
    check_iam_request(action, resource)
    if namespace is not None or name is not None:
        raise UsageError(f"--namespace and --name do not apply to the IAM action {action}", "remove them")
    return lambda graph: who_can_in_aws(graph, action, resource)
