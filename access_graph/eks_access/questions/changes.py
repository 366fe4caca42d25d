"""Changes of access, as data: what one subject gains and loses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from eks_access.questions.cluster_subjects import SubjectKind
from eks_access.questions.permission_words import Permission


class System(StrEnum):
    """Where a permission applies."""

    KUBERNETES = "Kubernetes"
    AWS = "AWS"


@dataclass(frozen=True)
class Change:
    """What one subject gains and loses, or, of a role, who may assume it."""

    subject: str
    kind: SubjectKind
    system: System
    gained: tuple[Permission, ...] = ()
    lost: tuple[Permission, ...] = ()
    had_access: bool = True
    has_access: bool = True
    trusts: tuple[str, ...] = ()
    """Principals that may assume the role after the change and not before, in words."""
    no_longer_trusts: tuple[str, ...] = ()

    @property
    def is_broadened(self) -> bool:
        return bool(self.gained or self.trusts)

    @property
    def gains(self) -> tuple[str, ...]:
        """What is broader after the change, in words."""
        trusts = (f"may be assumed by {principal}" for principal in self.trusts)
        return (*map(str, self.gained), *trusts)

    @property
    def losses(self) -> tuple[str, ...]:
        """What is narrower after the change, in words."""
        trusts = (f"may no longer be assumed by {principal}" for principal in self.no_longer_trusts)
        return (*map(str, self.lost), *trusts)

    def sentences(self) -> Iterator[str]:
        """Yield the change in words."""
        yield from self.gain_sentences()
        yield from self.loss_sentences()

    def gain_sentences(self) -> Iterator[str]:
        """Yield in words what is broader."""
        if self.gained:
            yield f"{self.subject} gains {'; '.join(map(str, self.gained))}"
        if self.trusts:
            yield f"{self.subject} may be assumed by {'; '.join(self.trusts)}"

    def loss_sentences(self) -> Iterator[str]:
        """Yield in words what is narrower."""
        if self.lost:
            last = "" if self.has_access else ", and has no access any more"
            yield f"{self.subject} loses {'; '.join(map(str, self.lost))}{last}"
        if self.no_longer_trusts:
            yield f"{self.subject} may no longer be assumed by {'; '.join(self.no_longer_trusts)}"
