"""The picture in words: the links of an edge, the second line of a box, and the lines below the picture."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap as wrap_words

from eks_access.findings import Finding, Verdict
from eks_access.graph.tables import NotRead
from eks_access.questions.picture.model import Edge, Node, NodeKind, Picture
from eks_access.render.page import SYMBOLS
from eks_access.render.picture.labels import valid

TRAP = "!"
"""Symbol of a link that holds, with a finding."""
_SHORT_KINDS = {NodeKind.ASSOCIATION: "Pod Identity"}
_MOST_NOTES = 20
"""Number of broken links, and of links that were not evaluated, below the picture; the rest is counted."""


def link_texts(edge: Edge) -> list[str]:
    """Return each link of an edge in words."""
    texts = []
    for link in edge.links:
        text = f"{SYMBOLS[link.verdict]} {link.name}"
        if link.finding is not None:
            text += f": {link.finding.subject}: {link.finding.kind.title}: {link.finding.says}"
            text += f"; should be: {link.finding.should_say}"
        elif link.says:
            text += f": {link.says}"
        texts.append(text)
    return texts


def kind_line(node: Node) -> str:
    if node.kind is NodeKind.NOTHING:
        return f"{SYMBOLS[Verdict.BROKEN]} broken"
    is_rbac = node.kind in {NodeKind.BINDING, NodeKind.RBAC_ROLE} and node.details and node.count == 1
    kind = node.details[0] if is_rbac else _SHORT_KINDS.get(node.kind, node.kind)
    if node.exists is False:
        return f"{SYMBOLS[Verdict.BROKEN]} {'some do not exist' if node.count > 1 else f'no such {kind}'}"
    if node.kind is NodeKind.NOT_READ:
        return f"{SYMBOLS[Verdict.NOT_EVALUATED]} not read"
    if node.exists is None:
        return f"{SYMBOLS[Verdict.NOT_EVALUATED]} {'some were not read' if node.count > 1 else f'{kind}, not read'}"
    return f"{kind}{f' in {node.namespace}' if node.namespace else ''}"


def lists_below(
    picture: Picture, findings: Sequence[Finding], not_read: Sequence[NotRead], cells: int
) -> list[tuple[str, str]]:
    """Return the lines below the picture: findings, what was not evaluated, notes."""
    broken = set(picture.broken)
    items: list[tuple[str, str]] = []
    for number, finding in enumerate(findings[:_MOST_NOTES], start=1):
        is_broken = finding in broken
        symbol = SYMBOLS[Verdict.BROKEN] if is_broken else TRAP
        text = f"{symbol}{number} {finding.subject}: {finding.kind.title}. It says {finding.says}; it should be"
        items.append(("broken" if is_broken else "trap", f"{text} {finding.should_say}."))
    if len(findings) > _MOST_NOTES:
        items.append(("broken", f"and {len(findings) - _MOST_NOTES} more findings: --output table lists all"))
    reasons = list(dict.fromkeys((*picture.not_evaluated, *(f"not read: {failure}" for failure in not_read))))
    items += [("not-evaluated", f"? {reason}") for reason in reasons[:_MOST_NOTES]]
    if len(reasons) > _MOST_NOTES:
        items.append(("not-evaluated", f"and {len(reasons) - _MOST_NOTES} more: --output table lists all"))
    items += [("note", f"note: {note}") for note in picture.notes]
    return [(name, line) for name, text in items for line in wrap_words(valid(text), cells, subsequent_indent="    ")]
