"""The documents that are generated from eks_access are committed; `make schema` writes them."""

import runpy
from pathlib import Path

import pytest

from eks_access.catalogue import CHAINS

FINDINGS = Path(__file__).resolve().parents[2] / "docs" / "findings.py"
DOCUMENTS = runpy.run_path(str(FINDINGS))["documents"]()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_generated_document_is_committed(path):
    assert path.read_text() == DOCUMENTS[path]


def test_ids_of_findings_are_unique():
    ids = [kind.id for kinds in CHAINS.values() for kind in kinds]
    assert len(ids) == len(set(ids)) > 80
