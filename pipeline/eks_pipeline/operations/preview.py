"""Preview an update: the resource plan, the change of access and the policy findings, from one run of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

from eks_pipeline.operations.context import Context
from eks_pipeline.review import stack_preview
from eks_pipeline.review.access import access_changes
from eks_pipeline.review.resource_plan import planned_steps, unchanged
from eks_pipeline.stack.engine_output import PreviewOutput


def run(context: Context) -> None:
    """Preview the update and write the preview to the stack's folder of the run."""
    state = context.commands.export()
    plans = context.job.options.save_plans
    plan = None if plans is None else context.job.plan_in(plans)
    output = context.commands.preview(context.reporter.on_event, plan)
    write_preview(context, state, output)


def write_preview(context: Context, state: Mapping[str, Any], output: PreviewOutput) -> stack_preview.StackPreview:
    """Write what a reviewer sees of a preview, and return it."""
    preview = stack_preview.StackPreview(
        stack=context.job.name,
        steps=planned_steps(output),
        unchanged=unchanged(output),
        access=access_changes(state, output),
        policies=tuple(sorted(context.report.policies, key=astuple)),
        inputs=context.job.inputs,
    )
    file: Path = context.job.preview_file
    stack_preview.write(preview, file)
    return preview
