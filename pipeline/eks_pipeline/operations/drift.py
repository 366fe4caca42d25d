"""Export the state of a stack, for its comparison with the living clusters. The engine does not run the program."""

from __future__ import annotations

import msgspec

from eks_pipeline.operations.context import Context


def run(context: Context) -> None:
    """Write the state to the stack's folder of the run. Secrets stay encrypted."""
    state = context.commands.read_state()
    context.job.state_file.write_bytes(msgspec.json.encode(state))
