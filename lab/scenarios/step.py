"""A step of a story: what is done, who looks, what must be seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.scenarios.clients import LabClients

Look = Callable[[LabClients], str]


@dataclass(frozen=True)
class Step:
    """One row of a story's table. `look` does it, and says in the words of `expected` what it saw."""

    story: int
    title: str
    seen_with: str
    expected: str
    look: Look

    def __str__(self) -> str:
        return f"story {self.story}: {self.title}"


class Scenario:
    """A stretch of a story: its steps in the order in which they are walked, which is the order of definition."""

    def __init__(self, story: int) -> None:
        self.story = story
        self.steps: list[Step] = []

    def step(self, title: str, *, seen_with: str, expected: str) -> Callable[[Look], Look]:
        """Add the decorated function as a step."""

        def add(look: Look) -> Look:
            self.steps.append(Step(self.story, title, seen_with, expected, look))
            return look

        return add
