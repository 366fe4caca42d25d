"""The preview, or the drift, of a fleet as one Markdown comment: access first, then policies and resources.

The same preview has the same text, without times and names of runs. The first line is a marker that no reader sees, by
which CI finds the comment to replace. GitHub accepts 65,536 characters: what does not fit is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from eks_access.render.markdown import text as escaped
from eks_pipeline.report import Operation
from eks_pipeline.review import stack_texts
from eks_pipeline.review.other_stacks import other_stack_lines
from eks_pipeline.review.sentences import Subjects, access_sentences, counted, grouped, some
from eks_pipeline.review.stack_preview import FleetPreview

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
        f"{number} of {counted(number + len(fleet.left_out), 'stack')}" if fleet.left_out else counted(number, "stack")
    )
    text = f"{marker(name, fleet.operation)}\n## {fleet.operation.title()} of {of_all}\n\n{_headline(fleet)}\n"
    if fleet.left_out:
        text += f"\nNot selected by `--stack`: {escaped(some(list(fleet.left_out)))}.\n"
    if without := stack_texts.without_cluster(fleet):
        text += f"\nNo cluster in the state, so nothing was compared: {escaped(some(without))}.\n"
    for index, section in enumerate(sections):
        later = sum(each.reserved(limit) for each in sections[index + 1 :])
        text += section.render(limit - len(text) - later, fleet.operation)
    return text


def _headline(fleet: FleetPreview) -> str:
    operations = Counter(step.operation for stack in fleet.stacks for step in stack.steps)
    resources = ", ".join(f"{count} {operation}" for operation, count in sorted(operations.items())) or "no changes"
    changed = len(access_sentences(fleet, Subjects(fleet)))
    access = counted(changed, stack_texts.noun(fleet)) if changed else stack_texts.no_change(fleet, names_access=False)
    undecided = len(grouped(stack_texts.not_evaluated(fleet)))
    access += f", {counted(undecided, 'part')} not evaluated" if undecided else ""
    is_preview = fleet.operation is Operation.PREVIEW
    parts = [f"Access: {access}", *([f"resources: {resources}"] if is_preview else [])]
    for count, noun in (
        (len(grouped(stack_texts.unmanaged(fleet))), "unmanaged object"),
        (len(grouped(stack_texts.expired(fleet))), "expired grant"),
        (len(grouped(stack_texts.lockouts(fleet))), "lockout"),
        (len(grouped(stack_texts.escalations(fleet))), "new escalation"),
        (len(grouped(stack_texts.policies(fleet))), "policy violation"),
        (len(grouped(stack_texts.not_compared(fleet))), f"failed {'evaluation' if is_preview else 'comparison'}"),
        (len(fleet.failed), f"failed {fleet.operation}"),
        (len(fleet.other_stacks.stacks), "unmanaged stack"),
        (len(fleet.other_stacks.not_listed), "failed listing"),
    ):
        if count:
            parts.append(f"**{counted(count, noun)}**")
    return "; ".join(parts) + "."


def _sections(fleet: FleetPreview) -> Iterator[_Section]:
    """Yield the sections, the most important first."""
    subjects = Subjects(fleet)
    changes = access_sentences(fleet, subjects)
    for title, is_gain in (("Access gained", True), ("Access lost", False)):
        lines = tuple(_line(each.with_stacks(fleet)) for each in changes if each.is_gain is is_gain)
        yield _Section(title, lines)
    yield _Section("Access", () if changes else (f"{stack_texts.no_change(fleet).capitalize()}.",))
    for title, pairs in (
        ("Access in no state", stack_texts.unmanaged(fleet)),
        ("Access after its last day", stack_texts.expired(fleet)),
        ("Lockouts", stack_texts.lockouts(fleet)),
        ("New escalations", stack_texts.escalations(fleet)),
        ("Policy violations", stack_texts.policies(fleet)),
        (f"Failed {fleet.operation}s", stack_texts.failed(fleet)),
        (
            "Access not evaluated" if fleet.operation is Operation.PREVIEW else "Not compared",
            stack_texts.not_compared(fleet),
        ),
    ):
        yield _Section(title, tuple(_line(each.with_stacks(fleet)) for each in grouped(pairs)))
    others = tuple(map(_line, other_stack_lines(fleet.other_stacks)))
    yield _Section("Stacks that the fleet file does not have", others)
    not_evaluated = tuple(_line(each.with_stacks(fleet)) for each in grouped(stack_texts.not_evaluated(fleet)))
    yield _Section(
        f"Not evaluated: {counted(len(not_evaluated), 'part')} of the access", not_evaluated, is_collapsed=True
    )
    steps = tuple(_line(each.with_stacks(fleet)) for each in grouped(stack_texts.steps(fleet)))
    yield _Section(f"Resources: {counted(len(steps), 'step')}", steps, is_collapsed=True)
    names = tuple(_line(f"{name}: {arn}") for name, arn in subjects.shortened())
    yield _Section("IAM principals", names, is_collapsed=True)


def _line(text: str) -> str:
    cut = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} …"
    return f"- {escaped(cut)}"
