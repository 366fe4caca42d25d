"""Intervals of a node, with the kubelet's values as defaults. Tests shorten them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Intervals in seconds. The defaults are the kubelet's."""

    heartbeat: float = 10
    """Between renewals of the node's Lease."""
    lease: int = 40
    """Duration after which a Lease that was not renewed expires."""
    crash_backoff: float = 10
    """Delay of a container's second restart. It doubles with each further one. The first restart is immediate."""
    crash_backoff_cap: float = 300
    crash_backoff_reset: float = 600
    """A container that ran this long is next restarted immediately."""
    image_backoff: float = 10
    image_backoff_cap: float = 300
    retry: float = 2
    """Delay before a missing Secret or ConfigMap is read again, and an unschedulable pod is scheduled again."""
    token_renewal: float = 0.8
    """Part of its lifetime after which a projected token is replaced."""


class Backoff:
    """Delays that double from `first` to `cap`."""

    def __init__(self, first: float, cap: float, *, immediate: bool = False) -> None:
        self._first = first
        self._cap = cap
        self._immediate = immediate
        self.reset()

    def reset(self) -> None:
        """Restart with the shortest delay."""
        self._next = 0.0 if self._immediate else self._first

    def next(self) -> float:
        """Return the next delay in seconds."""
        delay = self._next
        self._next = min(self._cap, delay * 2 or self._first)
        return delay
