"""What the documentation points at is there: files, and the tests that prove a row of a table."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
TEST = re.compile(r"`?(?P<name>test_\w+)`?$")
HIDDEN = {".venv", "node_modules", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
DOCUMENTS = sorted(
    document.relative_to(REPOSITORY).as_posix()
    for document in REPOSITORY.rglob("*.md")
    if not HIDDEN & set(document.relative_to(REPOSITORY).parts)
)
NO_TEST = ("documents", "nothing to do")
"""What a rule begins with that asks nothing of the library."""


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
        named = TEST.search(text)
        if named and path.suffix == ".py":
            assert named["name"] in functions(path.resolve()), f"{document}: {text} is not in {target}"


def rows(document):
    """The cells of each row of the document's tables, without head and ruler."""
    lines = [line for line in (REPOSITORY / document).read_text().splitlines() if line.startswith("|")]
    rulers = [index for index, line in enumerate(lines) if re.fullmatch(r"[|\s:-]+", line)]
    kept = [line for index, line in enumerate(lines) if index not in rulers and index + 1 not in rulers]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in kept]


def test_each_claim_is_proved_on_the_lab():
    """Whatever docs/compare.md says that the library has, a test on the lab proves."""
    claims = rows("docs/compare.md")
    assert [feature for feature, here, *_ in claims if not re.match(r"[✔◐✘]|in unit tests", here)] == []
    assert [feature for feature, here, *_ in claims if here.startswith("✔") and "../tests/lab/" not in here] == []
    assert [feature for feature, here, *_ in claims if here.startswith("◐") and "../tests/" not in here] == []


def test_each_rule_is_held_by_a_test():
    """Whatever docs/rules.md says that the library does, a test shows."""
    rules = rows("docs/rules.md")
    assert [rule for rule, does, tests in rules if "../tests/" not in tests and not does.startswith(NO_TEST)] == []
    assert {does.split()[0].strip(",:;") for _, does, _ in rules} <= {
        "refuses",
        "makes",
        "reports",
        "documents",
        "nothing",
    }


def test_sources_of_rules_are_named_once():
    """Each source that docs/rules.md refers to is listed below, and none is listed in vain."""
    text = (REPOSITORY / "docs" / "rules.md").read_text()
    listed = re.findall(r"^\[([\w-]+)\]: https://", text, re.MULTILINE)
    assert sorted(listed) == sorted(set(re.findall(r"\]\[([\w-]+)\]", text)))
