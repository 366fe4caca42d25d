"""Probe a program: run it briefly to verify that it runs on this machine, and to read its version."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lab.tools.programs import VersionProbe

# Reading a 100 MB program from the disk of a busy machine takes some seconds.
_SECONDS = 60
_QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "true"}


class ProbeError(Exception):
    """The program does not run on this machine, or prints no version.

    `is_permanent`: the program ran successfully, so another run would print the same.
    """

    def __init__(self, reason: str, *, is_permanent: bool = False) -> None:
        super().__init__(reason)
        self.is_permanent = is_permanent


def probe_version(path: Path, probe: VersionProbe) -> str:
    """Return the version that the program at `path` prints; empty if the pattern of `probe` has no group.

    Raises:
        ProbeError: the program does not start, does not end within a minute, or its output does not match.
    """
    try:
        completed = subprocess.run(
            [path, *probe.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            env={**os.environ, **_QUIET},
            check=False,
        )
    except OSError as error:
        raise ProbeError(f"cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise ProbeError(f"did not end within {_SECONDS} s on `{' '.join(probe.arguments)}`") from error
    output = completed.stdout.decode(errors="replace")
    match = re.search(probe.pattern, output, re.MULTILINE)
    if match is None:
        line = next(iter(output.strip().splitlines()), "")
        raise ProbeError(
            f"prints no version: exit code {completed.returncode}, {line[:120]!r}",
            is_permanent=completed.returncode == 0,
        )
    return match[1] if match.re.groups else ""
