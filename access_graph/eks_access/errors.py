"""Exceptions and exit codes.

EksAccessError
├── UsageError     an argument or a file cannot be used
├── SourceError    the cluster, the account, the stack or the snapshot cannot be read at all
└── InternalError  this package failed
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `eks-access`."""

    FINE = 0
    """Every link holds, or no finding."""
    FOUND = 1
    """A broken link, or a finding that the command was told to fail on."""
    USAGE = 2
    """The command line cannot be used."""
    NOT_REACHABLE = 3
    """The source cannot be read at all."""
    INTERNAL = 4
    """An error of this package."""


class EksAccessError(Exception):
    """Base class of all exceptions that this package raises on purpose."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, fix: str) -> None:
        self.message = message
        self.fix = fix
        super().__init__(message, fix)

    def __str__(self) -> str:
        return f"{self.message}\n  fix: {self.fix}"


class UsageError(EksAccessError):
    """An argument breaks a rule. The message names the argument, the rule and the value."""


class SourceError(EksAccessError):
    """A source cannot be read at all. A part that cannot be read is no error, but `NotRead` in the graph."""

    exit_code = ExitCode.NOT_REACHABLE


class InternalError(EksAccessError):
    """An unexpected exception: an error of this package, and not of an argument or a source."""

    exit_code = ExitCode.INTERNAL
