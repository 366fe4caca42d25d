"""The errors of AWS CloudFormation, with the codes of its API, and the failure of a stack's resource."""

# The classes have the names of AWS's errors.
# ruff: noqa: N818

from __future__ import annotations


class CloudFormationError(Exception):
    """An error of an operation. `code` is the code in the response."""

    code = "ValidationError"
    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ValidationError(CloudFormationError):
    """The template or another value of the input is not valid, or the stack does not allow the operation."""


class AlreadyExistsException(CloudFormationError):
    """A stack or change set with that name exists."""

    code = "AlreadyExistsException"


class InsufficientCapabilitiesException(CloudFormationError):
    """The template has IAM resources that the caller did not acknowledge."""

    code = "InsufficientCapabilitiesException"


class ChangeSetNotFoundException(CloudFormationError):
    """No change set has that name."""

    code = "ChangeSetNotFound"
    status = 404


class InvalidChangeSetStatusException(CloudFormationError):
    """The change set cannot be executed or deleted in its status."""

    code = "InvalidChangeSetStatus"


class ResourceFailure(Exception):
    """A resource cannot be created, updated or deleted. The message is the reason in the stack's event."""
