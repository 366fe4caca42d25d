"""The base class of CloudFormation's operations: the call, the stack that it names, pages, and the start of a job.

Each operation reads the `ApiCall` that was authorized, and finds its stack as the authorization found it.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from moto.core.responses import BaseResponse

from lab.cloud.api_call import ApiCall
from lab.cloud.aws_errors import AwsErrorResponse
from lab.cloud.cloudformation import calls, requests
from lab.cloud.cloudformation.errors import CloudFormationError, ValidationError
from lab.cloud.cloudformation.lookup import find_stack
from lab.cloud.cloudformation.records import StackRecord, StackSettings
from lab.cloud.cloudformation.store import store
from lab.cloud.gate import read_gate
from lab.cloud.input_validation import find_input_error
from lab.cloud.request_writer import CALL_KEY

PAGE_SIZE = 100
_FAILED_STATUSES = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_FAILED",
}
_STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")


class Operations(BaseResponse):
    """The base class of all operations."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    @property
    def call(self) -> ApiCall:
        """The authorized call."""
        call: ApiCall = self.normalized_request.environ[CALL_KEY]
        return call

    def call_action(self) -> Any:
        """Check the input and run the operation. Errors have the form of the query protocol."""
        try:
            return super().call_action()
        except CloudFormationError as error:
            raise self.call.error(error.code, error.message, status=error.status) from error

    def _authenticate_and_authorize_normal_action(self, resource: str = "*") -> None:
        super()._authenticate_and_authorize_normal_action(resource)
        message = find_input_error("cloudformation", self.call.name, self.call.params)
        if message:
            raise self.invalid_input(message)
        requests.check_members(self.call)

    def invalid_input(self, message: str) -> AwsErrorResponse:
        """Return the error of an input that the model does not allow."""
        return self.call.error("ValidationError", message)

    def param(self, name: str, default: Any = None) -> Any:
        """Return a member of the input."""
        return self.call.params.get(name, default)

    def caller_calls(self) -> calls.Calls:
        """Return the calls that the operation makes as its caller."""
        caller = self.call.caller
        assert caller is not None
        return calls.calls_as_caller(read_gate(self.normalized_request.environ), caller, self.call.region)

    def stack_calls(self, stack: StackRecord, role_arn: str | None) -> calls.Calls:
        """Return the calls that a stack makes: as the service role if it has one, else as the caller."""
        if role_arn is None:
            return self.caller_calls()
        return calls.calls_as_role(read_gate(self.normalized_request.environ), role_arn, stack.arn, stack.region)

    def find_stack(self) -> StackRecord | None:
        """Return the stack of the call, or None."""
        return find_stack(self.call)

    def stack(self, message: str = "Stack with id {name} does not exist") -> StackRecord:
        """Return the stack of the call.

        Raises:
            ValidationError: it does not exist.
        """
        stack = self.find_stack()
        if stack is None:
            raise ValidationError(message.format(name=self.param("StackName")))
        return stack

    def existing_stack(self) -> StackRecord:
        """Return the stack of the call, which must not be deleted.

        Raises:
            ValidationError: it does not exist.
        """
        message = "Stack [{name}] does not exist"
        stack = self.stack(message)
        if stack.status == "DELETE_COMPLETE":
            raise ValidationError(message.format(name=self.param("StackName")))
        return stack

    def new_stack(self, settings: StackSettings, status: str) -> StackRecord:
        """Return a stack that does not exist yet."""
        name = self.param("StackName")
        if not _STACK_NAME.fullmatch(name):
            raise ValidationError(
                f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must "
                f"satisfy regular expression pattern: {_STACK_NAME.pattern}"
            )
        call = self.call
        arn = f"arn:{call.partition}:cloudformation:{call.region}:{call.account}:stack/{name}/{uuid.uuid4()}"
        return StackRecord(name, arn, settings, status)

    def start(self, stack: StackRecord, status: str, token: str | None, job: Callable[[], None]) -> None:
        """Set the status of a new stack operation and run it. Call this with the store's lock held."""
        stack.operation_token = token
        stack.set_status(status, "User Initiated")

        def run_job() -> None:
            try:
                job()
            except Exception as error:
                stack.set_status(_FAILED_STATUSES[status], f"Internal failure of the lab: {error!r}")
                raise

        store.jobs.run(f"{self.call.name} {stack.name}", run_job)

    def page(self, items: Sequence[Any]) -> tuple[Sequence[Any], str | None]:
        """Return a page of items, and the token of the next page."""
        start = self._read_offset()
        end = start + PAGE_SIZE
        token = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(items) else None
        return items[start:end], token

    def _read_offset(self) -> int:
        token = self.param("NextToken")
        if not token:
            return 0
        try:
            return int(base64.urlsafe_b64decode(token).decode())
        except ValueError:
            raise ValidationError("Invalid NextToken") from None
