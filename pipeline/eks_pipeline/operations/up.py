"""Update a stack, after a preview that is compared with its review and with what needs an approval."""

from __future__ import annotations

from eks_pipeline.errors import ReviewDiffersError, UsageError
from eks_pipeline.operations.context import Context


def run(context: Context) -> None:
    """Preview, then update. A failed preview, a difference from the review and a missing approval change nothing.

    The Automation API's `up` skips the preview, in which the lockout guard rejects changes.
    """
    options = context.job.options
    plan = None if options.plans is None else context.job.plan_in(options.plans)
    if plan is not None and not plan.is_file():
        raise UsageError(f"no update plan {plan}\n  fix: run `eks-pipeline preview --save-plans {plan.parent}` first")
    state = context.commands.export()
    context.reporter.status("previewing the update")
    output = context.commands.preview(context.reporter.on_preview_event)
    if options.reviewed is not None or options.require_approval:
        # Imported here: an update without review and approval needs no access analysis.
        from eks_pipeline.operations.preview import write_preview  # noqa: PLC0415
        from eks_pipeline.review import approval, comparison, stack_preview  # noqa: PLC0415

        preview = write_preview(context, state, output)
        if options.reviewed is not None:
            name, fleet = context.job.name, stack_preview.read_fleet(options.reviewed)
            if found := comparison.differences(fleet.stack(name), preview, fleet.failed.get(name)):
                listed = "".join(f"\n  {each}" for each in found)
                raise ReviewDiffersError(
                    f"the update of stack {context.job.name!r} differs from its review; nothing was changed:{listed}\n"
                    "  fix: preview and review again"
                )
        else:
            approval.require_approval(preview, options.require_approval, options.approved)
    context.reporter.status("updating")
    context.commands.up(context.reporter.on_event, plan)
    context.read_outputs()
