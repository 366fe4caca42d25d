"""The store of all stacks in all accounts and regions, and the running stack operations."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from lab.cloud.cloudformation.records import ChangeSetRecord, Output, StackRecord

_log = logging.getLogger(__name__)


class Store:
    """The stacks by ARN. The lock is held while a stack is looked up and the status of a new operation is set."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.stacks: dict[str, StackRecord] = {}
        self._jobs: set[threading.Thread] = set()

    def list_stacks(self, account: str, region: str) -> list[StackRecord]:
        """Return the stacks of an account and region, deleted ones included, the newest first."""
        with self.lock:
            stacks = [stack for stack in self.stacks.values() if (stack.account, stack.region) == (account, region)]
        return list(reversed(stacks))

    def find_stack(self, account: str, region: str, name: str) -> StackRecord | None:
        """Return a stack by its ARN, or an existing stack by its name."""
        if name.startswith("arn:"):
            return self.stacks.get(name)
        stacks = self.list_stacks(account, region)
        return next((stack for stack in stacks if stack.name == name and stack.status != "DELETE_COMPLETE"), None)

    def find_change_set(self, arn: str) -> tuple[StackRecord, ChangeSetRecord] | None:
        """Return a change set by its ARN, with its stack."""
        with self.lock:
            stacks = list(self.stacks.values())
        for stack in stacks:
            for change_set in list(stack.change_sets.values()):
                if change_set.arn == arn:
                    return stack, change_set
        return None

    def find_by_physical_id(self, account: str, region: str, physical_id: str) -> StackRecord | None:
        """Return the existing stack that has the resource with that physical ID."""
        for stack in self.list_stacks(account, region):
            resources = list(stack.resources.values())
            if stack.status != "DELETE_COMPLETE" and any(entry.physical_id == physical_id for entry in resources):
                return stack
        return None

    def list_exports(self, account: str, region: str) -> Iterator[tuple[StackRecord, Output]]:
        """Yield the exported outputs of an account and region, with their stacks."""
        for stack in self.list_stacks(account, region):
            for output in stack.outputs if stack.status != "DELETE_COMPLETE" else ():
                if output.export is not None:
                    yield stack, output

    def list_importers(self, account: str, region: str, export: str) -> list[StackRecord]:
        """Return the existing stacks that import an export."""
        stacks = self.list_stacks(account, region)
        return [stack for stack in stacks if export in stack.imports and stack.status != "DELETE_COMPLETE"]

    def run(self, name: str, job: Callable[[], None]) -> None:
        """Run a stack operation on a background thread, for which `close` waits."""

        def run_job() -> None:
            try:
                job()
            except Exception:  # noqa: BLE001 - the request has already returned
                _log.exception("%s", name)
            finally:
                with self.lock:
                    self._jobs.discard(threading.current_thread())

        thread = threading.Thread(target=run_job, name=name, daemon=True)
        with self.lock:
            self._jobs.add(thread)
        thread.start()

    def close(self) -> None:
        """Wait for the running operations, and delete all records."""
        with self.lock:
            jobs = list(self._jobs)
        for job in jobs:
            job.join()
        with self.lock:
            self.stacks.clear()


store = Store()
"""The store of this process, which has one moto state."""
