"""Child processes that end with the lab, with a log file and readiness checks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from lab.cluster import die_with_parent
from lab.errors import StartError

# The kernel kills a child when the thread that started it ends, so one thread starts all children and lives as long as
# the lab.
_launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="launcher")

POLL_INTERVAL = 0.03
"""Seconds between two checks of a condition that no event announces."""

_INOTIFY_EXHAUSTED = ("notify", "too many open files")
"""Words of the log line that a program writes if it gets no inotify instance.

Most machines allow a user 128 instances.
"""


class Process:
    """A running program. Its output is appended to `log`. It ends with `kill`, or when the lab's process ends."""

    def __init__(
        self, name: str, arguments: Sequence[str], *, log: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = log
        self._log_changed = threading.Condition()
        self._expected_lines: list[_ExpectedLine] = []
        self._has_ended = False
        command = [sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid()), *arguments]

        def launch() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

        self._child = _launcher.submit(launch).result()
        self._reader = threading.Thread(target=self._read, name=f"log of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def is_running(self) -> bool:
        return not self._has_ended

    def _read(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout as output, self.log.open("ab", buffering=0) as log:
            for data in output:
                log.write(data)
                text = data.decode(errors="replace")
                with self._log_changed:
                    for line in self._expected_lines:
                        line.match(text)
                    self._log_changed.notify_all()
        self._child.wait()
        with self._log_changed:
            self._has_ended = True
            self._log_changed.notify_all()

    @contextmanager
    def expect_log_line(self, *words: str, timeout: float = 10) -> Iterator[None]:
        """Run the body, then wait until the program has logged a line that contains all `words`.

        Raises:
            StartError: the program ended, or did not log such a line within `timeout` seconds.
        """
        line = _ExpectedLine(words)
        with self._log_changed:
            self._expected_lines.append(line)
        try:
            yield
            with self._log_changed:
                self._log_changed.wait_for(lambda: line.is_logged or self._has_ended, timeout)
            if not line.is_logged:
                raise self._start_error(f"did not log {' … '.join(words)!r} within {timeout:g} s")
        finally:
            with self._log_changed:
                self._expected_lines.remove(line)

    def wait_until(self, ready: Callable[[], bool], *, what: str, timeout: float) -> None:
        """Wait until `ready` returns true. The wait ends at once if the program ends.

        Raises:
            StartError: the program ended, or `ready` returned false for `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            has_ended = self._has_ended
            if ready():
                return
            if has_ended or time.monotonic() > deadline:
                raise self._start_error(f"was not {what} within {timeout:g} s")
            with self._log_changed:
                if not self._has_ended:
                    self._log_changed.wait(POLL_INTERVAL)

    def _start_error(self, problem: str) -> StartError:
        """Return an error with `problem`, or the exit status, and the last lines of the log."""
        if self._has_ended:
            problem = f"ended with exit status {self._child.returncode}"
        log_tail = "\n".join(f"    {line}" for line in self.tail())
        return StartError(
            f"{self.name} {problem}. Last lines of its log:\n{log_tail or '    (empty)'}",
            fix=self._fix(),
        )

    def _fix(self) -> str:
        if any(all(word in line for word in _INOTIFY_EXHAUSTED) for line in self.log_text().splitlines()):
            return (
                "reset unused labs, because a cluster uses 7 inotify instances; "
                "or raise the limit with `sysctl -w fs.inotify.max_user_instances=1024`"
            )
        return f"read {self.log}; if the machine has little free memory or is very busy, free some and try again"

    def tail(self, lines: int = 12) -> list[str]:
        return self.log_text().splitlines()[-lines:]

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait(self) -> None:
        """Wait until the program has ended."""
        self._reader.join()

    def kill(self) -> None:
        """Kill the program (SIGKILL) and wait until it has ended."""
        self._child.kill()
        self._reader.join()


class _ExpectedLine:
    """A log line that `expect_log_line` waits for."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self.is_logged = False

    def match(self, text: str) -> None:
        self.is_logged = self.is_logged or all(word in text for word in self.words)
