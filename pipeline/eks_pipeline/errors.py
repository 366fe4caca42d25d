"""Exit codes and exceptions of the pipeline.

PipelineError
├── UsageError             an option, or a run to resume, cannot be used
│   ├── UnknownStackError  no settings file for the stack
│   ├── SettingsFileError  a settings file that is not valid YAML, or has a key twice
│   ├── FleetFileError     a fleet file with unknown names, cycles or duplicates
│   └── MissingEngineError no pulumi program on PATH
├── StackLockedError       another update holds the stack
├── BackendAccessError     the caller may not use the backend, or the key of its secrets
├── StateFileError         a killed engine left a file beside the state empty
├── EngineKilledError      a signal killed the engine; its lock may remain
├── OperationFailedError   the engine failed; its diagnostics have been printed
├── ProtectedError         the stack has protected resources; nothing was deleted
├── ReviewDiffersError     the update would do something else than what was reviewed
├── AccessLossError        somebody would lose access in a step of a migration, or has lost it
├── ApprovalRequiredError  the change of access needs an approval
└── CancelledError         Ctrl-C or SIGTERM ended the operation
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command line. Of a fleet whose stacks end with different codes, the code is FAILED."""

    OK = 0
    """The operation succeeded for every stack."""
    FAILED = 1
    """The operation failed for a stack, or the stack has protected resources."""
    USAGE = 2
    """An option, a fleet file or a settings file cannot be used; no stack was changed."""
    LOCKED = 3
    """Another update holds the lock of the stack."""
    REVIEW_DIFFERS = 4
    """The update would differ from its review; it was not applied."""
    APPROVAL_REQUIRED = 5
    """The change of access needs an approval; it was not applied."""
    CANCELLED = 130
    """Ctrl-C, SIGTERM or SIGHUP cancelled the operation."""


class PipelineError(Exception):
    """An operation failed; `exit_code` classifies the failure."""

    exit_code = ExitCode.FAILED


class UsageError(PipelineError):
    """An option breaks a rule, or a run cannot be resumed. The message names the option, the value and the rule."""

    exit_code = ExitCode.USAGE


class UnknownStackError(UsageError):
    """The stack has no settings file."""


class SettingsFileError(UsageError):
    """The settings file is not valid YAML, or has a key twice; the engine was not started."""


class FleetFileError(UsageError):
    """The fleet file has errors; the message lists all of them."""


class MissingEngineError(UsageError):
    """The Pulumi engine is not installed, or too old for the Automation API."""


class StackLockedError(PipelineError):
    """Another update holds the lock of the stack; nothing was changed."""

    exit_code = ExitCode.LOCKED


class BackendAccessError(PipelineError):
    """The caller may not read or write the state, or may not use the key that encrypts its secrets."""


class StateFileError(PipelineError):
    """The engine cannot read the state, because a killed engine left the file beside it empty."""


class EngineKilledError(PipelineError):
    """A signal killed the engine. The lock of the stack and a step that had begun may remain."""


class OperationFailedError(PipelineError):
    """The operation failed in the engine."""


class ProtectedError(PipelineError):
    """The stack has protected resources. Nothing was deleted: the engine would delete all other resources first."""


class ReviewDiffersError(PipelineError):
    """A fresh preview differs from the reviewed one. Nothing was changed."""

    exit_code = ExitCode.REVIEW_DIFFERS


class AccessLossError(PipelineError):
    """Somebody would lose access in a step of a migration, or has lost it. The message names the principals."""


class ApprovalRequiredError(PipelineError):
    """The change of access is of a category that needs an approval. Nothing was changed."""

    exit_code = ExitCode.APPROVAL_REQUIRED


class CancelledError(PipelineError):
    """The operation was cancelled; the engine ended and released the lock."""

    exit_code = ExitCode.CANCELLED
