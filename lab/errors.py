"""The exceptions of the lab. Each carries a fix.

LabError
├── ToolError       a program is missing, has the wrong version, or cannot be downloaded or compiled
├── StartError      a part of the lab did not start
├── StateError      the state folder is in use, broken, or not writable
└── UsageError      the command line names something that does not exist
"""

from __future__ import annotations


class LabError(Exception):
    """A failure with a fix: `problem` describes the failure, `fix` is an imperative sentence."""

    def __init__(self, problem: str, *, fix: str) -> None:
        super().__init__(f"{problem}\n  fix: {fix}")
        self.problem = problem
        self.fix = fix


class ToolError(LabError):
    """A program that the lab runs is missing, has the wrong version, or cannot be downloaded or compiled."""


class StartError(LabError):
    """A part of the lab did not start."""


class StateError(LabError):
    """The state folder is in use by another lab, broken, or not writable."""


class UsageError(LabError):
    """The command line names something that does not exist."""
