"""The page of each question's result."""

from __future__ import annotations

from eks_access.findings import Trace
from eks_access.graph.tables import NotRead
from eks_access.render.page import SYMBOLS, Page, PageTable


def trace_page(trace: Trace, not_read: tuple[NotRead, ...] = ()) -> Page:
    """Return the page of a trace: every link in order. `not_read` that a link names is not repeated."""
    rows = tuple((SYMBOLS[link.verdict], link.name, link.says) for link in trace.links)
    said = " ".join(link.says for link in trace.links)
    others = tuple(failure for failure in not_read if failure.reason not in said)
    return Page(trace.question, (PageTable(("", "link", "says"), rows),), trace.findings, trace.notes, others)
