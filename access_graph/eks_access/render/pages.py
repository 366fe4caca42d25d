"""The page of each question's result."""

from __future__ import annotations

from eks_access.findings import Trace, Verdict
from eks_access.graph.tables import NotRead
from eks_access.questions.list_mappings import MappingList
from eks_access.render.page import SYMBOLS, Page, PageTable


def trace_page(trace: Trace, not_read: tuple[NotRead, ...] = ()) -> Page:
    """Return the page of a trace: every link in order. `not_read` that a link names is not repeated."""
    rows = tuple((SYMBOLS[link.verdict], link.name, link.says) for link in trace.links)
    said = " ".join(link.says for link in trace.links)
    others = tuple(failure for failure in not_read if failure.reason not in said)
    return Page(trace.question, (PageTable(("", "link", "says"), rows),), trace.findings, trace.notes, others)


def mappings_page(listed: MappingList, source: str, not_read: tuple[NotRead, ...] = ()) -> Page:
    """Return the page of the mappings of a cluster."""
    rows = tuple(
        (
            _EXISTS[mapping.exists],
            f"{mapping.arn} (permission set {mapping.permission_set})" if mapping.permission_set else mapping.arn,
            mapping.effective,
            mapping.entry,
            ", ".join(mapping.policies),
            mapping.aws_auth,
            f"{mapping.last_used_at:%Y-%m-%d}" if mapping.last_used_at else "",
        )
        for mapping in listed.mappings
    )
    columns = ("", "principal", "decided by", "access entry", "access policies", "aws-auth", "last used")
    notes = tuple(f"mapAccounts has account {account}: each of its principals is a user" for account in listed.accounts)
    title = f"Mappings of {source}, authentication mode {listed.mode}"
    return Page(title, (PageTable(columns, rows),), listed.findings, notes, not_read)


_EXISTS = {True: SYMBOLS[Verdict.HOLDS], False: SYMBOLS[Verdict.BROKEN], None: SYMBOLS[Verdict.NOT_EVALUATED]}
