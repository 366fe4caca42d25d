"""mypy, with one cache for all checkouts: without a cache it reads pulumi_aws for a minute."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from lab.lab_dir import cache_root

REPOSITORY = Path(__file__).resolve().parents[2]
MYPY = ("mypy", "--cache-dir", str(cache_root() / "mypy"))


def lines_without_errors(program: str, wrong: Mapping[str, str], folder: Path) -> list[str]:
    """Append each line of `wrong` to a valid program. Return the keys of the lines that mypy accepts.

    Raises `AssertionError` if mypy reports the program itself.
    """
    right, both = folder / "right.py", folder / "wrong.py"
    right.write_text(program)
    both.write_text(program + "\n".join(wrong.values()) + "\n")
    command = [sys.executable, "-m", *MYPY, "--no-error-summary", right, both]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    errors = [line.split(":")[:2] for line in result.stdout.splitlines() if ": error:" in line]
    first = program.count("\n") + 1
    numbers = {int(number) for file, number in errors if Path(file) == both}
    assert result.returncode == 1, result.stdout + result.stderr
    assert all(Path(file) == both for file, _ in errors), result.stdout
    assert min(numbers) >= first, result.stdout
    return [key for number, key in enumerate(wrong, first) if number not in numbers]
