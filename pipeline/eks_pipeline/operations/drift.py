"""Export the state of a stack, for its comparison with the living clusters. The engine does not run the program."""

from __future__ import annotations

from typing import Any

import msgspec
from pulumi.automation.errors import StackNotFoundError

from eks_pipeline.operations.context import Context


def run(context: Context) -> None:
    """Write the state to the stack's folder of the run. Secrets stay encrypted."""
    context.job.state_file.write_bytes(msgspec.json.encode(_state(context)))


def _state(context: Context) -> dict[str, Any]:
    try:
        return context.commands.read_state()
    except StackNotFoundError:
        if not context.job.options.allow_missing:
            raise
        return {"version": 3, "deployment": {}}
