"""Runs a program for a moment to learn that it runs here, and its version."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lab.tools.programs import VersionProbe

# A cold 100 MB program on a busy machine takes some seconds to be read from the disk.
_SECONDS = 60
_QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "true"}


class NoAnswerError(Exception):
    """The program does not run here, or says something else than expected.

    `lasting`: it ran well and said so, and would say the same again.
    """

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


def ask(path: Path, says: VersionProbe) -> str:
    """The version that the program at `path` says it is; empty where `says` names no version.

    Raises:
        NoAnswerError: it cannot be started, does not end within a minute, or its output does not match.
    """
    try:
        done = subprocess.run(
            [path, *says.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            env={**os.environ, **_QUIET},
            check=False,
        )
    except OSError as error:
        raise NoAnswerError(f"cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise NoAnswerError(f"did not answer `{' '.join(says.arguments)}` within {_SECONDS} s") from error
    output = done.stdout.decode(errors="replace")
    match = re.search(says.pattern, output, re.MULTILINE)
    if match is None:
        line = next(iter(output.strip().splitlines()), "")
        raise NoAnswerError(
            f"says no version: exit code {done.returncode}, {line[:120]!r}", lasting=done.returncode == 0
        )
    return match[1] if match.re.groups else ""
