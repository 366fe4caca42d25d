"""What a command takes: time on the clock, and processor time of everything that it starts.

The engine ends its plugins without waiting for them, so their time is lost to whoever waits for the engine alone. Here
the command runs below a process of its own that inherits what others leave behind (`PR_SET_CHILD_SUBREAPER`, Linux).
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
    """What a command took: itself and all that it started."""

    wall: float
    """Seconds on the clock."""
    cpu: float
    """Seconds of processor time, the system's included: less of other work on the machine is in it."""
    mib: float
    """The most memory that one of its processes had."""

    def __str__(self) -> str:
        return f"{self.wall:.1f} s, {self.cpu:.1f} s of processor time, {self.mib:.0f} MiB"


def measured(command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Cost:
    """What `command` took. Raises `SystemExit` with what it said where it fails."""
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
    with os.fdopen(reading) as answer:
        said = answer.read()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return Cost(*json.loads(said))


def ratio(raw: Sequence[float], components: Sequence[float]) -> str:
    """The median of the rounds' ratios, and the least and the greatest of them."""
    ratios = [one / other for one, other in zip(components, raw, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def in_turns(turn: int) -> tuple[str, str]:
    """The two ways, the other one first in each second round: what the machine does meanwhile falls on both alike."""
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
