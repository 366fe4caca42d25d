"""Runs the Python code of the documentation, so that it stays current."""

import re
from pathlib import Path

import pytest

from docs import shown_output
from eks_identity.plugin import reference
from eks_identity.plugin.exports import exported_resources
from eks_identity.testing import Cloud, deploy

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    "README.md",
    "components/README.md",
    *sorted(f"docs/{document.name}" for document in (REPOSITORY / "docs").glob("*.md")),
)
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets(document):
    """Return the document's code. Its first snippet is the beginning of each of the others, except of tests."""
    blocks = [block["code"] for block in BLOCK.finditer((REPOSITORY / document).read_text())]
    return [blocks[0] + code if code is not blocks[0] and "def test_" not in code else code for code in blocks]


def run(code, *, preview=False):
    """Deploy the code in an account that has the objects which the documents name."""
    program = compile(code, "snippet", "exec")
    return deploy(lambda: exec(program, {}), cloud=Cloud(permission_sets=["Operators"]), preview=preview)  # noqa: S102


SNIPPETS = [(document, number) for document in DOCUMENTS for number, _ in enumerate(snippets(document))]


@pytest.mark.parametrize(("document", "number"), SNIPPETS)
def test_what_is_shown_runs(document, number):
    """A program is previewed and deployed without a validation error; a test is one that passes."""
    code = snippets(document)[number]
    if "def test_" in code:
        namespace = {}
        exec(code, namespace)  # noqa: S102 - the document's own code
        tests = [value for name, value in namespace.items() if name.startswith("test_")]
        for test in tests:
            test()
        return
    run(code, preview=True)
    run(code)


def test_every_component_is_shown():
    """components/README.md has an example of each component and resource that the package exports."""
    shown = {
        resource.kind
        for code in snippets("components/README.md")
        if "def test_" not in code
        for resource in run(code).resources
    }
    assert set(exported_resources()) - shown == set()


def test_the_validation_error_of_the_readme_is_current():
    """The error that README.md shows is what its program with that mistake prints; `make schema` renews it."""
    text = (REPOSITORY / "README.md").read_text()
    assert text == shown_output.with_error(text)


def test_the_readme_starts_with_its_commands():
    """README.md has at most 150 lines, and `make demo` and `make test` are on its first screen."""
    lines = (REPOSITORY / "README.md").read_text().splitlines()
    assert len(lines) <= 150
    assert {"make demo", "make test"} <= {line.removeprefix("$ ").partition("#")[0].strip() for line in lines[:30]}


def test_the_reference_is_what_the_classes_say():
    """docs/reference.md is what `python -m eks_identity.plugin.reference` prints; `make schema` renews it."""
    assert (REPOSITORY / "docs" / "reference.md").read_text() == reference.reference_page()
