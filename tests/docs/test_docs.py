"""Links of the documentation lead to existing files and tests."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from docs import footnotes

REPOSITORY = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
TEST = re.compile(r"`?(?P<name>test_\w+)`?$")
HIDDEN = {".venv", ".docs", "node_modules", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
DOCUMENTS = sorted(
    document.relative_to(REPOSITORY).as_posix()
    for document in REPOSITORY.rglob("*.md")
    if not HIDDEN & set(document.relative_to(REPOSITORY).parts)
)
WITHOUT_TEST = ("documents", "none")
"""The first words of rules that need no test."""


@cache
def functions(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def links(document):
    text = re.sub(r"```.*?```", "", (REPOSITORY / document).read_text(), flags=re.DOTALL)
    return [(link["text"], link["target"]) for link in LINK.finditer(text) if "://" not in link["target"]]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    """Each link of a document leads to a file that is there, and to a test in it where it names one."""
    for text, target in links(document):
        path = (REPOSITORY / document).parent / target.partition("#")[0]
        assert path.exists(), f"{document}: {target}"
        test = TEST.search(text)
        if test and path.suffix == ".py":
            assert test["name"] in functions(path.resolve()), f"{document}: {text} is not in {target}"


@pytest.mark.parametrize("page", footnotes.pages(), ids=lambda page: page.name)
def test_footnotes_are_current(page):
    """The footnotes of a page are what `make schema` writes, and each leads to one test."""
    assert page.read_text() == footnotes.with_footnotes(page.read_text())


def test_footnotes_name_a_test_that_no_file_defines():
    """A footnote to a test that does not exist, or that several files define, is an error with the names to write."""
    with pytest.raises(LookupError, match="none has the name"):
        footnotes.with_footnotes("[^test_that_does_not_exist]\n")
    with pytest.raises(LookupError, match=r"\[\^test_typescript\.test_package_add_links_the_sdk\]"):
        footnotes.with_footnotes("[^test_package_add_links_the_sdk]\n")


def rows(document):
    """Return the cells of each row of the document's tables, without heads and rulers."""
    lines = [line for line in (REPOSITORY / document).read_text().splitlines() if line.startswith("|")]
    rulers = [index for index, line in enumerate(lines) if re.fullmatch(r"[|\s:-]+", line)]
    body = [line for index, line in enumerate(lines) if index not in rulers and index + 1 not in rulers]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body]


def folders(cell):
    """Return the folders of the tests that a cell refers to, relative to the repository."""
    return {
        footnotes.file_of(label).parent.relative_to(REPOSITORY).as_posix() + "/" for label in footnotes.references(cell)
    }


def test_each_claim_is_proved_on_the_lab():
    """Whatever docs/compare.md says that the library has, a test on the lab proves."""
    claims = [(feature, here, folders(tests)) for feature, here, *_, tests in rows("docs/compare.md")]
    assert [feature for feature, here, _ in claims if not re.match(r"[✔◐✘]|in unit tests", here)] == []
    assert [
        feature
        for feature, here, tests in claims
        if here.startswith("✔") and not any(folder.startswith("tests/lab/") for folder in tests)
    ] == []
    assert [feature for feature, here, tests in claims if here.startswith("◐") and not tests] == []


def test_each_rule_is_held_by_a_test():
    """Whatever docs/rules.md says that the library does, a test shows."""
    rules = rows("docs/rules.md")
    assert [rule for rule, _, does, tests in rules if not folders(tests) and not does.startswith(WITHOUT_TEST)] == []
    assert {does.split()[0].strip(",:;") for _, _, does, _ in rules} <= {
        "rejects",
        "ensures",
        "warns",
        "documents",
        "none",
    }


def test_sources_of_rules_are_named_once():
    """Each source that docs/rules.md refers to is listed below, and none is listed in vain."""
    text = (REPOSITORY / "docs" / "rules.md").read_text()
    listed = re.findall(r"^\[([\w-]+)\]: https://", text, re.MULTILINE)
    assert sorted(listed) == sorted(set(re.findall(r"\]\[([\w-]+)\]", text)))


def test_each_term_of_the_glossary_has_a_source():
    """Each line of docs/glossary.md has a term, one sentence and a source; terms are in alphabetical order."""
    terms = rows("docs/glossary.md")
    assert [
        term for term, meaning, source in terms if not meaning or not re.fullmatch(r"\[[^\]]+\]\([^)]+\)", source)
    ] == []
    names = [term.lower() for term, *_ in terms]
    assert names == sorted(set(names))


@pytest.mark.parametrize("decision", sorted((REPOSITORY / "docs" / "adr").glob("0*.md")), ids=lambda path: path.stem)
def test_each_decision_has_the_common_form(decision):
    """Each decision has the paragraphs Chosen, Why and Cost, and the list of decisions leads to it."""
    paragraphs = re.findall(r"^\*\*(Chosen|Why|Cost)\.\*\*", decision.read_text(), re.MULTILINE)
    assert paragraphs == ["Chosen", "Why", "Cost"]
    assert f"({decision.name})" in (decision.parent / "README.md").read_text()
