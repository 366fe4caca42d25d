"""Runs the Pulumi engine as a child process that can be cancelled.

The Automation API runs `pulumi` in the caller's process group and keeps no handle on it: Ctrl-C in a terminal signals
both the engine and the pipeline, and a signal to the pipeline alone never reaches the engine. This module runs the
engine in its own process group, and forwards each signal that the pipeline receives.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import IO

from pulumi import automation as auto
from pulumi.automation.errors import create_command_error

from eks_pipeline.errors import EngineKilledError

OnOutput = Callable[[str], object]
_TO_TERMINATE = 2
"""Signals after which the engine interrupts its current step."""
_TERMINATING = "^C received; terminating"
"""The engine prints this when it interrupts its step."""
_SECONDS_BETWEEN_SIGNALS = 1.0


class CancellableEngine(auto.PulumiCommand):
    """A `pulumi` command in its own process group. `cancel` stops it after the current step, a second call at once."""

    def __init__(self) -> None:
        super().__init__()
        self.cancellations = 0
        self._running: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._is_terminating = threading.Event()

    @property
    def cancelled(self) -> bool:
        return self.cancellations > 0

    def cancel(self) -> None:
        """Send the engine one SIGINT, as Ctrl-C in its terminal does. Must not be called by a handler of signals.

        The second one is repeated until the engine says that it terminates: it drops a signal that arrives while it
        handles another one. After that, a signal could kill it before it releases its lock.
        """
        with self._lock:
            self.cancellations += 1
            self._interrupt()
            if self.cancellations == _TO_TERMINATE:
                threading.Thread(target=self._interrupt_until_terminating, daemon=True).start()

    def _interrupt_until_terminating(self) -> None:
        while not self._is_terminating.wait(_SECONDS_BETWEEN_SIGNALS) and self._running is not None:
            with self._lock:
                self._interrupt()

    def _interrupt(self) -> None:
        running = self._running
        if running is not None and running.poll() is None:
            os.killpg(running.pid, signal.SIGINT)

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> auto.CommandResult:
        """Run one command to its end. Raises the Automation API's `CommandError` if it fails.

        Raises `EngineKilledError` if a signal killed the engine, such as that of the kernel when memory runs out.
        After `cancel` no command starts: a signal can arrive between the preview and the update.
        """

        def on_line(line: str) -> None:
            if _TERMINATING in line:
                self._is_terminating.set()
            if on_output:
                on_output(line)

        with self._start(args, cwd, additional_env) as process:
            readers = [_Reader(process.stdout, on_line), _Reader(process.stderr, on_error)]
            for reader in readers:
                reader.join()
        self._running = None
        if process.returncode < 0 and not self.cancelled:
            name = signal.Signals(-process.returncode).name
            raise EngineKilledError(
                f"{name} killed the engine in `pulumi {args[0]}`; the stack's lock and a begun step may remain\n"
                "  fix: run the same operation again: it says which lock remains and how to remove it"
            )
        result = auto.CommandResult(stdout=readers[0].text, stderr=readers[1].text, code=process.returncode)
        if result.code != 0:
            raise create_command_error(result)
        return result

    def _start(self, args: list[str], cwd: str, additional_env: Mapping[str, str]) -> subprocess.Popen[str]:
        with self._lock:  # `cancel` either comes before the start, or sees the process
            if self.cancelled:
                raise create_command_error(auto.CommandResult(stdout="", stderr="cancelled", code=1))
            self._running = subprocess.Popen(
                [self.command, "--non-interactive", *args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
                encoding="utf-8",
                process_group=0,
            )
            return self._running


class _Reader(threading.Thread):
    """A thread that collects one stream of the engine line by line and passes each line to a callback."""

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
