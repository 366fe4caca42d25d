"""Progress on a terminal and in a log. A separate module, so that a run without progress does not load rich."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from rich.console import Console

_SECONDS_BETWEEN_LINES = 20.0


class ProgressBars:
    """Progress bars on a terminal. A context manager, because a thread draws the bars."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            SpinnerColumn(finished_text="✔"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}", style="dim"),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def start(self, step: str) -> None:
        self._tasks[step] = self._bars.add_task(step, total=None, detail="")

    def update(self, step: str, detail: str, done: int = 0, total: int | None = None) -> None:
        self._bars.update(self._tasks[step], total=total, completed=done, detail=detail)

    def end(self, step: str, detail: str) -> None:
        self._bars.update(self._tasks[step], total=1, completed=1, detail=detail)


class ProgressLines:
    """Progress lines for logs: one at the start and end of a step, and one every 20 seconds between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def start(self, step: str) -> None:
        self._printed[step] = time.monotonic()
        self._print(step, "…")

    def update(self, step: str, detail: str, done: int = 0, total: int | None = None) -> None:
        if time.monotonic() - self._printed[step] >= _SECONDS_BETWEEN_LINES:
            self._printed[step] = time.monotonic()
            self._print(step, f"{detail} ({100 * done // total} %)" if total else detail)

    def end(self, step: str, detail: str) -> None:
        self._print(step, detail)

    def _print(self, step: str, detail: str) -> None:
        self._console.print(f"{step}: {detail}", highlight=False, markup=False, soft_wrap=True)


def console_progress(console: Console) -> ProgressBars | ProgressLines:
    """Return progress bars if `console` is a terminal, else progress lines."""
    return ProgressBars(console) if console.is_terminal else ProgressLines(console)
