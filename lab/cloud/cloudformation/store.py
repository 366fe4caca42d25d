"""The store of all stacks in all accounts and regions, and the running stack operations."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from lab.cloud.background_jobs import BackgroundJobs
from lab.cloud.cloudformation.records import ChangeSetRecord, Output, StackRecord


class Store:
    """The stacks by ARN. The lock is held while a stack is looked up and the status of a new operation is set."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.stacks: dict[str, StackRecord] = {}
        self.jobs = BackgroundJobs()

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

    def close(self) -> None:
        """Wait for the running operations, and delete all records."""
        self.jobs.wait()
        with self.lock:
            self.stacks.clear()


store = Store()
"""The store of this process, which has one moto state."""
