"""The picture as a page: its links as a table, for terminals and for Markdown."""

from __future__ import annotations

from eks_access.findings import Verdict
from eks_access.graph.tables import NotRead
from eks_access.questions.picture.model import Picture
from eks_access.render.page import SYMBOLS, Page, PageTable


def picture_page(picture: Picture, not_read: tuple[NotRead, ...] = ()) -> Page:
    """Return the page of all links of a picture, of the highlighted chain if there is one."""
    names = {node.id: node.name for node in picture.nodes}
    shown = set(picture.highlighted) or set(names)
    rows = tuple(
        (
            SYMBOLS[edge.verdict],
            names[edge.source],
            names[edge.target],
            "; ".join(link.name for link in edge.links),
            "; ".join(link.says for link in edge.links if link.verdict is not Verdict.HOLDS),
        )
        for edge in picture.edges
        if {edge.source, edge.target} <= shown
    )
    table = PageTable(("", "from", "to", "links", "says"), rows)
    return Page(f"Links of cluster {picture.cluster}", (table,), picture.findings, picture.notes, not_read)
