"""The process of one stack, seen from the run that starts it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import msgspec

from eks_pipeline import events
from eks_pipeline.errors import ExitCode
from eks_pipeline.report import Result, StackReport
from eks_pipeline.stack.job import Job, encode

_MODULE = "eks_pipeline.operations"
_MOST_CHARACTERS = 2000


class StackProcess:
    """A process that runs one job, in a process group of its own: Ctrl-C in the terminal reaches only the run."""

    def __init__(self, job: Job, on_event: Callable[[events.Event], object]) -> None:
        """Start the process. `on_event` is called from another thread, at last with `StackFinished`."""
        self._job = job
        self._on_event = on_event
        self._was_cancelled = False
        job.folder.mkdir(parents=True, exist_ok=True)
        self._log = job.folder / "process.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                process_group=0,
            )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it ended already: `_read` reports that
            self._process.stdin.write(encode(job) + b"\n")
            self._process.stdin.flush()
        threading.Thread(target=self._read, daemon=True).start()

    def cancel(self) -> None:
        """Cancel the operation after the engine's current step; a second call stops the engine at once."""
        self._was_cancelled = True
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def _read(self) -> None:
        finished: events.StackFinished | None = None
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        with self._process.stdout as stdout:
            for line in stdout:
                try:
                    event = events.decode(line)
                except msgspec.MsgspecError:
                    continue  # a library printed to standard output
                if isinstance(event, events.StackFinished):
                    finished = event
                else:
                    self._on_event(event)
        self._process.wait()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._on_event(finished or self._crashed())

    def _crashed(self) -> events.StackFinished:
        """Return the end of a process that did not report one."""
        result = Result.CANCELLED if self._was_cancelled else Result.FAILED
        code = ExitCode.CANCELLED if self._was_cancelled else ExitCode.FAILED
        report = StackReport(self._job.name, self._job.operation, result, exit_code=code)
        if self._was_cancelled and self._process.returncode == -signal.SIGINT:  # it handles the signal once it runs
            report.reason = f"{self._job.operation} of stack {self._job.name!r} was cancelled before it began"
        else:
            text = self._log.read_text(encoding="utf-8", errors="replace").strip()[-_MOST_CHARACTERS:]
            report.reason = f"the process of the stack ended with code {self._process.returncode}: {text}"
        return events.StackFinished(stack=self._job.name, result=result, report=report)
