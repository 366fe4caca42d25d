"""Precision and recall of findings over a catalogue of breaks."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
SAMPLE = 6
"""Breaks of each catalogue that `make test` plays. `make conformance` plays all."""


def sample(cases: Sequence[T], *, everything: bool, count: int = SAMPLE) -> Sequence[T]:
    """Return the cases to play, by the seed that the header of pytest shows."""
    seed = os.environ["EKS_IDENTITY_CONFORMANCE_SEED"]
    return cases if everything else random.Random(seed).sample(cases, count)  # noqa: S311 - no secret


@dataclass
class Score:
    """The findings of all traces of broken and of healthy chains."""

    right: int = 0
    wrong: list[str] = field(default_factory=list)
    """Findings that blame another link, or a healthy one."""
    missing: list[str] = field(default_factory=list)

    def add(self, name: str, found: list[tuple[str, str]], expected: list[tuple[str, str]]) -> None:
        """Count the findings of one trace."""
        self.right += sum(finding in expected for finding in found)
        self.wrong += [f"{name}: {finding}" for finding in found if finding not in expected]
        self.missing += [f"{name}: {finding}" for finding in expected if finding not in found]

    @property
    def precision(self) -> float:
        return self.right / max(self.right + len(self.wrong), 1)

    @property
    def recall(self) -> float:
        return self.right / max(self.right + len(self.missing), 1)

    def __str__(self) -> str:
        return f"{self.right} findings, precision {self.precision:.2f}, recall {self.recall:.2f}"
