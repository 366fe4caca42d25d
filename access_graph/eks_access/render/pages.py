"""The page of each question's result."""

from __future__ import annotations

from eks_access.findings import Trace, Verdict
from eks_access.graph.tables import NotRead
from eks_access.questions.check import Check
from eks_access.questions.diff import Difference
from eks_access.questions.explain import Explanation
from eks_access.questions.list_mappings import MappingList
from eks_access.questions.permission_words import Permission
from eks_access.questions.what_can import WhatCan
from eks_access.questions.who_can import WhoCan
from eks_access.render.page import SYMBOLS, Page, PageTable

_MOST_NAMES = 3


def trace_page(trace: Trace, not_read: tuple[NotRead, ...] = ()) -> Page:
    """Return the page of a trace: every link in order. `not_read` that a link names is not repeated."""
    rows = tuple((SYMBOLS[link.verdict], link.name, link.says) for link in trace.links)
    shown = " ".join(link.says for link in trace.links)
    others = tuple(failure for failure in not_read if failure.reason not in shown)
    return Page(trace.question, (PageTable(("", "link", "says"), rows),), trace.findings, trace.notes, others)


def mappings_page(listed: MappingList, not_read: tuple[NotRead, ...] = ()) -> Page:
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
    title = f"Mappings of cluster {listed.cluster}, authentication mode {listed.mode}"
    return Page(title, (PageTable(columns, rows),), listed.findings, notes, not_read)


_EXISTS = {True: SYMBOLS[Verdict.HOLDS], False: SYMBOLS[Verdict.BROKEN], None: SYMBOLS[Verdict.NOT_EVALUATED]}


def who_can_page(answer: WhoCan, not_read: tuple[NotRead, ...] = (), *, show_system: bool = False) -> Page:
    """Return the page of everybody who can make a request. Subjects of Kubernetes itself are counted, or shown."""
    paths = [path for path in answer.paths if show_system or not path.is_of_system]
    hidden = len(answer.paths) - len(paths)
    rows = tuple(
        (
            SYMBOLS[Verdict.NOT_EVALUATED if path.conditions else Verdict.HOLDS],
            f"{path.subject} (pods {_some(path.pods)})" if path.pods else path.subject,
            " → ".join(path.steps),
            " and ".join(path.conditions),
        )
        for path in paths
    )
    note = f"{hidden} paths of users and controllers of Kubernetes itself; --system shows them"
    notes = (*((note,) if hidden else ()), *answer.notes)
    return Page(answer.question, (PageTable(("", "who", "by", "if"), rows),), notes=notes, not_read=not_read)


def what_can_page(answer: WhatCan, not_read: tuple[NotRead, ...] = ()) -> Page:
    """Return the page of the permissions of one subject."""
    columns = ("verbs", "resources", "scope")
    tables, notes = [], []
    if answer.identity:
        tables.append(PageTable(columns, _rows(answer.in_cluster), f"in the cluster, as {answer.identity}"))
    else:
        notes.append(f"{answer.subject} has no access to the cluster")
    if answer.by_everybody:
        tables.append(PageTable(columns, _rows(answer.by_everybody), "as everybody with a valid token"))
    columns = ("actions", "resources", "conditions")
    if answer.aws_identity:
        tables.append(PageTable(columns, _rows(answer.in_aws), f"in AWS, as {answer.aws_identity}"))
    elif not answer.aws_notes:
        notes.append(f"{answer.subject} has no identity in AWS")
    if answer.denied_in_aws:
        tables.append(PageTable(columns, _rows(answer.denied_in_aws), "denied in AWS, also where it is allowed above"))
    title = f"What {answer.subject} can do"
    return Page(title, tuple(tables), notes=(*notes, *answer.aws_notes), not_read=not_read)


def explanation_page(explanation: Explanation) -> Page:
    """Return the page of an error text. The commands are its last lines."""
    title = f"{explanation.meaning}\nusually: {explanation.cause} (chain: {explanation.chain})"
    notes = (f"fill in {explanation.missing}",) if explanation.missing else ()
    return Page(title, notes=notes, commands=explanation.commands)


def check_page(found: Check, source: str, undecided: tuple[NotRead, ...]) -> Page:
    """Return the page of all rules: the violations, those that an exception accepts, and what is not decided."""
    rows = tuple(
        (each.level, each.finding.kind.id, each.finding.subject, each.finding.says) for each in found.violations
    )
    accepted = tuple(
        (each.finding.kind.id, each.finding.subject, each.reason, f"{each.until}") for each in found.accepted
    )
    tables = (
        PageTable(("level", "rule", "subject", "says"), rows, "Violations"),
        PageTable(("rule", "subject", "reason", "until"), accepted, "Accepted by an exception"),
    )
    notes = () if rows else ("no violation",)
    findings = tuple(each.finding for each in found.violations)
    return Page(f"Policies: {source}", tuple(each for each in tables if each.rows), findings, notes, undecided)


def difference_page(difference: Difference) -> Page:
    """Return the page of a difference: each change in words, the lockouts and the new escalations."""
    rows = tuple(
        ("+" if change.is_broadened else "-", change.subject, "; ".join(change.gains), "; ".join(change.losses))
        for change in difference.changes
    )
    table = PageTable(("", "who", "gains", "loses"), rows)
    unchanged = f"{difference.unchanged} subjects keep their access"
    title = f"Access: {difference.before} → {difference.after}"
    tables = (table,) if rows else ()
    notes = (unchanged,) if rows else ("no change of access", unchanged)
    findings = (*difference.lockouts, *(path.finding() for path in difference.escalations))
    return Page(title, tables, findings, notes, difference.not_evaluated)


def _rows(permissions: tuple[Permission, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple((", ".join(each.actions), ", ".join(each.resources), each.scope) for each in permissions)


def _some(names: tuple[str, ...]) -> str:
    """Return the first names of a list, and how many more it has."""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"
