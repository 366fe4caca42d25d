"""Operations on change sets. A change set is complete at once; CloudFormation takes seconds to create one."""

from __future__ import annotations

import uuid
from dataclasses import replace

from moto.core.responses import ActionResult

from lab.cloud.cloudformation import deployment, descriptions, requests
from lab.cloud.cloudformation.changes import has_changes, list_changes
from lab.cloud.cloudformation.errors import (
    AlreadyExistsException,
    ChangeSetNotFoundException,
    InvalidChangeSetStatusException,
    ValidationError,
)
from lab.cloud.cloudformation.operations import Operations
from lab.cloud.cloudformation.records import ChangeSetRecord, StackRecord, StackSettings, now
from lab.cloud.cloudformation.stack_operations import check_updatable
from lab.cloud.cloudformation.store import store
from lab.cloud.cloudformation.update import StackUpdate

_NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


class ChangeSetOperations(Operations):
    """The operations on change sets."""

    def create_change_set(self) -> ActionResult:
        kind = self.param("ChangeSetType", "UPDATE")
        stack = self.find_stack()
        if stack is not None and stack.status == "DELETE_COMPLETE":
            stack = None
        is_new = stack is None or stack.status == "REVIEW_IN_PROGRESS"
        if kind == "UPDATE" and is_new:
            raise ValidationError(f"Stack [{self.param('StackName')}] does not exist")
        if kind == "CREATE" and stack is not None and not is_new:
            raise ValidationError(f"Stack [{stack.name}] already exists and cannot be created again with the changeSet")
        previous = None if is_new else stack
        template = requests.read_template(self.call, self.caller_calls(), previous)
        settings = requests.read_settings(self.call, template, previous)
        with store.lock:
            if stack is None:
                stack = self.new_stack(settings, "REVIEW_IN_PROGRESS")
            elif not is_new:
                check_updatable(stack)
            existing = stack.change_sets.get(self.param("ChangeSetName"))
            if existing is not None and existing.token and existing.token == self.param("ClientToken"):
                return ActionResult({"Id": existing.arn, "StackId": stack.arn})
            if existing is not None:
                raise AlreadyExistsException(f"ChangeSet {existing.name} already exists")
            change_set = self._new_change_set(stack, kind, settings)
            self.stack_calls(stack, settings.role_arn)  # the role must exist and trust CloudFormation
            if stack.arn not in store.stacks:
                store.stacks[stack.arn] = stack
                stack.set_status("REVIEW_IN_PROGRESS", "User Initiated")
            stack.change_sets[change_set.name] = change_set
        return ActionResult({"Id": change_set.arn, "StackId": stack.arn})

    def describe_change_set(self) -> ActionResult:
        stack, change_set = self._find()
        page, token = self.page(change_set.changes)
        description = descriptions.describe_change_set(stack, change_set)
        return ActionResult({**description, "Changes": page, "NextToken": token})

    def list_change_sets(self) -> ActionResult:
        stack = self.stack("Stack [{name}] does not exist")
        page, token = self.page(list(stack.change_sets.values()))
        summaries = [descriptions.summarize_change_set(stack, change_set) for change_set in page]
        return ActionResult({"Summaries": summaries, "NextToken": token})

    def delete_change_set(self) -> ActionResult:
        try:
            stack, change_set = self._find()
        except ChangeSetNotFoundException:
            return ActionResult({})
        with store.lock:
            if change_set.execution_status == "EXECUTE_IN_PROGRESS":
                status = f"in {change_set.execution_status} status"
                raise InvalidChangeSetStatusException(f"ChangeSet [{change_set.arn}] cannot be deleted {status}")
            stack.change_sets.pop(change_set.name, None)
        return ActionResult({})

    def execute_change_set(self) -> ActionResult:
        stack, change_set = self._find()
        calls = self.stack_calls(stack, change_set.settings.role_arn)
        with store.lock:
            if change_set.execution_status != "AVAILABLE":
                raise InvalidChangeSetStatusException(
                    f"ChangeSet [{change_set.arn}] cannot be executed in its current status of [{change_set.status}]"
                )
            settings = self._execution_settings(change_set)
            if change_set.kind == "UPDATE":
                check_updatable(stack)
                status, job = "UPDATE_IN_PROGRESS", StackUpdate(stack, settings, calls).run
            else:
                stack.settings = settings
                status, job = "CREATE_IN_PROGRESS", lambda: deployment.create_stack(stack, calls)
            stack.updated_at = now()
            change_set.execution_status = "EXECUTE_IN_PROGRESS"
            stack.change_sets = {change_set.name: change_set}
            stack.executed_change_set = change_set.arn

            def execute() -> None:
                job()
                is_complete = stack.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
                change_set.execution_status = "EXECUTE_COMPLETE" if is_complete else "EXECUTE_FAILED"

            self.start(stack, status, settings.token, execute)
        return ActionResult({})

    def _execution_settings(self, change_set: ChangeSetRecord) -> StackSettings:
        """Return the settings of the change set, with those of the execution."""
        return replace(
            change_set.settings,
            disable_rollback=bool(self.param("DisableRollback")) or change_set.settings.disable_rollback,
            retain_except_on_create=bool(self.param("RetainExceptOnCreate")),
            token=self.param("ClientRequestToken"),
        )

    def _new_change_set(self, stack: StackRecord, kind: str, settings: StackSettings) -> ChangeSetRecord:
        name, call = self.param("ChangeSetName"), self.call
        changes = [change.describe() for change in list_changes(stack, settings)]
        is_empty = kind == "UPDATE" and not has_changes(stack, settings)
        return ChangeSetRecord(
            name=name,
            arn=f"arn:{call.partition}:cloudformation:{call.region}:{call.account}:changeSet/{name}/{uuid.uuid4()}",
            kind=kind,
            settings=settings,
            changes=changes,
            description=self.param("Description"),
            status="FAILED" if is_empty else "CREATE_COMPLETE",
            execution_status="UNAVAILABLE" if is_empty else "AVAILABLE",
            token=self.param("ClientToken"),
            reason=_NO_CHANGES if is_empty else None,
        )

    def _find(self) -> tuple[StackRecord, ChangeSetRecord]:
        name = self.param("ChangeSetName")
        stack = self.find_stack()
        if stack is None and not self.param("StackName") and not name.startswith("arn:"):
            raise ValidationError("StackName must be specified if ChangeSetName is not specified as an ARN.")
        change_sets = list(stack.change_sets.values()) if stack else []
        change_set = next((entry for entry in change_sets if name in {entry.name, entry.arn}), None)
        if stack is not None and self.param("StackName") not in {None, stack.name, stack.arn}:
            change_set = None
        if stack is None or change_set is None:
            raise ChangeSetNotFoundException(f"ChangeSet [{name}] does not exist")
        return stack, change_set
