"""The exceptions of the plugins. The user of `pulumi` sees one message without a Python stack.

PluginError             an expected failure; the user sees its text unchanged
├── NotCoveredError     a type or function that this stand-in does not cover
├── InvalidInputError   inputs that the resource rejects; all problems at once
└── InitError           the object exists but did not become ready; the engine keeps its state
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class PluginError(Exception):
    """An expected failure: `problem` describes it, `fix` is an imperative sentence or None."""

    def __init__(self, problem: str, *, fix: str | None = None) -> None:
        super().__init__(f"{problem}\n  fix: {fix}" if fix else problem)
        self.problem = problem
        self.fix = fix


class NotCoveredError(PluginError):
    """A type or function that the official plugin has and this stand-in does not cover."""

    def __init__(self, token: str, package: str) -> None:
        super().__init__(
            f"{token} is not covered by the lab's stand-in for the {package} plugin",
            fix="use the official plugin (`python -m lab up --plugins official`), or remove it from the stack",
        )
        self.token = token


class InvalidInputError(PluginError):
    """Invalid inputs; `problems` has one sentence for each."""

    def __init__(self, subject: str, problems: Sequence[str]) -> None:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"{subject} is not valid:{lines}" if len(problems) != 1 else f"{subject}: {problems[0]}")
        self.problems = tuple(problems)


class InitError(PluginError):
    """The object was created or updated, but did not become ready.

    The engine keeps `resource_id` and `properties` in the state, marks the resource as not initialised, and updates it
    at the next run. `properties` and `inputs` are in the wire format.
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
