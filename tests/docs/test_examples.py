"""Each example is listed and tested."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(readme.parent.name for readme in REPOSITORY.glob("examples/*/README.md"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_listed_and_has_its_test(example):
    """The list of examples leads to it, and a test on the lab names its folder."""
    assert f"({example}/README.md)" in (REPOSITORY / "examples/README.md").read_text()
    tests = (test.read_text() for test in (REPOSITORY / "tests/lab").rglob("test_*.py"))
    assert any(f'"{example}"' in test or f"examples/{example}" in test for test in tests)
