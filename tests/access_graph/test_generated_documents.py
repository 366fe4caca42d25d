"""The documents that are generated from eks_access are committed; `make schema` writes them."""

import runpy
from pathlib import Path

import pytest

from eks_access.catalogue import CHAINS
from eks_access.questions.picture.draw_picture import draw_picture
from eks_access.sources.snapshot import open_snapshot
from support.picture_graphs import broken

DOCS = Path(__file__).resolve().parents[2] / "docs"
PICTURE = runpy.run_path(str(DOCS / "access_picture.py"))
DOCUMENTS = {
    path: text
    for script in ("findings.py", "policies.py")
    for path, text in runpy.run_path(str(DOCS / script))["documents"]().items()
} | PICTURE["documents"]()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_generated_document_is_committed(path):
    assert path.read_text() == DOCUMENTS[path]


def test_snapshot_of_the_picture_has_both_chains():
    """The picture of the README is that of the graph in `tests/support/picture_graphs.py`."""
    graph = open_snapshot(PICTURE["SNAPSHOT"])
    assert draw_picture(graph, now=PICTURE["NOW"]) == draw_picture(broken().graph(), now=PICTURE["NOW"])


def test_ids_of_findings_are_unique():
    ids = [kind.id for kinds in CHAINS.values() for kind in kinds]
    assert len(ids) == len(set(ids)) > 80
