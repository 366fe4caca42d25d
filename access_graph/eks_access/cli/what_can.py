"""The command `eks-access what-can`."""

from __future__ import annotations

from collections.abc import Callable

import click

from eks_access.cli.output import answer_question, output_options
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import UsageError
from eks_access.graph import AccessGraph
from eks_access.questions.what_can import WhatCan, what_can_principal, what_can_service_account
from eks_access.render.pages import what_can_page


@click.command("what-can")
@click.argument("subject", metavar="ARN_OR_NAMESPACE/NAME")
@source_options
@output_options
def what_can(*, subject: str, source: SourceOptions, output: str) -> None:
    """Show what an IAM user or role, or a service account NAMESPACE/NAME, can do."""
    answer_question(source, output, "what_can", _question(subject), what_can_page)


def _question(subject: str) -> Callable[[AccessGraph], WhatCan]:
    if subject.startswith("arn:"):
        return lambda graph: what_can_principal(graph, subject)
    namespace, separator, name = subject.partition("/")
    if not separator or not namespace or not name or "/" in name:
        message = f"{subject!r} must be the ARN of an IAM user or role, or NAMESPACE/NAME of a service account"
        raise UsageError(message, "pass default/my-sa, for example")
    return lambda graph: what_can_service_account(graph, namespace, name)
