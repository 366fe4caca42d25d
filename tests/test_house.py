"""The form of the code, held by the tools that judge it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.lab_dir import cache_root

REPOSITORY = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


MYPY = ("mypy", "--cache-dir", str(cache_root() / "mypy"))  # reading pulumi_aws anew takes a minute and more


@pytest.mark.parametrize(
    "command",
    [("ruff", "check"), ("ruff", "format", "--check"), ("lint-imports",), MYPY],
    ids=lambda command: " ".join(command[:2]),
)
def test_form(command):
    """Linter, formatter, layer contract and strict types have nothing to say."""
    program, *arguments = command
    done = subprocess.run([BIN / program, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_literal_partition():
    """No component and no stack writes `arn:aws:` by hand: it breaks in the China and GovCloud partitions."""
    sources = [file for folder in ("components", "stacks") for file in (REPOSITORY / folder).rglob("*.py")]
    assert sources
    guilty = [file for file in sources if re.search(r"[\"']arn:aws:", file.read_text())]
    assert not guilty


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-uv.txt"])
def test_every_pinned_package_has_hashes(lock):
    """What is installed is what was locked, by its hashes; the project's own distributions are no pins."""
    text = (REPOSITORY / lock).read_text()
    pinned = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    assert pinned
    assert "eks-identity" not in pinned
    assert re.findall(r"^([\w.-]+)==[^\n]+ \\\n    --hash=sha256:", text, re.MULTILINE) == pinned
