"""mypy, with one cache for all checkouts: without a cache it reads pulumi_aws for a minute."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from lab.lab_dir import cache_root

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = cache_root() / "mypy"


def run_mypy(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run mypy. Checkouts take turns: each would read what another one has just written for a file of the same name."""
    command = [sys.executable, "-m", "mypy", "--cache-dir", CACHE, *arguments]
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "lock"):
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def lines_without_errors(program: str, wrong: Mapping[str, str], folder: Path) -> list[str]:
    """Append each line of `wrong` to a valid program. Return the keys of the lines that mypy accepts.

    Raises `AssertionError` if mypy reports the program itself.
    """
    right, both = folder / "right.py", folder / "wrong.py"
    right.write_text(program)
    both.write_text(program + "\n".join(wrong.values()) + "\n")
    result = run_mypy("--no-error-summary", right, both)
    errors = [line.split(":")[:2] for line in result.stdout.splitlines() if ": error:" in line]
    first = program.count("\n") + 1
    # mypy repeats what it has cached of an equal file, with the folder of an earlier run.
    numbers = {int(number) for file, number in errors if Path(file).name == both.name}
    assert result.returncode == 1, result.stdout + result.stderr
    assert all(Path(file).name == both.name for file, _ in errors), result.stdout
    assert min(numbers) >= first, result.stdout
    return [key for number, key in enumerate(wrong, first) if number not in numbers]
