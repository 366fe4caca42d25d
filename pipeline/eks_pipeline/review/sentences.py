"""The change of access of a fleet in sentences: equal changes of several stacks are one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from eks_access.questions.changes import Change
from eks_pipeline.review.stack_preview import FleetPreview

_MOST_STACKS = 3
_SERVICE_ACCOUNT = "service account "


@dataclass
class Sentence:
    """A sentence, and the stacks of which it is true."""

    text: str
    is_gain: bool = False
    stacks: list[str] = field(default_factory=list)

    def with_stacks(self, fleet: FleetPreview) -> str:
        """Return the sentence with its stacks, unless the fleet has only one."""
        if len(fleet.stacks) + len(fleet.failed) == 1:
            return self.text
        return f"{self.text} ({some(self.stacks)})"


class Subjects:
    """Short names of subjects: `eks-ope` for the only IAM principal of a fleet with this name."""

    def __init__(self, fleet: FleetPreview) -> None:
        self._arns: dict[str, set[str]] = {}
        for change in changes(fleet):
            if change.subject.startswith("arn:"):
                self._arns.setdefault(_last_part(change.subject), set()).add(change.subject)

    def short(self, subject: str) -> str:
        """Return the short name of a subject; the subject itself if the name would not tell it from others."""
        if subject.startswith("arn:") and len(self._arns[_last_part(subject)]) == 1:
            return _last_part(subject)
        return subject.removeprefix(_SERVICE_ACCOUNT)

    def shortened(self) -> Iterator[tuple[str, str]]:
        """Yield the short names of IAM principals with their ARNs."""
        for name, arns in sorted(self._arns.items()):
            if len(arns) == 1:
                yield name, next(iter(arns))


def changes(fleet: FleetPreview) -> Iterator[Change]:
    """Yield the changes of access of all stacks."""
    for stack in fleet.stacks:
        for access in stack.access:
            yield from access.difference.changes if access.difference else ()


def access_sentences(fleet: FleetPreview, subjects: Subjects) -> list[Sentence]:
    """Return who gains and who loses access; who gains first."""
    found: dict[str, Sentence] = {}
    for stack in fleet.stacks:
        for access in stack.access:
            for change in access.difference.changes if access.difference else ():
                for text, is_gain in _sentences(change, subjects):
                    sentence = found.setdefault(text, Sentence(text, is_gain))
                    sentence.stacks.append(stack.stack)
    return sorted(found.values(), key=lambda each: not each.is_gain)


def grouped(texts: Iterable[tuple[str, str]]) -> list[Sentence]:
    """Return pairs of stack and text as sentences."""
    found: dict[str, Sentence] = {}
    for stack, text in texts:
        sentence = found.setdefault(text, Sentence(text))
        if stack not in sentence.stacks:
            sentence.stacks.append(stack)
    return list(found.values())


def _sentences(change: Change, subjects: Subjects) -> Iterator[tuple[str, bool]]:
    """Yield the sentences of a change, and whether each is a gain."""
    name = subjects.short(change.subject)
    gains, losses = list(change.gain_sentences()), list(change.loss_sentences())
    yield from ((f"{name}{sentence.removeprefix(change.subject)}", True) for sentence in gains)
    yield from ((f"{name}{sentence.removeprefix(change.subject)}", False) for sentence in losses)
    if not gains and not losses:
        words = "is mapped now" if change.has_access else "is no longer mapped"
        yield f"{name} {words}, without permissions", change.has_access


def some(names: list[str]) -> str:
    """Return the first names of a list, and how many more it has."""
    more = f" and {len(names) - _MOST_STACKS} more" if len(names) > _MOST_STACKS else ""
    return f"{', '.join(names[:_MOST_STACKS])}{more}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `2 stacks`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _last_part(arn: str) -> str:
    return arn.rpartition("/")[2]
