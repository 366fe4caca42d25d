"""What the lab says when it cannot go on: always with the way out.

LabError
├── ToolError       a program is missing, does not fit, or cannot be made
├── StartError      a part of the lab did not come up
├── StateError      the state folder is in use, broken, or not to be written
└── UsageError      the command line asks for something that is not there
"""

from __future__ import annotations


class LabError(Exception):
    """A failure with a remedy: `problem` says what is wrong, `fix` what to do about it."""

    def __init__(self, problem: str, *, fix: str) -> None:
        super().__init__(f"{problem}\n  fix: {fix}")
        self.problem = problem
        self.fix = fix


class ToolError(LabError):
    """A program that the lab runs is missing, does not fit, or cannot be made."""


class StartError(LabError):
    """A part of the lab did not come up."""


class StateError(LabError):
    """The state folder is in use by another lab, broken, or not to be written."""


class UsageError(LabError):
    """The command line asks for something that is not there."""
