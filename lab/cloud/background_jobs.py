"""Background threads of AWS operations that return before their work is done."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class BackgroundJobs:
    """The running jobs of one service. A job stores its errors in its record; exceptions that it raises are logged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()

    def run(self, name: str, job: Callable[[], None]) -> None:
        """Run `job` on a new thread, for which `wait` waits."""

        def run_job() -> None:
            try:
                job()
            except Exception:  # noqa: BLE001 - the request has already returned
                _log.exception("%s", name)
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run_job, name=name, daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def wait(self) -> None:
        """Wait for the jobs that are running."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join()
