"""How far the work is, told by the parts that work to whoever shows it.

A step is one program; steps may run side by side and from several threads.
"""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What a program that shows progress offers."""

    def start(self, step: str) -> None:
        """A step begins that may take a while."""

    def update(self, step: str, detail: str, done: int = 0, total: int | None = None) -> None:
        """`done` of `total` (packages, bytes) of what `detail` names; None where the total is not known."""

    def end(self, step: str, detail: str) -> None:
        """The step is over, `detail` says how."""


class Silent:
    """Shows nothing."""

    def start(self, step: str) -> None: ...

    def update(self, step: str, detail: str, done: int = 0, total: int | None = None) -> None: ...

    def end(self, step: str, detail: str) -> None: ...
