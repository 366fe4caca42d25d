"""The command `eks-pipeline refresh`."""

from __future__ import annotations

from typing import Any

import click

from eks_pipeline.cli.outputs import finish_with_outputs, show_secrets_option
from eks_pipeline.cli.run_options import Command, run_options
from eks_pipeline.report import Operation
from eks_pipeline.stack.job import Options


@click.command()
@run_options
@show_secrets_option
def refresh(*, show_secrets: bool, **run: Any) -> None:
    """Update the states of the stacks from the resources that exist."""
    finish_with_outputs(Command(Operation.REFRESH, options=Options(show_secrets=show_secrets), **run))
