"""The state of the stack before the update, for rules on what an update removes.

The engine shows a policy pack no deletions. `pulumi stack export` runs when the pack starts, beside the program.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date

from eks_access.sources.pulumi.command import run_pulumi
from eks_access.sources.state import stack_of_export
from eks_policies.analysis import Stack


class PreviousState:
    """The state before the update, read in the background."""

    def __init__(self, stack: str, today: date) -> None:
        """Begin to read the state of a stack, by its name or its qualified name."""
        self._today = today
        executor = ThreadPoolExecutor(max_workers=1)
        self._read: Future[Stack] = executor.submit(self._export, stack)
        executor.shutdown(wait=False)

    def get(self) -> Stack:
        """Return the stack as it was; raise `EksAccessError` if its state cannot be read."""
        return self._read.result()

    def _export(self, stack: str) -> Stack:
        exported = stack_of_export(run_pulumi(["stack", "export"], None, stack))
        return Stack(exported.resources, self._today)
