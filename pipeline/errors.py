"""How a run can end, as exit codes for scripts and as exceptions for Python.

PipelineError
├── UnknownStackError     no settings file of that name
├── SettingsFileError     a settings file that is no YAML, or says a key twice
├── MissingEngineError    no pulumi program on PATH
├── StackLockedError      another update holds the stack
├── OperationFailedError  the engine refused or failed; its diagnostics have been shown
├── ProtectedError        something to be destroyed is protected; nothing was deleted
└── CancelledError        Ctrl-C or SIGTERM ended the operation
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.report import Report


class ExitCode(IntEnum):
    """What the command line answers to the shell."""

    OK = 0
    FAILED = 1
    USAGE = 2
    LOCKED = 3
    CANCELLED = 130


class PipelineError(Exception):
    """An operation did not reach its end; `exit_code` says in which way."""

    exit_code = ExitCode.FAILED
    report: Report | None = None
    """What the engine had done until then; None where it was not reached."""


class UnknownStackError(PipelineError):
    """There is no settings file for the stack that was named."""

    exit_code = ExitCode.USAGE


class SettingsFileError(PipelineError):
    """The settings file cannot be read as what it was meant to say; nothing was done."""

    exit_code = ExitCode.USAGE


class MissingEngineError(PipelineError):
    """The Pulumi engine is not installed, or older than the Automation API can drive."""

    exit_code = ExitCode.USAGE


class StackLockedError(PipelineError):
    """Another update is at work on the stack; nothing was done."""

    exit_code = ExitCode.LOCKED


class OperationFailedError(PipelineError):
    """The engine refused or failed the operation."""


class ProtectedError(PipelineError):
    """Something to be destroyed is protected. Nothing was deleted: the engine would delete all the rest first."""


class CancelledError(PipelineError):
    """The operation was cancelled; the engine finished or gave up what it had begun, and holds no lock."""

    exit_code = ExitCode.CANCELLED
