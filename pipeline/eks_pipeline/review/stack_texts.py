"""The parts of a preview, or of a drift, as pairs of a stack and a text: lockouts, policy violations, drift, steps.

`grouped` makes one sentence of equal texts of several stacks.
"""

from __future__ import annotations

from collections.abc import Iterator

from eks_pipeline.report import Operation
from eks_pipeline.review.stack_preview import FleetPreview


def lockouts(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    """Yield the principals that a change locks out, with the fix."""
    for stack in fleet.stacks:
        for found in (each.difference for each in stack.access if each.difference):
            for lockout in found.lockouts:
                yield stack.stack, f"{lockout.subject}: {lockout.kind.title}: {lockout.says}; {lockout.fix}"


def escalations(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    """Yield the new paths to more permissions."""
    for stack in fleet.stacks:
        for found in (each.difference for each in stack.access if each.difference):
            for path in found.escalations:
                finding = path.finding()
                yield stack.stack, f"{finding.subject}: {finding.says}"


def policies(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    """Yield the violations, mandatory ones first."""
    by_stack = {stack.stack: stack.policies for stack in fleet.stacks}
    by_stack |= {name: stack.policies for name, stack in fleet.failed.items()}
    for is_advisory in (False, True):
        for name, violations in by_stack.items():
            for each in violations:
                if (each.enforcement == "advisory") is is_advisory:
                    resource = f" [{each.urn.rpartition('::')[2]}]" if each.urn else ""
                    yield name, f"{each.enforcement}: {each.policy}: {each.message}{resource}"


def failed(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    """Yield the reasons of stacks whose operation failed."""
    for name, stack in fleet.failed.items():
        yield from ((name, reason) for reason in stack.reasons)


def not_evaluated(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    """Yield the parts of the access that were not evaluated, of clusters of which others were."""
    for stack in fleet.stacks:
        for found in (each.difference for each in stack.access if each.difference):
            yield from ((stack.stack, str(each)) for each in found.not_evaluated)


def unmanaged(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    """Yield the access that no state has, with the command that removes it."""
    for stack in fleet.stacks:
        for access in stack.access:
            yield from ((stack.stack, f"{each}; remove it: {each.removal}") for each in access.unmanaged)


def expired(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    """Yield the access that remains after its last day, with the command that removes it."""
    for stack in fleet.stacks:
        for access in stack.access:
            yield from ((stack.stack, f"{each.subject}: {each.says}; remove it: {each.fix}") for each in access.expired)


def steps(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    """Yield the changes of resources."""
    for stack in fleet.stacks:
        for step in stack.steps:
            properties = f": {', '.join(step.properties)}" if step.properties else ""
            yield stack.stack, f"{step.operation} {step.type} {step.name}{properties}"


def not_compared(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    """Yield the clusters, and the stacks without one, whose access was not evaluated at all."""
    for stack in fleet.stacks:
        for access in stack.access:
            if access.difference is None:
                where = f"cluster {access.cluster}" if access.cluster else "access"
                yield stack.stack, f"{where}: {access.not_evaluated}"


def without_cluster(fleet: FleetPreview) -> list[str]:
    """Return, of drift, the stacks whose state names no cluster: those that were never updated among others."""
    return [stack.stack for stack in fleet.stacks if fleet.operation is Operation.DRIFT and not stack.access]


def noun(fleet: FleetPreview) -> str:
    """Return the word for a change of the operation."""
    return "difference" if fleet.operation is Operation.DRIFT else "change"


def no_change(fleet: FleetPreview, *, names_access: bool = True) -> str:
    """Return the words for a fleet without changes of access. They do not cover what was not evaluated."""
    if not any(not stack.access or any(each.difference for each in stack.access) for stack in fleet.stacks):
        return f"{'access ' if names_access else ''}not evaluated"
    is_partial = fleet.failed or fleet.other_stacks.is_incomplete or any(True for _ in not_compared(fleet))
    words = f"no {noun(fleet)}{' of access' if names_access else ''}"
    return f"{words} in what was evaluated" if is_partial else words
