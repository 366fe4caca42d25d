"""The form of the code and of the lock files, checked by the tools that `make check` runs."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from support.type_checking import run_mypy

REPOSITORY = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [("ruff", "check"), ("ruff", "format", "--check"), ("lint-imports",)],
    ids=lambda command: " ".join(command[:2]),
)
def test_form(command):
    """Linter, formatter and layer contracts report nothing."""
    program, *arguments = command
    done = subprocess.run([BIN / program, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_types():
    """The type checker reports nothing."""
    done = run_mypy()
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_literal_partition():
    """No component and no stack writes `arn:aws:` by hand: it breaks in the China and GovCloud partitions."""
    sources = [file for folder in ("components", "stacks") for file in (REPOSITORY / folder).rglob("*.py")]
    assert sources
    guilty = [file for file in sources if re.search(r"[\"']arn:aws:", file.read_text())]
    assert not guilty


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-uv.txt", "requirements-docs.txt"])
def test_every_pinned_package_has_hashes(lock):
    """Every package of the lock has hashes, except the project's own distributions."""
    text = (REPOSITORY / lock).read_text()
    pinned = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    assert pinned
    assert "eks-identity" not in pinned
    assert re.findall(r"^([\w.-]+)==[^\n]+ \\\n    --hash=sha256:", text, re.MULTILINE) == pinned


def normalized(name):
    """Return the name of a distribution as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared():
    """Return the distributions that the requirements files name."""
    lines = "\n".join((REPOSITORY / file).read_text() for file in ("requirements.txt", "requirements-lab.txt"))
    return {normalized(name) for name in re.findall(r"^([A-Za-z][\w.-]*)", lines, re.MULTILINE)} | {
        "eks-identity",
        "eks-access",
        "eks-pipeline",
    }


def imported(source):
    """Return the top-level names that a module imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize(
    "folder",
    [
        "components/eks_identity",
        "access_graph/eks_access",
        "stacks",
        "pipeline/eks_pipeline",
        "lab",
        "tests",
        "examples",
    ],
)
def test_every_imported_package_is_declared(folder):
    """A package that the code imports is named in requirements.txt or requirements-lab.txt."""
    distributions = packages_distributions()
    names = {name for file in (REPOSITORY / folder).rglob("*.py") for name in imported(file.read_text())}
    undeclared = {
        name
        for name in names & distributions.keys()
        if name not in sys.stdlib_module_names
        and not {normalized(package) for package in distributions[name]} & declared()
    }
    assert undeclared == set()
