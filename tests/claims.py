"""List the claims of the tests that are gone since a commit: `python tests/claims.py COMMIT`.

A claim is the docstring of a test, its name if it has none, or a value of a table `CLAIMS`. A claim that moved to
another file, or is part of another test's docstring, is not gone. The exit status is 1 if a claim is gone.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def claims(source: str) -> Iterator[str]:
    """Return the claim of each test of a module, as one line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["CLAIMS"]:
            yield from (" ".join(claim.split()) for claim in ast.literal_eval(node.value).values())
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield " ".join((ast.get_docstring(node) or node.name).split())


def at(commit: str) -> set[str]:
    """Return the claims of every test file of a commit."""

    def git(*command: str) -> str:
        return subprocess.run(["git", *command], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout

    files = git("ls-tree", "-r", "--name-only", commit, "tests").splitlines()
    sources = (git("show", f"{commit}:{file}") for file in files if Path(file).match("test_*.py"))
    return {claim for source in sources for claim in claims(source)}


def here() -> set[str]:
    """Return the claims of every test file in the working tree."""
    return {claim for file in (REPOSITORY / "tests").rglob("test_*.py") for claim in claims(file.read_text())}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("commit", help="the commit to compare with")
    before, now = at(arguments.parse_args().commit), here()
    gone = sorted(claim for claim in before - now if not any(claim in other for other in now))
    for claim in gone:
        sys.stdout.write(f"gone: {claim}\n")
    sys.stdout.write(f"{len(before)} claims before, {len(now)} now, {len(gone)} gone\n")
    return 1 if gone else 0


if __name__ == "__main__":
    sys.exit(main())
