"""The schemas of eks-pipeline are committed; `make schema` writes them."""

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "pipeline_schemas.py"
DOCUMENTS = runpy.run_path(str(SCRIPT))["documents"]()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_schema_is_committed(path):
    assert path.read_text() == DOCUMENTS[path]
