"""The picture as one HTML page: nothing is loaded from elsewhere, and no text of the graph can become markup."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from eks_access.findings import Verdict
from eks_access.graph.tables import NotRead
from eks_access.questions.picture.model import Edge, Picture
from eks_access.render.page import SYMBOLS
from eks_access.render.picture.shapes import draw
from eks_access.render.picture.svg import environment
from eks_access.render.picture.texts import TRAP, link_texts


def picture_html(picture: Picture, source: str, not_read: Sequence[NotRead] = ()) -> str:
    """Return the picture as an HTML page with search, filters and highlighting."""
    templates = environment()
    script = templates.get_template("page.js").render()
    styles = "".join(templates.get_template(name).render() for name in ("colors.css", "picture.css", "page.css"))
    return templates.get_template("page.html.jinja").render(
        drawing=draw(picture, source, not_read, has_lists=False),
        is_page=True,
        security_policy=_security_policy(script, styles),
        data=_data(picture),
        rows=_rows(picture),
        kinds=sorted({node.kind for node in picture.nodes}),
        namespaces=sorted({node.namespace for node in picture.nodes if node.namespace}),
        not_evaluated=tuple(dict.fromkeys((*picture.not_evaluated, *(f"not read: {failure}" for failure in not_read)))),
        broken=frozenset(picture.broken),
    )


def _security_policy(script: str, styles: str) -> str:
    """Return the policy with which browsers run this script and no other, and load nothing."""
    script_hash, style_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, styles)
    )
    return f"default-src 'none'; script-src 'sha256-{script_hash}'; style-src 'sha256-{style_hash}'"


def _data(picture: Picture) -> dict[str, Any]:
    """Return what the script reads: nodes and edges by number."""
    numbers = {node.id: number for number, node in enumerate(picture.nodes)}
    return {
        "nodes": [
            {
                "name": node.name,
                "kind": node.kind,
                "namespace": node.namespace,
                "column": node.column,
                "details": node.details,
            }
            for node in picture.nodes
        ],
        "edges": [
            {
                "source": numbers[edge.source],
                "target": numbers[edge.target],
                "state": edge.verdict,
                "links": link_texts(edge),
                "fixes": list(dict.fromkeys(str(finding.fix) for finding in edge.findings)),
            }
            for edge in picture.edges
        ],
        "highlighted": [numbers[node_id] for node_id in picture.highlighted],
    }


def _rows(picture: Picture) -> list[tuple[int, str, str, str, str]]:
    """Return the table of links: number of the edge, state with its symbol, both ends, and the links in words."""
    names = {node.id: node.name for node in picture.nodes}
    return [
        (number, _state(edge), names[edge.source], names[edge.target], "\n".join(link_texts(edge)))
        for number, edge in enumerate(picture.edges)
    ]


def _state(edge: Edge) -> str:
    if edge.verdict is Verdict.HOLDS and edge.findings:
        return f"{TRAP} holds, with a finding"
    return f"{SYMBOLS[edge.verdict]} {edge.verdict}"
