"""Decides which stack starts next: order, limits, failures and cancellation. It starts nothing itself."""

from __future__ import annotations

from collections.abc import Mapping

from eks_pipeline.fleet.fleet import Fleet
from eks_pipeline.fleet.order import CANARY
from eks_pipeline.report import Result


class Scheduler:
    """The state of a run. A stack waits, runs, or has a result."""

    def __init__(self, fleet: Fleet, *, fail_fast: bool = False, finished: Mapping[str, Result] | None = None) -> None:
        """Begin a run; `finished` are the stacks that an earlier run has done."""
        self._fleet = fleet
        self._fail_fast = fail_fast
        self._running: set[str] = set()
        self.results: dict[str, Result] = dict(finished or {})
        self.reasons: dict[str, str] = {}
        """Why a stack was skipped."""

    @property
    def is_done(self) -> bool:
        return len(self.results) == len(self._fleet.stacks)

    @property
    def running(self) -> frozenset[str]:
        return frozenset(self._running)

    def start_next(self) -> str | None:
        """Return the next stack that can start, which then runs; None if all wait for others or for a limit."""
        if len(self._running) >= self._fleet.concurrency:
            return None
        for name in self._fleet.stacks:
            if name not in self.results and name not in self._running and self._can_start(name):
                self._running.add(name)
                return name
        return None

    def finish(self, name: str, result: Result) -> list[str]:
        """Note the result of a running stack, and return the stacks that are now skipped."""
        self._running.discard(name)
        self.results[name] = result
        if result is Result.FAILED and self._fail_fast:
            return self.stop(f"{name} failed, and --fail-fast is set")
        return self._skip_followers()

    def stop(self, reason: str) -> list[str]:
        """Start no further stack, and return the stacks that are now skipped."""
        waiting = [name for name in self._fleet.stacks if name not in self.results and name not in self._running]
        return [self._skip(name, reason) for name in waiting]

    def _can_start(self, name: str) -> bool:
        before = self._fleet.predecessors.get(name, {})
        if any(self.results.get(other) is not Result.SUCCEEDED for other in before):
            return False
        group = self._fleet.stacks[name].group
        limit = self._fleet.group_concurrency.get(group or "")
        return limit is None or sum(self._fleet.stacks[each].group == group for each in self._running) < limit

    def _skip_followers(self) -> list[str]:
        """Skip the stacks that follow one without success, and those that follow them."""
        skipped: list[str] = []
        found = True
        while found:
            found = False
            for name in self._fleet.stacks:
                if name in self.results or name in self._running:
                    continue
                for other, reason in self._fleet.predecessors.get(name, {}).items():
                    result = self.results.get(other, Result.SUCCEEDED)
                    if result is not Result.SUCCEEDED:
                        ended = "was " if result in {Result.SKIPPED, Result.CANCELLED} else ""
                        what = f"the canary {other}" if reason == CANARY else f"{other}, which it follows ({reason}),"
                        skipped.append(self._skip(name, f"{what} {ended}{result}"))
                        found = True
                        break
        return skipped

    def _skip(self, name: str, reason: str) -> str:
        self.results[name] = Result.SKIPPED
        self.reasons[name] = reason
        return name
