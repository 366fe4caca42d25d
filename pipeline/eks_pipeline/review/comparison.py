"""Compares a fresh preview with the reviewed one: the update may do what was reviewed, and nothing else.

| value reviewed | value now | same?                                                                           |
|----------------|-----------|---------------------------------------------------------------------------------|
| known          | equal     | yes                                                                             |
| `[unknown]`    | known     | yes: the reviewer saw that the update decides it; its access is compared below  |
| known          | `[unknown]` | no                                                                            |
| `[secret]`     | `[secret]`  | only if program and settings did not change: the values cannot be compared    |

Access is the same if the same subjects gain and lose the same, with the same lockouts and escalations, and if nothing
is "not evaluated" that was evaluated for the review.

An update without effect, of the program and settings that were reviewed, was applied already, and is the same: the job
of a fleet can run again after some of its stacks have failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eks_access.questions.diff import Difference
from eks_pipeline.review.stack_preview import SECRET, UNKNOWN, ClusterAccess, FailedPreview, PlannedStep, StackPreview


def differences(reviewed: StackPreview | None, fresh: StackPreview, failed: FailedPreview | None = None) -> list[str]:
    """Return in words how a fresh preview differs from the reviewed one; nothing if it is the same.

    `failed` is the preview that failed in the review, and was therefore not reviewed.
    """
    if reviewed is None and failed is not None:
        reasons = "; ".join(reason.partition("\n")[0] for reason in failed.reasons)
        return [f"the preview of stack {fresh.stack} failed in the review: {reasons}"]
    if reviewed is None:
        return [f"stack {fresh.stack} was not reviewed"]
    changed_inputs = sorted(
        name
        for name in reviewed.inputs.keys() | fresh.inputs.keys()
        if reviewed.inputs.get(name) != fresh.inputs.get(name)
    )
    if reviewed.steps and not changed_inputs and not _has_effect(fresh):
        return []
    return [
        *_access(reviewed, fresh),
        *_resources(reviewed, fresh, changed_inputs),
        *_policies(reviewed, fresh),
    ]


def _has_effect(preview: StackPreview) -> bool:
    return bool(preview.steps) or any(each.difference is None or _sentences(each.difference) for each in preview.access)


def _access(reviewed: StackPreview, fresh: StackPreview) -> Iterator[str]:
    old, new = ({each.cluster: each for each in preview.access} for preview in (reviewed, fresh))
    for cluster in sorted(old.keys() | new.keys()):
        where = f"access to cluster {cluster}: " if cluster else "access: "
        for text in _of_cluster(old.get(cluster), new.get(cluster)):
            yield f"{where}{text}"


def _of_cluster(old: ClusterAccess | None, new: ClusterAccess | None) -> Iterator[str]:
    if new is None:
        yield "no longer part of the update"
    elif new.difference is None:
        if old is None or old.difference is not None:
            yield f"not evaluated now: {new.not_evaluated}"
    else:
        before, after = None if old is None else old.difference, new.difference
        yield from _both_ways(_sentences(before), _sentences(after))
        evaluated_before = {str(each) for each in before.not_evaluated} if before else set()
        for each in sorted({str(each) for each in after.not_evaluated} - evaluated_before) if before else ():
            yield f"not evaluated now: {each}"


def _sentences(difference: Difference | None) -> set[str]:
    if difference is None:
        return set()
    changes = {sentence for change in difference.changes for sentence in change.sentences()}
    # A subject that is mapped without permissions gains or loses access, but no permission.
    changes |= {f"{each.subject} has access" for each in difference.changes if each.has_access and not each.had_access}
    lockouts = {f"{each.subject}: {each.kind.title}: {each.says}" for each in difference.lockouts}
    escalations = {
        f"escalation {each.subject} → {each.reaches}: {each.finding().says}" for each in difference.escalations
    }
    return changes | lockouts | escalations


def _resources(reviewed: StackPreview, fresh: StackPreview, changed_inputs: list[str]) -> Iterator[str]:
    old, new = ({(step.urn, step.operation): step for step in preview.steps} for preview in (reviewed, fresh))
    yield from _both_ways({_words(step) for step in old.values()}, {_words(step) for step in new.values()})
    for key in sorted(old.keys() & new.keys()):
        before, after = old[key], new[key]
        for path, values in _value_differences(before.inputs, after.inputs):
            yield f"{_words(after)}: {path}: {values}"
        if changed_inputs and (secret := next(_secrets(after.inputs), None)):
            changed = ", ".join(changed_inputs)
            yield f"{_words(after)}: {secret} is a secret, which cannot be compared, and changed since: {changed}"


def _policies(reviewed: StackPreview, fresh: StackPreview) -> Iterator[str]:
    old, new = (
        {f"policy {each.policy} ({each.enforcement}): {each.message} {each.urn}".strip() for each in preview.policies}
        for preview in (reviewed, fresh)
    )
    yield from _both_ways(old, new)


def _both_ways(reviewed: set[str], fresh: set[str]) -> Iterator[str]:
    yield from (f"reviewed, and not now: {text}" for text in sorted(reviewed - fresh))
    yield from (f"now, and not reviewed: {text}" for text in sorted(fresh - reviewed))


def _words(step: PlannedStep) -> str:
    return f"{step.operation} {step.type} {step.name}"


def _value_differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and values of what differs, as far as it can be compared."""
    if old in (new, UNKNOWN):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from _value_differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from _value_differences(*pair, f"{path}[{index}]")
    else:
        yield path, f"{old!r} reviewed, {new!r} now"


def _secrets(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of secrets."""
    if value == SECRET:
        yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secrets(item, f"{path}[{index}]")
