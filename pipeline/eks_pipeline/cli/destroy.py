"""The command `eks-pipeline destroy`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from eks_pipeline.cli.left_out_states import read_left_out_states
from eks_pipeline.cli.run_options import Command, finish, run_options
from eks_pipeline.errors import UsageError
from eks_pipeline.report import Operation
from eks_pipeline.stack.job import Options


@click.command()
@run_options
def destroy(**run: Any) -> None:
    """Delete all resources of the stacks, each stack after those that follow it.

    With --stack, a stack that others of the fleet follow is rejected until these are selected, too, or destroyed.
    """
    command = Command(Operation.DESTROY, options=Options(), **run)
    _require_destroyed_followers(command)
    finish(command, *command.execute())


def _require_destroyed_followers(command: Command) -> None:
    """Raise `UsageError` if stacks with resources follow selected ones, and are not selected themselves."""
    followers = command.fleet.left_out_followers()
    states = read_left_out_states(command, followers)
    found = {name: "" for name, file in states.files.items() if _has_resources(file)}
    found |= {name: f"; its state cannot be read: {reason}" for name, reason in states.failed.items()}
    if found:
        lines = "".join(f"\n  {name} follows {followers[name]}{reason}" for name, reason in found.items())
        options = " ".join(f"--stack {name}" for name in found)
        raise UsageError(
            f"--stack must select the stacks that follow the selected ones; nothing was deleted:{lines}\n"
            f"  fix: add {options}, or destroy these stacks first"
        )


def _has_resources(file: Path) -> bool:
    state = msgspec.json.decode(file.read_bytes())
    return bool((state.get("deployment") or {}).get("resources"))
