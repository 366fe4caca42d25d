"""Read the outputs of a stack."""

from __future__ import annotations

from eks_pipeline.operations.context import Context


def run(context: Context) -> None:
    """Read the outputs of the last update."""
    context.read_outputs()
