"""Signals that cancel an operation."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_cancel_signals(cancel: Callable[[], object]) -> Iterator[None]:
    """Call `cancel` for each SIGINT, SIGTERM and SIGHUP, instead of ending this process."""

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        cancel()

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous_handlers = {number: signal.signal(number, on_signal) for number in signals}
    try:
        yield
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
