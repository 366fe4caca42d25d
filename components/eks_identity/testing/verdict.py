"""Results of access checks: yes, no or unknown, with the chain of identity that the result follows from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class UnclearError(Exception):
    """A link of the chain that depends on an object that the program does not declare."""


class Answer(StrEnum):
    """`UNKNOWN`: it depends on an object that the program does not declare, such as an AWS managed policy."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """The result of an access check. It is true in a condition only if the answer is yes."""

    question: str
    answer: Answer
    links: tuple[str, ...]
    """One sentence for each link, in the chain's order. If the answer is no, the last one names the broken link."""

    def __bool__(self) -> bool:
        return self.answer is Answer.YES

    def __str__(self) -> str:
        return "\n".join([f"{self.question}: {self.answer}", *(f"  {link}" for link in self.links)])

    def require(self, expected: Answer) -> None:
        """Raise `AssertionError` with the chain if the answer is not `expected`."""
        if self.answer is not expected:
            raise AssertionError(f"expected {expected}, but {self}")
