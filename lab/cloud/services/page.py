"""The page of enforced operations: `python -m lab.cloud.services.page > docs/lab-services.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from lab.cloud.cloudformation.resource_types import RESOURCE_TYPES
from lab.cloud.service_authorization import find_action
from lab.cloud.services import SERVICES
from lab.cloud.services.rules import Service

_INTRODUCTION = """\
# What the lab enforces

The lab implements the AWS operations on this page, and authorizes each of them as AWS does: by the action, the ARNs of
its resources and the condition keys of the Service Authorization Reference, by identity-based policies, permissions
boundaries, session policies and the resource-based policies named below, in the account that owns the resource. It
rejects every other operation with an error that names it. `python -m lab services` prints the same list.

This page is generated: `make schema` writes it from the table in `lab/cloud/services/`.
"""


_MAX_TYPES = 8
"""CreateTags has 90 resource types."""


def render() -> str:
    """Return the page."""
    return "\n".join([_INTRODUCTION, *(_section(SERVICES[name]) for name in sorted(SERVICES))])


def describe_action(service: Service, operation: str) -> str:
    """Return the action of an operation, or why it has none."""
    if operation in service.not_authorized:
        return f"none: {service.not_authorized[operation]}"
    action = service.action_of(operation)
    return action if find_action(action) else "the action of each part of the request"


def describe_resources(service: Service, operation: str) -> str:
    """Return the resource types on which an operation is authorized, or `*`."""
    action = find_action(service.action_of(operation))
    own = service.operation_resources.get(operation, {})
    if operation in service.not_authorized:
        return ""
    if own and "any" not in own:
        return ", ".join(own)
    types = [entry.name for entry in action.resource_types] if action else []
    if not own and operation not in service.requirements and not service.arn_members:
        types = [name for name in types if name in service.resources]
    if service.name == "s3":
        types = [name for name in types if name in {"bucket", "object"}]
    return ", ".join(types[:_MAX_TYPES]) + (" …" if len(types) > _MAX_TYPES else "") if types else "\\*"


def _section(service: Service) -> str:
    rows = [
        f"| `{operation}` | {_code(describe_action(service, operation))} | {describe_resources(service, operation)} |"
        for operation in sorted(service.operations)
    ]
    if not rows:
        return f"## {service.name}\n\nNo operation is enforced yet.\n"
    lines = [
        f"## {service.name}",
        "",
        *_notes(service),
        "| operation | action | resources |",
        "|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def _notes(service: Service) -> Iterator[str]:
    yield f"Source: <{service.source}>."
    if service.policy_inputs or service.name == "lambda":
        required = " must allow every request" if service.name == "kms" else " is evaluated"
        yield f"The resource-based policy{required}, also for other accounts."
    for operation, roles in service.passed_roles.items():
        receivers = ", ".join(dict.fromkeys(f"`{role.service_principal}`" for role in roles))
        yield f"`{operation}` requires `iam:PassRole` for {receivers}."
    if service.name == "cloudformation":
        types = ", ".join(f"`{name}`" for name in sorted(RESOURCE_TYPES))
        yield f"Each call of a stack is authorized as the caller's, or as that of its service role. Templates: {types}."
    for operation, reason in service.not_executed.items():
        yield f"`{operation}` is authorized and then rejected: {reason}."
    yield ""


def _code(text: str) -> str:
    return f"`{text}`" if ":" in text and " " not in text else text


if __name__ == "__main__":
    sys.stdout.write(render())
