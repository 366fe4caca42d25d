"""Progress of the lab on a terminal and in a log: one line for each part, with its seconds."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status


@dataclass(frozen=True)
class Part:
    """A started part of the lab, and the seconds that its start took."""

    name: str
    seconds: float


class Timeline:
    """Prints the parts that are starting, and records the seconds that each took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._open: list[str] = []
        self._tenths: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        self.parts: list[Part] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time one part. Several parts may start at once."""
        started = time.monotonic()
        with self._lock:
            self._open.append(name)
            self._show()
        try:
            yield
        except BaseException:
            self._close(name)
            raise
        self._close(name)
        self.done(name, time.monotonic() - started)

    def done(self, name: str, seconds: float) -> None:
        """Record a part that the caller timed."""
        self.parts.append(Part(name, round(seconds, 2)))
        self._console.print(f" [green]✓[/] {escape(name)} [dim]{seconds:.1f} s[/]")

    def start(self, step: str) -> None:
        """Print that a step inside a part begins: a program is searched, downloaded or compiled."""
        self._detail(f"{step} …")

    def update(self, step: str, detail: str, done: int = 0, total: int | None = None) -> None:
        """Print how far a step is; without a terminal, once for every tenth of `total`."""
        tenth = done * 10 // total if total else 0
        if not self._console.is_terminal:
            if self._tenths.get((step, detail)) == tenth:
                return
            self._tenths[step, detail] = tenth
        self._detail(f"{step}: {detail}" + (f" {done}/{total}" if total else ""))

    def end(self, step: str, detail: str) -> None:
        self._console.print(f"   {escape(step)}: {escape(detail)}", style="dim")

    def _detail(self, line: str) -> None:
        if self._console.is_terminal and self._status:
            self._status.update(escape(line))
        else:
            self._console.print(f"   {escape(line)}", style="dim")

    def _close(self, name: str) -> None:
        with self._lock:
            self._open.remove(name)
            self._show()

    def _show(self) -> None:
        if not self._console.is_terminal:
            return
        if self._status is None:
            self._status = self._console.status("")
            self._status.start()
        if self._open:
            self._status.update(escape(", ".join(self._open)))
        else:
            self._status.stop()
            self._status = None


class EventLog:
    """The daemon's record of started parts: JSON lines in a file, which `lab up` and the demo read."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", buffering=1)
        self._lock = threading.Lock()

    def part(self, name: str, seconds: float) -> None:
        with self._lock:
            self._file.write(json.dumps({"part": name, "seconds": round(seconds, 3)}) + "\n")


def read_events(file: Path, offset: int) -> tuple[list[Part], int]:
    """Return the parts after `offset`, and the offset to continue from."""
    if not file.exists():
        return [], offset
    with file.open() as stream:
        stream.seek(offset)
        lines = [line for line in stream.readlines() if line.endswith("\n")]
    records = [json.loads(line) for line in lines]
    return [Part(record["part"], record["seconds"]) for record in records], offset + sum(map(len, lines))
