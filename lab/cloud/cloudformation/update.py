"""The update of a stack, and its rollback.

New resources are created and existing ones changed first. A change of a property that needs a replacement creates a new
resource. What the new template lacks, and what was replaced, is deleted at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lab.cloud.cloudformation import deployment, resource_operations
from lab.cloud.cloudformation.calls import Calls
from lab.cloud.cloudformation.changes import compare
from lab.cloud.cloudformation.errors import ResourceFailure, ValidationError
from lab.cloud.cloudformation.evaluation import Evaluation
from lab.cloud.cloudformation.records import Output, ResourceRecord, StackRecord, StackSettings
from lab.cloud.cloudformation.resource_schemas import load_schema


@dataclass
class _Step:
    """A change that the update made or tried. `old` is None for a new resource."""

    old: ResourceRecord | None
    new: ResourceRecord
    calls: Calls
    is_replacement: bool = False


@dataclass
class StackUpdate:
    """The update of one stack, whose status is UPDATE_IN_PROGRESS."""

    stack: StackRecord
    settings: StackSettings
    calls: Calls
    _steps: list[_Step] = field(default_factory=list)
    _retained: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Update the stack, or roll it back if a resource fails."""
        stack = self.stack
        before: tuple[list[Output], set[str]] = stack.outputs, stack.imports
        try:
            evaluation = Evaluation(stack, self.settings)
            for logical_id in evaluation.order:
                self._deploy(evaluation, logical_id)
            deployment.publish_outputs(stack, evaluation)
        except (ResourceFailure, ValidationError) as failure:
            stack.outputs, stack.imports = before
            self._roll_back(deployment.failure_reason(stack, failure, "update"))
            return
        stack.settings = self.settings
        stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        removed = [record for name, record in stack.resources.items() if name not in evaluation.order]
        retained = {record.logical_id for record in removed if record.deletion_policy != "Delete"} | self._retained
        replaced = [step.old for step in self._steps if step.old is not None and step.is_replacement]
        failed = deployment.delete_resources(stack, [*removed, *replaced], self.calls, retained)
        for record in removed:
            del stack.resources[record.logical_id]
        stack.set_status("UPDATE_COMPLETE", "One or more resources could not be deleted." if failed else None)

    def _deploy(self, evaluation: Evaluation, logical_id: str) -> None:
        """Create, change or keep a resource."""
        old = self.stack.resources.get(logical_id)
        if old is None:
            self._create(evaluation, logical_id, None)
            return
        declaration = self.settings.template.resources[logical_id]
        try:
            properties = evaluation.properties(logical_id)
            change = compare(old, properties)
            if change is not None and change.is_replacement:
                _check_replaceable(old, change.changed)
        except ResourceFailure as failure:
            failed = replace(old)
            self.stack.resources[logical_id] = failed
            self._steps.append(_Step(old, failed, self.calls.recording()))
            self.stack.set_resource_status(failed, "UPDATE_FAILED", str(failure))
            raise
        if change is not None and change.is_replacement:
            if declaration.update_replace_policy != "Delete":
                self._retained.add(logical_id)
            self._create(evaluation, logical_id, old)
            return
        new = replace(
            old,
            properties=properties,
            dependencies=tuple(self.settings.template.dependencies(logical_id)),
            deletion_policy=declaration.deletion_policy,
            metadata=declaration.metadata,
        )
        self.stack.resources[logical_id] = new
        step = _Step(old, new, self.calls.recording())
        self._steps.append(step)
        if change is not None:
            resource_operations.update(self.stack, new, old.properties, step.calls)

    def _create(self, evaluation: Evaluation, logical_id: str, old: ResourceRecord | None) -> None:
        try:
            deployment.create_resource(self.stack, self.settings, evaluation, logical_id, self.calls)
        finally:
            new = self.stack.resources[logical_id]
            self._steps.append(_Step(old, new, self.calls, is_replacement=old is not None))

    def _roll_back(self, reason: str) -> None:
        stack = self.stack
        if self.settings.disable_rollback:
            stack.set_status("UPDATE_FAILED", reason)
            return
        stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        created = []
        for step in reversed(self._steps):
            logical_id = step.new.logical_id
            if step.old is None or step.is_replacement:
                created.append(step.new)
            if step.old is None:
                del stack.resources[logical_id]
                continue
            stack.resources[logical_id] = step.old
            if not step.is_replacement and step.calls.completed and not self._undo(step, step.old):
                stack.set_status(
                    "UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{logical_id}]."
                )
                return
        stack.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        deployment.delete_resources(stack, created, self.calls)
        stack.set_status("UPDATE_ROLLBACK_COMPLETE")

    def _undo(self, step: _Step, old: ResourceRecord) -> bool:
        """Change a resource back to its old properties, and return whether that succeeded."""
        undoing = self.calls.undoing(step.calls.completed)
        try:
            resource_operations.update(self.stack, old, step.new.properties, undoing)
        except ResourceFailure:
            return False
        return True


def _check_replaceable(record: ResourceRecord, changed: frozenset[str]) -> None:
    """Reject the replacement of a resource that would have the same name as the existing one."""
    identifier = load_schema(record.type_name).identifier
    if identifier and identifier <= set(record.properties) and not identifier & changed:
        raise ResourceFailure(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {record.physical_id} and update the stack again."
        )
