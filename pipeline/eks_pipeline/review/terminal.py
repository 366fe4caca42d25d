"""The change of access, or the drift, of a fleet as sentences for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eks_pipeline.report import Operation
from eks_pipeline.review import stack_texts
from eks_pipeline.review.other_stacks import other_stack_sentences
from eks_pipeline.review.sentences import Subjects, access_sentences, counted, grouped, some
from eks_pipeline.review.stack_preview import ClusterAccess, FleetPreview, StackPreview


def sentences(fleet: FleetPreview) -> list[str]:
    """Return the change of access in sentences, for a terminal."""
    found = [each.with_stacks(fleet) for each in access_sentences(fleet, Subjects(fleet))]
    warnings = [f"lockout: {each.with_stacks(fleet)}" for each in grouped(stack_texts.lockouts(fleet))]
    warnings += [f"escalation: {each.with_stacks(fleet)}" for each in grouped(stack_texts.escalations(fleet))]
    word = "not compared" if fleet.operation is Operation.DRIFT else "not evaluated"
    warnings += [f"{word}: {each.with_stacks(fleet)}" for each in grouped(stack_texts.not_compared(fleet))]
    undecided = len(grouped(stack_texts.not_evaluated(fleet)))
    where = f"in {fleet.operation}.json of the run"
    note = [f"not evaluated: {counted(undecided, 'part')} of the access, {where}"] if undecided else []
    others = [f"not evaluated: {each}" for each in other_stack_sentences(fleet.other_stacks)]
    return [*(found or [stack_texts.no_change(fleet)]), *warnings, *note, *others]


def drift_sentences(fleet: FleetPreview) -> list[str]:
    """Return the drift in sentences, for a terminal. A gain is access that the states do not have."""
    unmanaged = [f"in no state: {each.with_stacks(fleet)}" for each in grouped(stack_texts.unmanaged(fleet))]
    expired = [f"expired: {each.with_stacks(fleet)}" for each in grouped(stack_texts.expired(fleet))]
    without = stack_texts.without_cluster(fleet)
    note = [f"no cluster in the state, so nothing was compared: {some(without)}"] if without else []
    return [*sentences(fleet), *unmanaged, *expired, *note]


def restored_sentences(stacks: Sequence[StackPreview]) -> list[str]:
    """Return what updates of stacks change to bring the declared access back."""
    restored = tuple(replace(stack, access=tuple(map(_restored, stack.access))) for stack in stacks)
    return sentences(FleetPreview(stacks=restored))


def _restored(access: ClusterAccess) -> ClusterAccess:
    return ClusterAccess(access.cluster, access.restored, access.not_evaluated)
