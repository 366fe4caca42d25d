"""Pages: what every question shows as text and as Markdown, and the findings that code scanning gets."""

from __future__ import annotations

from dataclasses import dataclass

from eks_access.findings import Finding, Verdict
from eks_access.graph.tables import NotRead

SYMBOLS = {Verdict.HOLDS: "✔", Verdict.BROKEN: "✘", Verdict.NOT_EVALUATED: "?"}


@dataclass(frozen=True)
class PageTable:
    """A table with a heading."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    heading: str = ""


@dataclass(frozen=True)
class Page:
    """The answer to a question, to be read by people."""

    title: str
    tables: tuple[PageTable, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    not_read: tuple[NotRead, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    """Commands to run next, of a page without findings."""

    def _repr_markdown_(self) -> str:
        """Return the page as Markdown, which a notebook shows."""
        from eks_access.render.markdown import markdown  # noqa: PLC0415 - imports this module

        return markdown(self)
