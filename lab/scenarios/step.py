"""A step of a scenario: an action, the client that observes its result, and the expected result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.scenarios.clients import LabClients

Action = Callable[[LabClients], str]


@dataclass(frozen=True)
class Step:
    """One step of a scenario. `run` performs it and returns the result in the words of `expected`."""

    scenario: int
    title: str
    client: str
    expected: str
    run: Action

    def __str__(self) -> str:
        return f"scenario {self.scenario}: {self.title}"


class Scenario:
    """A part of a scenario: steps in the order in which they run, which is the order of their definition."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.steps: list[Step] = []

    def step(self, title: str, *, client: str, expected: str) -> Callable[[Action], Action]:
        """Add the decorated function as a step."""

        def add(run: Action) -> Action:
            self.steps.append(Step(self.number, title, client, expected, run))
            return run

        return add
