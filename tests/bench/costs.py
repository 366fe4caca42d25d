"""The cost of a command: wall time, and processor time of all processes that it starts.

The engine ends its plugins without waiting for them, so a parent of the engine does not get their processor time. Here
the command runs in a process that adopts orphans (`PR_SET_CHILD_SUBREAPER`, Linux).
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_PR_SET_CHILD_SUBREAPER = 36


class Cost(NamedTuple):
    """The cost of a command and of all processes that it started."""

    wall: float
    """Seconds of wall time."""
    cpu: float
    """Seconds of processor time, the kernel's included. Other work on the machine changes it less than wall time."""
    mib: float
    """The peak memory of its largest process, in MiB."""

    def __str__(self) -> str:
        return f"{self.wall:.1f} s, {self.cpu:.1f} s of processor time, {self.mib:.0f} MiB"


def measure(command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Cost:
    """Return the cost of `command`. Raises `SystemExit` with its output if it fails."""
    reading, writing = os.pipe()
    done = subprocess.run(
        [sys.executable, "-S", __file__, str(writing), *command],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        pass_fds=[writing],
    )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        cost = pipe.read()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return Cost(*json.loads(cost))


def ratio(raw: Sequence[float], components: Sequence[float]) -> str:
    """Return the median of the rounds' ratios, with the least and the greatest."""
    ratios = [one / other for one, other in zip(components, raw, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def alternate(turn: int) -> tuple[str, str]:
    """Return the two variants in an order that alternates, so that other work on the machine affects both alike."""
    return ("components", "raw") if turn % 2 else ("raw", "components")


def median(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f}"


def _main(answer: int, command: list[str]) -> int:
    os.set_inheritable(answer, False)  # noqa: FBT003 - its only parameter
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.monotonic()
    code = subprocess.run(command, check=False).returncode
    wall = time.monotonic() - began
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    with os.fdopen(answer, "w") as stream:
        json.dump([wall, spent.ru_utime + spent.ru_stime, spent.ru_maxrss / 1024], stream)
    return code


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1]), sys.argv[2:]))
