"""The preview, or the drift, of a fleet as one Markdown comment: access first, then policies and resources.

The same preview has the same text, without times and names of runs. The first line is a marker that no reader sees, by
which CI finds the comment to replace. GitHub accepts 65,536 characters: what does not fit is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from eks_access.render.markdown import text as escaped
from eks_pipeline.report import Operation
from eks_pipeline.review.other_stacks import other_stack_lines, other_stack_sentences
from eks_pipeline.review.sentences import Subjects, access_sentences, grouped, some
from eks_pipeline.review.stack_preview import ClusterAccess, FleetPreview, StackPreview

LIMIT = 65_536
"""Characters of a comment that GitHub accepts."""
_MOST_CHARACTERS = 2_000
"""Characters of one line."""
_RESERVED = 300
"""Characters that each section has at least."""
_SHARE = 12
"""An open section has at least this part of the comment: no other one displaces its lines."""


@dataclass(frozen=True)
class _Section:
    """A part of the comment."""

    title: str
    lines: tuple[str, ...]
    is_collapsed: bool = False

    def reserved(self, limit: int) -> int:
        """Return the characters that earlier sections leave to this one."""
        share = _RESERVED if self.is_collapsed else max(_RESERVED, limit // _SHARE)
        return min(share, _RESERVED + sum(len(line) + 1 for line in self.lines))

    def render(self, space: int, operation: str) -> str:
        """Return the section in at most `space` characters, with the number of lines that are left out."""
        opening, closing = f"\n### {self.title}\n\n", "\n"
        if self.is_collapsed:
            opening, closing = f"\n<details><summary>{self.title}</summary>\n\n", "\n\n</details>\n"
        used = len(opening) + len(closing)
        shown: list[str] = []
        for line in self.lines:
            if used + len(line) + 1 > space - _RESERVED // 2:
                shown.append(f"- … and {len(self.lines) - len(shown)} more, in {operation}.json of the run")
                break
            shown.append(line)
            used += len(line) + 1
        return f"{opening}{chr(10).join(shown)}{closing}"


def marker(name: str, operation: str = Operation.PREVIEW) -> str:
    """Return the first line of the comment with this name."""
    return f"<!-- eks-pipeline {operation}: {name.replace('--', '- -')} -->"


def comment(fleet: FleetPreview, name: str = "fleet", limit: int = LIMIT) -> str:
    """Return the comment."""
    sections = [section for section in _sections(fleet) if section.lines]
    number = len(fleet.stacks) + len(fleet.failed)
    of_all = (
        f"{number} of {_count(number + len(fleet.left_out), 'stack')}" if fleet.left_out else _count(number, "stack")
    )
    text = f"{marker(name, fleet.operation)}\n## {fleet.operation.title()} of {of_all}\n\n{_headline(fleet)}\n"
    if fleet.left_out:
        text += f"\nNot selected by `--stack`: {escaped(some(list(fleet.left_out)))}.\n"
    if without := _without_cluster(fleet):
        text += f"\nNo cluster in the state, so nothing was compared: {escaped(some(without))}.\n"
    for index, section in enumerate(sections):
        later = sum(each.reserved(limit) for each in sections[index + 1 :])
        text += section.render(limit - len(text) - later, fleet.operation)
    return text


def sentences(fleet: FleetPreview) -> list[str]:
    """Return the change of access in sentences, for a terminal."""
    found = [each.with_stacks(fleet) for each in access_sentences(fleet, Subjects(fleet))]
    warnings = [f"lockout: {each.with_stacks(fleet)}" for each in grouped(_lockouts(fleet))]
    warnings += [f"escalation: {each.with_stacks(fleet)}" for each in grouped(_escalations(fleet))]
    word = "not compared" if fleet.operation is Operation.DRIFT else "not evaluated"
    warnings += [f"{word}: {each.with_stacks(fleet)}" for each in grouped(_not_compared(fleet))]
    undecided = len(grouped(_not_evaluated(fleet)))
    where = f"in {fleet.operation}.json of the run"
    note = [f"not evaluated: {_count(undecided, 'part')} of the access, {where}"] if undecided else []
    others = [f"not evaluated: {each}" for each in other_stack_sentences(fleet.other_stacks)]
    return [*(found or [_no_change(fleet)]), *warnings, *note, *others]


def drift_sentences(fleet: FleetPreview) -> list[str]:
    """Return the drift in sentences, for a terminal. A gain is access that the states do not have."""
    unmanaged = [f"in no state: {each.with_stacks(fleet)}" for each in grouped(_unmanaged(fleet))]
    expired = [f"expired: {each.with_stacks(fleet)}" for each in grouped(_expired(fleet))]
    without = _without_cluster(fleet)
    note = [f"no cluster in the state, so nothing was compared: {some(without)}"] if without else []
    return [*sentences(fleet), *unmanaged, *expired, *note]


def restored_sentences(stacks: Sequence[StackPreview]) -> list[str]:
    """Return what updates of stacks change to bring the declared access back."""
    restored = tuple(replace(stack, access=tuple(map(_restored, stack.access))) for stack in stacks)
    return sentences(FleetPreview(stacks=restored))


def _restored(access: ClusterAccess) -> ClusterAccess:
    return ClusterAccess(access.cluster, access.restored, access.not_evaluated)


def _not_compared(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    """Yield the clusters, and the stacks without one, whose access was not evaluated at all."""
    for stack in fleet.stacks:
        for access in stack.access:
            if access.difference is None:
                where = f"cluster {access.cluster}" if access.cluster else "access"
                yield stack.stack, f"{where}: {access.not_evaluated}"


def _without_cluster(fleet: FleetPreview) -> list[str]:
    """Return, of drift, the stacks whose state names no cluster: those that were never updated among others."""
    return [stack.stack for stack in fleet.stacks if fleet.operation is Operation.DRIFT and not stack.access]


def _noun(fleet: FleetPreview) -> str:
    return "difference" if fleet.operation is Operation.DRIFT else "change"


def _no_change(fleet: FleetPreview, *, names_access: bool = True) -> str:
    """Return the words for a fleet without changes of access. They do not cover what was not evaluated."""
    if not any(not stack.access or any(each.difference for each in stack.access) for stack in fleet.stacks):
        return f"{'access ' if names_access else ''}not evaluated"
    is_partial = fleet.failed or fleet.other_stacks.is_incomplete or any(True for _ in _not_compared(fleet))
    words = f"no {_noun(fleet)}{' of access' if names_access else ''}"
    return f"{words} in what was evaluated" if is_partial else words


def _headline(fleet: FleetPreview) -> str:
    operations = Counter(step.operation for stack in fleet.stacks for step in stack.steps)
    resources = ", ".join(f"{count} {operation}" for operation, count in sorted(operations.items())) or "no changes"
    changed = len(access_sentences(fleet, Subjects(fleet)))
    access = _count(changed, _noun(fleet)) if changed else _no_change(fleet, names_access=False)
    undecided = len(grouped(_not_evaluated(fleet)))
    access += f", {_count(undecided, 'part')} not evaluated" if undecided else ""
    is_preview = fleet.operation is Operation.PREVIEW
    parts = [f"Access: {access}", *([f"resources: {resources}"] if is_preview else [])]
    for count, noun in (
        (len(grouped(_unmanaged(fleet))), "unmanaged object"),
        (len(grouped(_expired(fleet))), "expired grant"),
        (len(grouped(_lockouts(fleet))), "lockout"),
        (len(grouped(_escalations(fleet))), "new escalation"),
        (len(grouped(_policies(fleet))), "policy violation"),
        (len(grouped(_not_compared(fleet))), f"failed {'evaluation' if is_preview else 'comparison'}"),
        (len(fleet.failed), f"failed {fleet.operation}"),
        (len(fleet.other_stacks.stacks), "unmanaged stack"),
        (len(fleet.other_stacks.not_listed), "failed listing"),
    ):
        if count:
            parts.append(f"**{_count(count, noun)}**")
    return "; ".join(parts) + "."


def _sections(fleet: FleetPreview) -> Iterator[_Section]:
    """Yield the sections, the most important first."""
    subjects = Subjects(fleet)
    changes = access_sentences(fleet, subjects)
    for title, is_gain in (("Access gained", True), ("Access lost", False)):
        lines = tuple(_line(each.with_stacks(fleet)) for each in changes if each.is_gain is is_gain)
        yield _Section(title, lines)
    yield _Section("Access", () if changes else (f"{_no_change(fleet).capitalize()}.",))
    for title, pairs in (
        ("Access in no state", _unmanaged(fleet)),
        ("Access after its last day", _expired(fleet)),
        ("Lockouts", _lockouts(fleet)),
        ("New escalations", _escalations(fleet)),
        ("Policy violations", _policies(fleet)),
        (f"Failed {fleet.operation}s", _failed(fleet)),
        ("Access not evaluated" if fleet.operation is Operation.PREVIEW else "Not compared", _not_compared(fleet)),
    ):
        yield _Section(title, tuple(_line(each.with_stacks(fleet)) for each in grouped(pairs)))
    others = tuple(map(_line, other_stack_lines(fleet.other_stacks)))
    yield _Section("Stacks that the fleet file does not have", others)
    not_evaluated = tuple(_line(each.with_stacks(fleet)) for each in grouped(_not_evaluated(fleet)))
    yield _Section(
        f"Not evaluated: {_count(len(not_evaluated), 'part')} of the access", not_evaluated, is_collapsed=True
    )
    steps = tuple(_line(each.with_stacks(fleet)) for each in grouped(_steps(fleet)))
    yield _Section(f"Resources: {_count(len(steps), 'step')}", steps, is_collapsed=True)
    names = tuple(_line(f"{name}: {arn}") for name, arn in subjects.shortened())
    yield _Section("IAM principals", names, is_collapsed=True)


def _lockouts(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    for stack in fleet.stacks:
        for found in (each.difference for each in stack.access if each.difference):
            for lockout in found.lockouts:
                yield stack.stack, f"{lockout.subject}: {lockout.kind.title}: {lockout.says}; {lockout.fix}"


def _escalations(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    for stack in fleet.stacks:
        for found in (each.difference for each in stack.access if each.difference):
            for path in found.escalations:
                finding = path.finding()
                yield stack.stack, f"{finding.subject}: {finding.says}"


def _policies(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    """Yield the violations, mandatory ones first."""
    by_stack = {stack.stack: stack.policies for stack in fleet.stacks}
    by_stack |= {name: failed.policies for name, failed in fleet.failed.items()}
    for is_advisory in (False, True):
        for name, policies in by_stack.items():
            for each in policies:
                if (each.enforcement == "advisory") is is_advisory:
                    resource = f" [{each.urn.rpartition('::')[2]}]" if each.urn else ""
                    yield name, f"{each.enforcement}: {each.policy}: {each.message}{resource}"


def _failed(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    for name, failed in fleet.failed.items():
        yield from ((name, reason) for reason in failed.reasons)


def _not_evaluated(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    """Yield the parts of the access that were not evaluated, of clusters of which others were."""
    for stack in fleet.stacks:
        for found in (each.difference for each in stack.access if each.difference):
            yield from ((stack.stack, str(each)) for each in found.not_evaluated)


def _unmanaged(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    for stack in fleet.stacks:
        for access in stack.access:
            yield from ((stack.stack, f"{each}; remove it: {each.removal}") for each in access.unmanaged)


def _expired(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    for stack in fleet.stacks:
        for access in stack.access:
            yield from ((stack.stack, f"{each.subject}: {each.says}; remove it: {each.fix}") for each in access.expired)


def _steps(fleet: FleetPreview) -> Iterator[tuple[str, str]]:
    for stack in fleet.stacks:
        for step in stack.steps:
            properties = f": {', '.join(step.properties)}" if step.properties else ""
            yield stack.stack, f"{step.operation} {step.type} {step.name}{properties}"


def _line(text: str) -> str:
    cut = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} …"
    return f"- {escaped(cut)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
