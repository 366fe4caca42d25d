"""Starts a program again when it ends, as EKS does with the API servers of a cluster."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from lab.cluster.processes import Process

log = logging.getLogger(__name__)

_PAUSE = 0.5
"""Seconds before a start, so that a program that cannot run does not use the processor."""


class SupervisedProcess:
    """A program that runs until `kill`. Each time it ends before, it is started again."""

    def __init__(self, start: Callable[[], Process]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.process = start()
        self._thread = threading.Thread(target=self._supervise, name=f"supervise {self.process.name}", daemon=True)

    def supervise(self) -> None:
        """Begin to start the program again. Until then, its first start can fail."""
        self._thread.start()

    def kill(self) -> None:
        """Kill the program and do not start it again."""
        self._stopping.set()
        with self._lock:
            self.process.kill()
        if self._thread.is_alive():
            self._thread.join()

    def _supervise(self) -> None:
        while True:
            self.process.wait()
            if self._stopping.wait(_PAUSE):
                return
            with self._lock:
                if self._stopping.is_set():
                    return
                log.warning("%s ended and is started again", self.process.name)
                self.process = self._start()
