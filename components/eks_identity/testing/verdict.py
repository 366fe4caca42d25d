"""The answer to a question about access: yes, no, or not to be said, and the chain of links that it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """`UNKNOWN`: it depends on something that the program does not declare, such as the content of a policy of AWS."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """An answer; true in a condition where it is yes, and only then."""

    question: str
    answer: Answer
    because: tuple[str, ...]
    """One sentence a link, in the chain's order. After no, the last one names the broken link."""

    def __bool__(self) -> bool:
        return self.answer is Answer.YES

    def __str__(self) -> str:
        return "\n".join([f"{self.question}: {self.answer}", *(f"  {link}" for link in self.because)])

    def require(self, wanted: Answer) -> None:
        """Raises `AssertionError`, with the chain, where the answer is another one."""
        if self.answer is not wanted:
            raise AssertionError(f"expected {wanted}, but {self}")
