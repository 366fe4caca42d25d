"""The form of the code and of the lock files, checked by the tools that `make check` runs."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from support.type_checking import lines_without_errors, run_mypy

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


def followed_modules(package):
    """Return the modules of a package that mypy reads, as the overrides in pyproject.toml name them."""
    overrides = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    modules = [module for each in overrides if each.get("follow_imports") == "normal" for module in each["module"]]
    return {module.split(".")[1] for module in modules if module.startswith(f"{package}.")}


def used_members(source, package):
    """Return the members of a package that a module uses: `aws.iam` and `from pulumi_aws.iam import Role`."""
    aliases = {package}
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {each.asname or each.name for each in node.names if each.name == package}
            yield from (each.name.split(".")[1] for each in node.names if each.name.startswith(f"{package}."))
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{package}."):
            yield node.module.split(".")[1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield node.attr


def test_types_of_used_modules_of_pulumi_aws_are_checked():
    """Code that uses another module of pulumi_aws adds it to pyproject.toml, or mypy would take it as Any."""
    files = [file for folder in ("components", "stacks") for file in (REPOSITORY / folder).rglob("*.py")]
    sources = [source for file in files if "pulumi_aws" in (source := file.read_text())]
    modules = {member for source in sources for member in used_members(source, "pulumi_aws")}
    modules = {re.sub(r"_output$", "", member) for member in modules if member[0].islower()}
    assert modules >= {"iam", "eks", "ec2", "get_partition"}
    assert modules <= followed_modules("pulumi_aws")


def test_wrong_argument_of_an_aws_resource_is_a_type_error(tmp_path):
    program = "import pulumi_aws as aws\n\naws.iam.Role('r', assume_role_policy='x')\n"
    wrong = {
        "role": "aws.iam.Role('r', assume_role_policy=1)",
        "cluster": "aws.eks.Cluster('c', role_arn=[])",
        "subnet": "aws.ec2.Subnet('s', vpc_id='v', colour='red')",
        "partition": "aws.get_partition(1)",
    }
    assert lines_without_errors(program, wrong, tmp_path) == []


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


@pytest.fixture(scope="module")
def distributions():
    return packages_distributions()


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
def test_every_imported_package_is_declared(folder, distributions):
    """A package that the code imports is named in requirements.txt or requirements-lab.txt."""
    names = {name for file in (REPOSITORY / folder).rglob("*.py") for name in imported(file.read_text())}
    undeclared = {
        name
        for name in names & distributions.keys()
        if name not in sys.stdlib_module_names
        and not {normalized(package) for package in distributions[name]} & declared()
    }
    assert undeclared == set()
