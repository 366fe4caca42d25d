"""The page of escalations."""

from __future__ import annotations

from eks_access.findings import Verdict
from eks_access.graph.tables import NotRead
from eks_access.questions.escalations import Escalation, Escalations, Step
from eks_access.render.page import SYMBOLS, Page, PageTable


def escalations_page(found: Escalations, not_read: tuple[NotRead, ...] = ()) -> Page:
    """Return the page of all escalations: each with its steps, and the cut that closes it."""
    rows = tuple(_row(path) for path in found.paths)
    columns = ("", "who", "becomes", "by", "if", "cut")
    tables = (PageTable(columns, rows),) if rows else ()
    notes = [] if rows else ["no escalation"]
    notes += [f"{text}: can do everything already, so its paths are not listed" for text in found.administrators]
    notes += [f"not evaluated: {text}" for text in found.not_evaluated]
    notes.append("service control policies are not read")
    findings = tuple(path.finding() for path in found.paths)
    return Page(f"Escalations in cluster {found.cluster}", tables, findings, tuple(notes), not_read)


def _row(path: Escalation) -> tuple[str, ...]:
    others = f" and {len(path.also_reaches)} more" if path.also_reaches else ""
    return (
        SYMBOLS[Verdict.NOT_EVALUATED if path.conditions else Verdict.BROKEN],
        path.subject,
        f"{path.reaches}{others}",
        "\n".join(map(_step, path.steps)),
        " and ".join(path.conditions),
        _cut(path),
    )


def _step(step: Step) -> str:
    needs = f" [{'; '.join(step.permissions)}]" if step.permissions else ""
    technique = f"{step.technique}: " if step.technique else ""
    return f"{technique}{step.does} → {step.reaches}{needs}"


def _cut(path: Escalation) -> str:
    if path.cut is None:
        return "no change of one object closes it"
    return path.cut.change if path.cut.is_checked else f"{path.cut.change} (does not close it)"
