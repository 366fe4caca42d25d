"""Update the state of a stack from the resources that exist."""

from __future__ import annotations

from eks_pipeline.operations.context import Context


def run(context: Context) -> None:
    """Refresh the state, and read the outputs."""
    context.commands.export()
    context.commands.refresh(context.reporter.on_event)
    context.read_outputs()
