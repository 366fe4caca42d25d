"""The order of the stacks of a fleet: which must succeed before which, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

CANARY, REFERENCE, AFTER = "canary", "stack reference", "after"

Order = Mapping[str, Mapping[str, str]]
"""For each stack, those that must succeed before it, with the reason: `after`, `stack reference` or `canary`."""


def cycles(predecessors: Order) -> Iterator[str]:
    """Yield the cycles, each once: the stacks of a cycle are left out, and the others searched again."""
    remaining = {name: set(others) for name, others in predecessors.items()}
    while True:
        try:
            TopologicalSorter(remaining).prepare()
        except CycleError as error:
            cycle = list(reversed(error.args[1]))
            reasons = " → ".join(cycle)
            yield f"the order has a cycle: {reasons}\n  fix: remove one of these from `after`, or one stack reference"
            remaining = {name: others - set(cycle) for name, others in remaining.items() if name not in cycle}
        else:
            return


def with_canaries(predecessors: Order, stacks: Iterable[str], canaries: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the order in which all stacks follow the canaries, except those that canaries themselves follow."""
    canaries = sorted(canaries)
    early = closure(predecessors, canaries) | set(canaries)
    found = {name: dict(others) for name, others in predecessors.items()}
    for name in stacks:
        if canaries and name not in early:
            found[name] = {**dict.fromkeys(canaries, CANARY), **found.get(name, {})}
    return found


def closure(predecessors: Order, names: Iterable[str]) -> set[str]:
    """Return all stacks that must succeed before some stacks."""
    found: set[str] = set()
    queue = list(names)
    while queue:
        new = predecessors.get(queue.pop(), {}).keys() - found
        found |= new
        queue += new
    return found
