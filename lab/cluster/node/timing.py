"""How long a node waits before it tries again: the kubelet's own figures, and one place to shorten them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds, by the kubelet's defaults."""

    heartbeat: float = 10
    """Between renewals of the node's Lease."""
    lease: int = 40
    """After which a Lease that was not renewed is worth nothing."""
    crash_backoff: float = 10
    """Before the second restart of a container; doubles with each further one. The first restart is immediate."""
    crash_backoff_cap: float = 300
    crash_backoff_reset: float = 600
    """A container that ran this long begins again with an immediate restart."""
    image_backoff: float = 10
    image_backoff_cap: float = 300
    retry: float = 2
    """Before a missing Secret or ConfigMap is looked up again, and a pod that fits nowhere is placed again."""
    token_renewal: float = 0.8
    """The part of its life after which a projected token is replaced."""


class Backoff:
    """Delays that double from `first` to `cap`."""

    def __init__(self, first: float, cap: float, *, immediate: bool = False) -> None:
        self._first = first
        self._cap = cap
        self._immediate = immediate
        self.reset()

    def reset(self) -> None:
        """Begin again with the shortest delay."""
        self._next = 0.0 if self._immediate else self._first

    def next(self) -> float:
        """The delay to keep now, in seconds."""
        delay = self._next
        self._next = min(self._cap, delay * 2 or self._first)
        return delay
