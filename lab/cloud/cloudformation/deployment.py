"""The creation and the deletion of a stack. An operation acts as one principal, and runs on a background thread.

Resources are created in the order of their dependencies and deleted in the opposite one. CloudFormation works on
independent resources at the same time; the lab works on one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.cloud.cloudformation import resource_operations
from lab.cloud.cloudformation.calls import Calls
from lab.cloud.cloudformation.errors import ResourceFailure, ValidationError
from lab.cloud.cloudformation.evaluation import Evaluation, check_removed_exports
from lab.cloud.cloudformation.records import ResourceRecord, StackRecord, StackSettings, now


def create_stack(stack: StackRecord, calls: Calls) -> None:
    """Create the resources of a stack, whose status is CREATE_IN_PROGRESS. Roll back if one fails."""
    try:
        evaluation = Evaluation(stack, stack.settings)
        for logical_id in evaluation.order:
            create_resource(stack, stack.settings, evaluation, logical_id, calls)
        publish_outputs(stack, evaluation)
    except (ResourceFailure, ValidationError) as failure:
        _roll_back_creation(stack, calls, failure_reason(stack, failure, "create"))
        return
    stack.set_status("CREATE_COMPLETE")


def delete_stack(stack: StackRecord, calls: Calls, retained: Iterable[str] = ()) -> None:
    """Delete the resources of a stack, whose status is DELETE_IN_PROGRESS, except for the `retained`."""
    try:
        check_removed_exports(stack, set())
    except ResourceFailure as failure:
        stack.set_status("DELETE_FAILED", str(failure))
        return
    by_policy = (name for name, record in stack.resources.items() if record.deletion_policy != "Delete")
    failed = delete_resources(stack, stack.resources.values(), calls, {*retained, *by_policy})
    if failed:
        names = ", ".join(record.logical_id for record in failed)
        stack.set_status("DELETE_FAILED", f"The following resource(s) failed to delete: [{names}].")
        return
    _finish_deletion(stack)


def create_resource(
    stack: StackRecord, settings: StackSettings, evaluation: Evaluation, logical_id: str, calls: Calls
) -> ResourceRecord:
    """Create a resource and its record in the stack.

    Raises:
        ResourceFailure: the resource was not created, or only in part.
    """
    declaration = settings.template.resources[logical_id]
    record = ResourceRecord(
        logical_id,
        declaration.type_name,
        dependencies=tuple(settings.template.dependencies(logical_id)),
        deletion_policy=declaration.deletion_policy,
        metadata=declaration.metadata,
    )
    try:
        record.properties = evaluation.properties(logical_id)
    except ResourceFailure as failure:
        stack.resources.setdefault(logical_id, record)
        stack.set_resource_status(record, "CREATE_FAILED", str(failure))
        raise
    stack.resources[logical_id] = record
    resource_operations.create(stack, record, calls)
    return record


def delete_resources(
    stack: StackRecord, records: Iterable[ResourceRecord], calls: Calls, retained: Iterable[str] = ()
) -> list[ResourceRecord]:
    """Delete resources, except for the logical ids `retained`, and return those that remain though they should not."""
    failed = []
    for record in resource_operations.in_deletion_order(records):
        if record.status == "DELETE_COMPLETE":
            continue
        if record.logical_id in retained:
            stack.set_resource_status(record, "DELETE_SKIPPED")
        elif not resource_operations.delete(stack, record, calls):
            failed.append(record)
    return failed


def publish_outputs(stack: StackRecord, evaluation: Evaluation) -> None:
    """Set the outputs of a stack, and what it imports.

    Raises:
        ResourceFailure: an output cannot be evaluated, or an export is in use.
    """
    outputs = evaluation.outputs()
    evaluation.check_exports(outputs)
    stack.outputs, stack.imports = outputs, evaluation.imports


def failure_reason(stack: StackRecord, failure: Exception, verb: str) -> str:
    """Return the reason of a stack's failure: the failed resources, or an error of the template."""
    failed = [name for name, record in stack.resources.items() if record.status.endswith("_FAILED")]
    return f"The following resource(s) failed to {verb}: [{', '.join(failed)}]." if failed else str(failure)


def _roll_back_creation(stack: StackRecord, calls: Calls, reason: str) -> None:
    settings = stack.settings
    if settings.disable_rollback or settings.on_failure == "DO_NOTHING":
        stack.set_status("CREATE_FAILED", reason)
        return
    is_deletion = settings.on_failure == "DELETE"
    reason = f"{reason} {'Delete' if is_deletion else 'Rollback'} requested by user."
    stack.set_status("DELETE_IN_PROGRESS" if is_deletion else "ROLLBACK_IN_PROGRESS", reason)
    retained = [
        name
        for name, record in stack.resources.items()
        if record.deletion_policy == "Retain" and record.physical_id and not settings.retain_except_on_create
    ]
    failed = delete_resources(stack, stack.resources.values(), calls, retained)
    if failed:
        names = ", ".join(record.logical_id for record in failed)
        status = "DELETE_FAILED" if is_deletion else "ROLLBACK_FAILED"
        stack.set_status(status, f"The following resource(s) failed to delete: [{names}].")
    elif is_deletion:
        _finish_deletion(stack)
    else:
        stack.set_status("ROLLBACK_COMPLETE")


def _finish_deletion(stack: StackRecord) -> None:
    stack.deleted_at = now()
    stack.set_status("DELETE_COMPLETE")
