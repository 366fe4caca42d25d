"""Faults that the lab's AWS injects into calls: throttling, errors, slow responses, lost connections, clock skew.

`python -m lab faults` writes them to `faults.json` in the lab's folder, and the lab's AWS reads that file before each
call. Whether the n-th call that matches a fault fails depends only on the fault's seed and on n. Each injected fault is
one line of JSON in `faults.log`.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from lab.errors import UsageError

_ACTION = re.compile(r"\*|[a-z0-9*-]+:[A-Za-z0-9*?]+")


class FaultKind(StrEnum):
    """Kinds of faults, as AWS's clients see them."""

    THROTTLE = "throttle"
    """The service's throttling error; nothing is done."""
    ERROR = "error"
    """The service's internal error with status 500; nothing is done."""
    SLOW = "slow"
    """The call is done after a delay."""
    RESET = "reset"
    """The connection is reset; nothing is done."""
    LOST = "lost"
    """The call is done, and the connection is reset instead of a response."""
    EXPIRE = "expire"
    """The session's credentials have expired. Access keys of users do not expire."""
    SKEW = "skew"
    """AWS's clock is ahead of the machine's, or behind it by a negative number of seconds. It concerns all calls."""


@dataclass(frozen=True)
class Fault:
    """A fault of the calls of an action."""

    kind: FaultKind
    action: str = "*"
    """Service and operation with wildcards, such as `eks:Describe*`; `*` for all calls."""
    rate: float = 1.0
    """Share of the matching calls."""
    seed: int = 0
    after: int = 0
    """Number of matching calls that come first and have no fault."""
    times: int | None = None
    """Number of faults, after which calls have none; None for no limit."""
    seconds: float = 1.0
    """Delay of `slow`, or offset of `skew`."""

    def __post_init__(self) -> None:
        """Raise `UsageError` for values that no call can match."""
        if not _ACTION.fullmatch(self.action):
            raise UsageError(
                f"action {self.action!r} must be SERVICE:OPERATION or *", fix="pass an action, such as 'eks:Describe*'"
            )
        if not 0 < self.rate <= 1:
            raise UsageError(f"rate {self.rate} must be above 0 and at most 1", fix="pass a share, such as 0.3")
        if self.kind is not FaultKind.SKEW and self.seconds < 0:
            raise UsageError(f"seconds {self.seconds} must not be negative", fix="pass the delay in seconds")

    def matches(self, action: str) -> bool:
        return self.kind is not FaultKind.SKEW and fnmatchcase(action, self.action)

    def hits(self, call: int) -> bool:
        """Return whether the `call`-th matching call, from 0, has the fault, without regard to `times`."""
        if call < self.after:
            return False
        return random.Random(f"{self.seed}:{call}").random() < self.rate  # noqa: S311 - repeatable, not secret


class FaultFile:
    """The faults of one lab, and the log of those that were injected."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "faults.json"
        self.log = folder / "faults.log"

    def read(self) -> list[Fault]:
        if not self.path.exists():
            return []
        return [Fault(**{**fault, "kind": FaultKind(fault["kind"])}) for fault in json.loads(self.path.read_text())]

    def write(self, faults: Sequence[Fault]) -> None:
        """Replace all faults. Their calls are counted from 0."""
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps([asdict(fault) for fault in faults], indent=2))
        new.replace(self.path)

    def clear(self) -> None:
        """Remove all faults, and empty the log."""
        self.write([])
        self.log.unlink(missing_ok=True)

    def injected(self) -> Counter[tuple[FaultKind, str]]:
        """Return the number of injected faults by kind and action."""
        if not self.log.exists():
            return Counter()
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return Counter((FaultKind(line["kind"]), line["action"]) for line in lines)


class FaultSwitch:
    """Decides which calls have a fault. It reads the file again when it changes."""

    def __init__(self, file: FaultFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._version: tuple[int, int] | None = None
        self._faults: list[Fault] = []
        self._calls: list[int] = []
        self._hits: list[int] = []

    def next_fault(self, action: str, *, is_session: bool) -> Fault | None:
        """Return the fault of a call, the first that hits it. `is_session` is true for temporary credentials."""
        with self._lock:
            self._update()
            for index, fault in enumerate(self._faults):
                if not fault.matches(action) or (fault.kind is FaultKind.EXPIRE and not is_session):
                    continue
                call = self._calls[index]
                self._calls[index] += 1
                if fault.hits(call) and (fault.times is None or self._hits[index] < fault.times):
                    self._hits[index] += 1
                    self._record(fault, action)
                    return fault
        return None

    def clock_offset(self) -> timedelta:
        """Return AWS's clock minus the machine's."""
        with self._lock:
            self._update()
            skews = [fault.seconds for fault in self._faults if fault.kind is FaultKind.SKEW]
        return timedelta(seconds=sum(skews))

    def _update(self) -> None:
        try:
            status = self._file.path.stat()
        except FileNotFoundError:
            return
        version = (status.st_mtime_ns, status.st_ino)
        if version != self._version:
            self._version, self._faults = version, self._file.read()
            self._calls, self._hits = [0] * len(self._faults), [0] * len(self._faults)

    def _record(self, fault: Fault, action: str) -> None:
        with self._file.log.open("a") as log:
            log.write(json.dumps({"kind": fault.kind, "action": action}) + "\n")
