"""Operations on stacks: CreateStack, UpdateStack, DeleteStack, and those that describe stacks."""

from __future__ import annotations

import json

from moto.core.responses import ActionResult, EmptyResult

from lab.cloud.cloudformation import deployment, descriptions, requests
from lab.cloud.cloudformation.changes import has_changes, list_changes
from lab.cloud.cloudformation.errors import AlreadyExistsException, ValidationError
from lab.cloud.cloudformation.operations import Operations
from lab.cloud.cloudformation.records import StackRecord, now
from lab.cloud.cloudformation.store import store
from lab.cloud.cloudformation.update import StackUpdate

UPDATABLE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})


class StackOperations(Operations):
    """The operations on stacks."""

    def create_stack(self) -> ActionResult:
        template = requests.read_template(self.call, self.caller_calls())
        settings = requests.read_settings(self.call, template, None)
        stack = self.new_stack(settings, "CREATE_IN_PROGRESS")
        stack.termination_protection = bool(self.param("EnableTerminationProtection"))
        list_changes(stack, settings)  # evaluates all conditions and properties before anything exists
        calls = self.stack_calls(stack, settings.role_arn)
        with store.lock:
            existing = self.find_stack()
            if existing is not None:
                if settings.token and existing.settings.token == settings.token:
                    return ActionResult({"StackId": existing.arn})
                raise AlreadyExistsException(f"Stack [{stack.name}] already exists")
            store.stacks[stack.arn] = stack
            self.start(stack, stack.status, settings.token, lambda: deployment.create_stack(stack, calls))
        return ActionResult({"StackId": stack.arn})

    def update_stack(self) -> ActionResult:
        stack = self.existing_stack()
        template = requests.read_template(self.call, self.caller_calls(), stack)
        settings = requests.read_settings(self.call, template, stack)
        calls = self.stack_calls(stack, settings.role_arn)
        with store.lock:
            check_updatable(stack)
            if not has_changes(stack, settings):
                raise ValidationError("No updates are to be performed.")
            stack.updated_at = now()
            update = StackUpdate(stack, settings, calls)
            self.start(stack, "UPDATE_IN_PROGRESS", settings.token, update.run)
        return ActionResult({"StackId": stack.arn})

    def delete_stack(self) -> EmptyResult:
        stack = self.find_stack()
        if stack is None or stack.status == "DELETE_COMPLETE":
            return EmptyResult()
        calls = self.stack_calls(stack, self.param("RoleARN") or stack.settings.role_arn)
        with store.lock:
            if stack.termination_protection:
                raise ValidationError(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
            if stack.status == "DELETE_IN_PROGRESS":
                return EmptyResult()
            if stack.is_in_progress:
                raise ValidationError(f"Stack [{stack.arn}] cannot be deleted while in status {stack.status}")
            retained = self._read_retained(stack)
            self.start(
                stack,
                "DELETE_IN_PROGRESS",
                self.param("ClientRequestToken"),
                lambda: deployment.delete_stack(stack, calls, retained),
            )
        return EmptyResult()

    def update_termination_protection(self) -> ActionResult:
        stack = self.existing_stack()
        stack.termination_protection = bool(self.param("EnableTerminationProtection"))
        return ActionResult({"StackId": stack.arn})

    def describe_stacks(self) -> ActionResult:
        if self.param("StackName"):
            return ActionResult({"Stacks": [descriptions.describe_stack(self.stack())]})
        stacks = [stack for stack in self._list_stacks() if stack.status != "DELETE_COMPLETE"]
        page, token = self.page(stacks)
        return ActionResult({"Stacks": [descriptions.describe_stack(stack) for stack in page], "NextToken": token})

    def list_stacks(self) -> ActionResult:
        statuses = self.param("StackStatusFilter")
        stacks = [stack for stack in self._list_stacks() if not statuses or stack.status in statuses]
        page, token = self.page(stacks)
        summaries = [descriptions.summarize_stack(stack) for stack in page]
        return ActionResult({"StackSummaries": summaries, "NextToken": token})

    def describe_stack_events(self) -> ActionResult:
        stack = self.stack("Stack [{name}] does not exist")
        page, token = self.page(list(reversed(stack.events)))
        events = [descriptions.describe_event(stack, event) for event in page]
        return ActionResult({"StackEvents": events, "NextToken": token})

    def describe_stack_resource(self) -> ActionResult:
        stack, logical_id = self.stack("Stack '{name}' does not exist"), self.param("LogicalResourceId")
        record = stack.resources.get(logical_id)
        if record is None:
            raise ValidationError(f"Resource {logical_id} does not exist for stack {stack.name}")
        detail = descriptions.describe_resource(stack, record, time_member="LastUpdatedTimestamp")
        return ActionResult({"StackResourceDetail": {**detail, "Metadata": json.dumps(record.metadata or {})}})

    def describe_stack_resources(self) -> ActionResult:
        if not self.param("StackName") and not self.param("PhysicalResourceId"):
            raise ValidationError("Either StackName or PhysicalResourceId must be specified.")
        if self.param("StackName") and self.param("PhysicalResourceId"):
            raise ValidationError("StackName and PhysicalResourceId cannot both be specified.")
        stack, logical_id = self.stack(), self.param("LogicalResourceId")
        if logical_id is not None and logical_id not in stack.resources:
            raise ValidationError(f"Resource {logical_id} does not exist for stack {stack.name}")
        resources = [
            descriptions.describe_resource(stack, record, time_member="Timestamp")
            for record in list(stack.resources.values())
            if logical_id in {None, record.logical_id}
        ]
        return ActionResult({"StackResources": resources})

    def list_stack_resources(self) -> ActionResult:
        stack = self.stack()
        page, token = self.page(list(stack.resources.values()))
        summaries = [
            descriptions.describe_resource(stack, record, time_member="LastUpdatedTimestamp") for record in page
        ]
        return ActionResult({"StackResourceSummaries": summaries, "NextToken": token})

    def list_exports(self) -> ActionResult:
        exports = [
            {"ExportingStackId": stack.arn, "Name": output.export, "Value": output.value}
            for stack, output in store.list_exports(self.call.account, self.call.region)
        ]
        page, token = self.page(exports)
        return ActionResult({"Exports": page, "NextToken": token})

    def list_imports(self) -> ActionResult:
        name = self.param("ExportName")
        importers = [stack.name for stack in store.list_importers(self.call.account, self.call.region, name)]
        if not importers:
            raise ValidationError(f"Export '{name}' is not imported by any stack.")
        page, token = self.page(importers)
        return ActionResult({"Imports": page, "NextToken": token})

    def _list_stacks(self) -> list[StackRecord]:
        return store.list_stacks(self.call.account, self.call.region)

    def _read_retained(self, stack: StackRecord) -> list[str]:
        retained = list(self.param("RetainResources") or ())
        if retained and stack.status != "DELETE_FAILED":
            message = "is not in a valid state for specifying RetainResources. Stack state must be DELETE_FAILED"
            raise ValidationError(f"Invalid operation on stack [{stack.arn}]. It {message}")
        missing = [name for name in retained if name not in stack.resources]
        if missing:
            raise ValidationError(f"The specified resources to retain do not exist: [{', '.join(missing)}]")
        return retained


def check_updatable(stack: StackRecord) -> None:
    """Raise an error unless the stack can be updated in its status."""
    if stack.status not in UPDATABLE:
        raise ValidationError(f"Stack:{stack.arn} is in {stack.status} state and can not be updated.")
