"""The interface through which the toolbox reports its progress.

A step is one program. Steps may run at the same time and in several threads.
"""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A display of progress."""

    def start(self, step: str) -> None:
        """Report that a step begins."""

    def update(self, step: str, detail: str, done: int = 0, total: int | None = None) -> None:
        """Report `done` of `total` units (packages, bytes) of the activity `detail`. `total` is None if unknown."""

    def end(self, step: str, detail: str) -> None:
        """Report that the step has ended, with its result in `detail`."""


class NoProgress:
    """A display that prints nothing."""

    def start(self, step: str) -> None: ...

    def update(self, step: str, detail: str, done: int = 0, total: int | None = None) -> None: ...

    def end(self, step: str, detail: str) -> None: ...
