"""Three truth values, for facts that a preview or a snapshot does not have."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Truth(IntEnum):
    """Whether something holds. `MAYBE`: it depends on a value that is unknown."""

    NO = 0
    MAYBE = 1
    YES = 2

    def negated(self) -> Truth:
        return Truth(2 - self)


def truth(value: bool) -> Truth:  # noqa: FBT001 - a conversion
    return Truth.YES if value else Truth.NO


def every(truths: Iterable[Truth]) -> Truth:
    """Return whether all of them hold. It holds for none."""
    return min(truths, default=Truth.YES)


def some(truths: Iterable[Truth]) -> Truth:
    """Return whether one of them holds. It does not hold for none."""
    return max(truths, default=Truth.NO)
