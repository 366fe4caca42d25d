"""The command `python -m lab services`: the AWS operations that the lab enforces."""

from __future__ import annotations

import click

from lab.errors import UsageError
from lab.exit_codes import errors_to_exit_codes
from lab.lab_dir import LabDir


@click.command()
@click.argument("service", required=False)
@click.pass_obj
@errors_to_exit_codes
def services(_home: LabDir, service: str | None) -> None:
    """Print the AWS operations that the lab enforces, by service, or those of one SERVICE with their actions."""
    from lab.cloud.services import SERVICES  # noqa: PLC0415 - see `up` in `cli`
    from lab.cloud.services.page import describe_action, describe_resources  # noqa: PLC0415 - the same

    if service is None:
        for name in sorted(SERVICES):
            click.echo(f"{name} ({len(SERVICES[name].operations)}): {', '.join(sorted(SERVICES[name].operations))}")
        return
    if service not in SERVICES:
        raise UsageError(f"the lab does not implement {service!r}", fix=f"pass one of {', '.join(sorted(SERVICES))}")
    for operation in sorted(SERVICES[service].operations):
        action = describe_action(SERVICES[service], operation)
        resources = describe_resources(SERVICES[service], operation).replace("\\", "")
        click.echo(f"{operation:40} {action:50} {resources}".rstrip())
