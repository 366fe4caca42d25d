"""The command `eks-pipeline destroy`."""

from __future__ import annotations

from typing import Any

import click

from eks_pipeline.cli.run_options import Command, finish, run_options
from eks_pipeline.report import Operation
from eks_pipeline.stack.job import Options


@click.command()
@run_options
def destroy(**run: Any) -> None:
    """Delete all resources of the stacks, each stack after those that follow it."""
    command = Command(Operation.DESTROY, options=Options(), **run)
    finish(command, *command.execute())
