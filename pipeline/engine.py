"""The engine as a child process that can be cancelled.

The Automation API runs `pulumi` in the caller's process group and keeps no handle on it: Ctrl-C in a terminal reaches
the engine and the runner at once, and a signal sent to the runner alone never reaches the engine. Here the engine has
a process group of its own, and exactly one signal arrives there for each that the runner gets.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import IO

from pulumi import automation as auto
from pulumi.automation.errors import create_command_error

OnOutput = Callable[[str], object]


class CancellableEngine(auto.PulumiCommand):
    """Runs `pulumi` in a process group of its own; `cancel` asks a running command to stop, twice to stop at once."""

    def __init__(self) -> None:
        super().__init__()
        self.cancelled = False
        self._running: subprocess.Popen[str] | None = None

    def cancel(self) -> None:
        """Hand the engine one SIGINT, as Ctrl-C in its own terminal would."""
        self.cancelled = True
        if self._running is not None and self._running.poll() is None:
            os.killpg(self._running.pid, signal.SIGINT)

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> auto.CommandResult:
        """Run one command to its end; raises the Automation API's `CommandError` where it fails.

        After `cancel` no command is started: a signal may come between the preview and the update.
        """
        if self.cancelled:
            raise create_command_error(auto.CommandResult(stdout="", stderr="cancelled", code=1))
        process = subprocess.Popen(
            [self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            encoding="utf-8",
            process_group=0,
        )
        self._running = process
        readers = [_Reader(process.stdout, on_output), _Reader(process.stderr, on_error)]
        for reader in readers:
            reader.join()
        process.wait()
        self._running = None
        result = auto.CommandResult(stdout=readers[0].text, stderr=readers[1].text, code=process.returncode)
        if result.code != 0:
            raise create_command_error(result)
        return result


class _Reader(threading.Thread):
    """Collects one stream of the engine line by line, and hands each line on."""

    def __init__(self, stream: IO[str] | None, on_line: OnOutput | None) -> None:
        super().__init__(daemon=True)
        self._stream, self._on_line = stream, on_line
        self._lines: list[str] = []
        self.start()

    def run(self) -> None:
        for line in self._stream or ():
            self._lines.append(line.rstrip())
            if self._on_line:
                self._on_line(self._lines[-1])

    @property
    def text(self) -> str:
        return "\n".join(self._lines)


@contextmanager
def cancelled_by_signals(engine: CancellableEngine, announce: Callable[[str], object]) -> Iterator[None]:
    """While this lasts, SIGINT, SIGTERM and SIGHUP cancel the engine's command in place of ending this process."""

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        announce("stopping at once" if engine.cancelled else "cancelling: the engine finishes what it has begun")
        engine.cancel()

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
