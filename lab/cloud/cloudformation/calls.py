"""The AWS calls of a stack operation, which the lab judges as calls of the stack's principal.

The principal is the caller of the operation, or the service role that the caller passed (`RoleARN`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.cloud import identity
from lab.cloud.cloudformation.errors import ResourceFailure, ValidationError
from lab.cloud.gate import AuthorizationGate, CallError
from lab.cloud.request_identity import Caller
from lab.cloud.sessions import sessions

SERVICE_PRINCIPAL = "cloudformation.amazonaws.com"
_READS = ("Describe", "Get", "List")
_REMOVALS: Mapping[str, tuple[str, ...]] = {
    "Delete": ("Create", "Put"),
    "Detach": ("Attach",),
    "Disassociate": ("Associate",),
    "Remove": ("Add",),
    "Untag": ("Tag",),
}
"""First words of operations that remove something, with those of the operations that add it."""
_IDENTIFIERS = frozenset(
    {
        "addonName",
        "associationId",
        "clusterName",
        "ClientID",
        "GroupName",
        "InstanceProfileName",
        "OpenIDConnectProviderArn",
        "policyArn",
        "PolicyArn",
        "PolicyName",
        "principalArn",
        "resourceArn",
        "RoleName",
        "UserName",
    }
)
"""Members that name the entities of a call."""
_MISSING_CODES = frozenset({"NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException"})
_HANDLER_CODES = {
    "AccessDenied": "AccessDenied",
    "EntityAlreadyExists": "AlreadyExists",
    "LimitExceeded": "ServiceLimitExceeded",
    "NoSuchEntity": "NotFound",
    "ResourceInUse": "AlreadyExists",
    "ResourceLimitExceeded": "ServiceLimitExceeded",
    "ResourceNotFound": "NotFound",
}
"""Error codes of resource handlers by the service's error code.

Source: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
"""


@dataclass(frozen=True)
class CompletedCall:
    """A call that succeeded."""

    operation: str
    params: Mapping[str, Any]


class Calls:
    """Calls AWS operations as a stack's principal. `completed` has the calls that succeeded."""

    def __init__(self, gate: AuthorizationGate, caller: Caller, region: str, *, via: tuple[str, ...]) -> None:
        self._gate = gate
        self._via = via
        self.caller = caller
        self.region = region
        self.completed: list[CompletedCall] = []

    def __call__(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Call an operation and return its output. Members that are None are omitted.

        Raises:
            CallError: the principal is not authorized, or the operation failed.
        """
        members = {name: value for name, value in params.items() if value is not None}
        output = self._gate.perform(self.caller, service, operation, members, region=self.region, via=self._via)
        self.completed.append(CompletedCall(operation, members))
        return output

    def recording(self) -> Calls:
        """Return calls as the same principal, without the completed ones."""
        return Calls(self._gate, self.caller, self.region, via=self._via)

    def undoing(self, completed: Sequence[CompletedCall] | None) -> Calls:
        """Return calls that delete a resource or undo a change, as the same principal.

        Args:
            completed: The calls that created the resource or made the change. Others need not be undone, and the
                principal may have no permission to undo them. By default each call is made.
        """
        return _UndoingCalls(self._gate, self.caller, self.region, self._via, completed)


class _UndoingCalls(Calls):
    def __init__(
        self,
        gate: AuthorizationGate,
        caller: Caller,
        region: str,
        via: tuple[str, ...],
        completed: Sequence[CompletedCall] | None,
    ) -> None:
        super().__init__(gate, caller, region, via=via)
        self._undone = completed

    def __call__(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Call an operation if a completed call needs it. To remove what does not exist is no error."""
        is_change = not operation.startswith(_READS)
        if is_change and self._undone is not None and not _is_needed(operation, params, self._undone):
            return {}
        try:
            return super().__call__(service, operation, **params)
        except CallError as error:
            if operation.startswith(tuple(_REMOVALS)) and is_missing(error):
                return {}
            raise


def _is_needed(operation: str, params: Mapping[str, Any], completed: Sequence[CompletedCall]) -> bool:
    return any(_is_undone_by(call, operation, params) for call in completed)


def _is_undone_by(call: CompletedCall, operation: str, params: Mapping[str, Any]) -> bool:
    """Return whether `operation` undoes `call`: it is the same operation or the opposite one, on the same entities."""
    shared = _IDENTIFIERS & set(params) & set(call.params)
    is_related = call.operation == operation or call.operation in _opposites(operation)
    return is_related and all(call.params[name] == params[name] for name in shared)


def _opposites(operation: str) -> Iterator[str]:
    """Yield the names that the opposite of an operation can have: `AddRoleTo…` for `RemoveRoleFrom…`, and reversed."""
    for removal, additions in _REMOVALS.items():
        for addition in additions:
            if operation.startswith(removal):
                yield addition + operation.removeprefix(removal).replace("From", "To")
            if operation.startswith(addition):
                yield removal + operation.removeprefix(addition).replace("To", "From", 1)
                yield removal + operation.removeprefix(addition)


def calls_as_caller(gate: AuthorizationGate, caller: Caller, region: str) -> Calls:
    """Return the calls that CloudFormation makes with the caller's credentials."""
    return Calls(gate, caller, region, via=(SERVICE_PRINCIPAL,))


def calls_as_role(gate: AuthorizationGate, role_arn: str, stack_arn: str, region: str) -> Calls:
    """Return the calls that CloudFormation makes as a service role. They do not count as calls through a service.

    Raises:
        ValidationError: the role does not exist, or does not trust CloudFormation.
    """
    try:
        credentials = identity.open_service_session(
            role_arn,
            service=SERVICE_PRINCIPAL,
            session_name="AWSCloudFormation",
            source_arn=stack_arn,
            source_account=stack_arn.split(":")[4],
        )
    except PermissionError as error:
        raise ValidationError(f"Role {role_arn} is invalid or cannot be assumed") from error
    session = sessions.get(credentials.access_key_id)
    assert session is not None
    return Calls(gate, Caller.of_session(session), region, via=())


def is_missing(error: CallError) -> bool:
    """Return whether the resource of a call does not exist."""
    return error.code in _MISSING_CODES


def resource_failure(error: CallError) -> ResourceFailure:
    """Return the failure of a resource whose call failed, with CloudFormation's message.

    Source: https://github.com/aws/eks-distro/issues/2805 has such a message of AWS::EKS::AccessEntry.
    """
    code = _HANDLER_CODES.get(error.code.removesuffix("Exception"), "InvalidRequest")
    # The AWS SDK for Java, in which CloudFormation's handlers are written, adds this to the service's message.
    call = f"(Service: {error.service.capitalize()}, Status Code: {error.status}, Request ID: {uuid.uuid4()})"
    return _handler_failure(f"{error.message} {call}", code)


def already_exists(type_name: str, physical_id: str) -> ResourceFailure:
    """Return the failure of a resource that exists outside of the stack."""
    message = f"Resource of type '{type_name}' with identifier '{physical_id}' already exists."
    return _handler_failure(message, "AlreadyExists")


def _handler_failure(message: str, code: str) -> ResourceFailure:
    details = f"(RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code})"
    return ResourceFailure(f'Resource handler returned message: "{message}" {details}')
