"""Child processes that cannot outlive the lab, whose words are kept, and whose readiness is awaited, not guessed."""

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

# The kernel ties a child's end to the thread that started it, so one thread starts them all and lives as long as we do.
_launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="launcher")

PROBE_INTERVAL = 0.03
"""Seconds between two looks at a condition that no event announces."""

_TOO_MANY_WATCHES = ("notify", "too many open files")
"""What a program says, in one line, to whom Linux gives no inotify instance: a user has 128 on most machines."""


class Process:
    """A running program. Its output goes to `log`; `kill` ends it, and so does the end of the lab's own process."""

    def __init__(
        self, name: str, arguments: Sequence[str], *, log: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = log
        self._changed = threading.Condition()
        self._awaited: list[_Line] = []
        self._closed = False
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
    def running(self) -> bool:
        return not self._closed

    def _read(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout as output, self.log.open("ab", buffering=0) as log:
            for line in output:
                log.write(line)
                text = line.decode(errors="replace")
                with self._changed:
                    for awaited in self._awaited:
                        awaited.look(text)
                    self._changed.notify_all()
        self._child.wait()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @contextmanager
    def expecting(self, *words: str, timeout: float = 10) -> Iterator[None]:
        """The body makes the program log a line that has all `words`; the block ends when it has.

        Raises:
            StartError: the program ended, or was silent for `timeout` seconds.
        """
        line = _Line(words)
        with self._changed:
            self._awaited.append(line)
        try:
            yield
            with self._changed:
                self._changed.wait_for(lambda: line.seen or self._closed, timeout)
            if not line.seen:
                raise self.failure(f"did not log {' … '.join(words)!r} within {timeout:g} s")
        finally:
            with self._changed:
                self._awaited.remove(line)

    def wait_until(self, ready: Callable[[], bool], *, what: str, timeout: float) -> None:
        """Wait until `ready`; an end of the program is noticed at once.

        Raises:
            StartError: the program ended, or `ready` stayed false for `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            ended = self._closed
            if ready():
                return
            if ended or time.monotonic() > deadline:
                raise self.failure(f"was not {what} within {timeout:g} s")
            with self._changed:
                if not self._closed:
                    self._changed.wait(PROBE_INTERVAL)

    def failure(self, problem: str) -> StartError:
        """What went wrong, with the program's last words."""
        if self._closed:
            problem = f"ended with exit status {self._child.returncode}"
        last = "\n".join(f"    {line}" for line in self.tail())
        return StartError(
            f"{self.name} {problem}. The last it said:\n{last or '    (nothing)'}",
            fix=self._remedy(),
        )

    def _remedy(self) -> str:
        if any(all(word in line for word in _TOO_MANY_WATCHES) for line in self.log_text().splitlines()):
            return (
                "reset labs that nobody needs: a cluster takes 7 inotify instances; "
                "or allow more of them, with `sysctl -w fs.inotify.max_user_instances=1024`"
            )
        return f"read {self.log}; if the machine is short of memory or very busy, free some and try again"

    def tail(self, lines: int = 12) -> list[str]:
        return self.log_text().splitlines()[-lines:]

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self) -> None:
        """End the program at once (SIGKILL) and wait until it is gone."""
        self._child.kill()
        self._reader.join()


class _Line:
    """A line of the log that somebody waits for."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self.seen = False

    def look(self, text: str) -> None:
        self.seen = self.seen or all(word in text for word in self.words)
