"""Exit codes and exceptions of the pipeline.

PipelineError
├── UnknownStackError     no settings file for the stack
├── SettingsFileError     a settings file that is not valid YAML, or has a key twice
├── MissingEngineError    no pulumi program on PATH
├── StackLockedError      another update holds the stack
├── OperationFailedError  the engine failed; its diagnostics have been printed
├── ProtectedError        the stack has protected resources; nothing was deleted
└── CancelledError        Ctrl-C or SIGTERM ended the operation
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.report import Report


class ExitCode(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FAILED = 1
    USAGE = 2
    LOCKED = 3
    CANCELLED = 130


class PipelineError(Exception):
    """An operation failed; `exit_code` classifies the failure."""

    exit_code = ExitCode.FAILED
    report: Report | None = None
    """Report of the steps until the failure; None if the engine did not start."""


class UnknownStackError(PipelineError):
    """The stack has no settings file."""

    exit_code = ExitCode.USAGE


class SettingsFileError(PipelineError):
    """The settings file is not valid YAML, or has a key twice; the engine was not started."""

    exit_code = ExitCode.USAGE


class MissingEngineError(PipelineError):
    """The Pulumi engine is not installed, or too old for the Automation API."""

    exit_code = ExitCode.USAGE


class StackLockedError(PipelineError):
    """Another update holds the lock of the stack; nothing was changed."""

    exit_code = ExitCode.LOCKED


class OperationFailedError(PipelineError):
    """The operation failed in the engine."""


class ProtectedError(PipelineError):
    """The stack has protected resources. Nothing was deleted: the engine would delete all other resources first."""


class CancelledError(PipelineError):
    """The operation was cancelled; the engine ended and released the lock."""

    exit_code = ExitCode.CANCELLED
