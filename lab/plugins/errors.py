"""What a plugin says to the user of `pulumi`: the fault in one message, never a Python stack.

PluginError             an expected failure; its text reaches the user as it is
├── NotCoveredError     a type or function that this stand-in does not have
├── InvalidInputError   inputs that the resource refuses; every problem at once
└── InitError           the object exists but did not become ready; its state is kept
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class PluginError(Exception):
    """An expected failure: `problem` says what is wrong, `fix`, where there is one, what to do about it."""

    def __init__(self, problem: str, *, fix: str | None = None) -> None:
        super().__init__(f"{problem}\n  fix: {fix}" if fix else problem)
        self.problem = problem
        self.fix = fix


class NotCoveredError(PluginError):
    """A type or function that the official plugin has and this stand-in has not."""

    def __init__(self, token: str, package: str) -> None:
        super().__init__(
            f"{token} is not covered by the lab's stand-in for the {package} plugin",
            fix="use the official plugin (`python -m lab up --plugins official`), or leave it out of the stack",
        )
        self.token = token


class InvalidInputError(PluginError):
    """Inputs that cannot be right; `problems` holds one sentence for each of them."""

    def __init__(self, subject: str, problems: Sequence[str]) -> None:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"{subject} is not valid:{lines}" if len(problems) != 1 else f"{subject}: {problems[0]}")
        self.problems = tuple(problems)


class InitError(PluginError):
    """The object was made or changed, but did not become ready.

    The engine keeps `resource_id` and `properties` in the state, marks the resource as not initialised, and updates
    it at the next run. `properties` and `inputs` are in the form of the wire.
    """

    def __init__(
        self,
        problem: str,
        *,
        resource_id: str,
        properties: Mapping[str, Any],
        inputs: Mapping[str, Any],
        fix: str | None = None,
    ) -> None:
        super().__init__(problem, fix=fix)
        self.resource_id = resource_id
        self.properties = dict(properties)
        self.inputs = dict(inputs)
