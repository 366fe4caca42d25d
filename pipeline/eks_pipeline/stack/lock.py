"""The lock of a stack in a backend without a service (S3, Azure, Google Cloud, files): its holder, and whether it runs.

Such a backend keeps a lock as a file with the user, the host and the process that created it. Nothing removes the file
when that process is killed: https://github.com/pulumi/pulumi/issues/17876. The engine prints these files when it finds
them, so this module needs no access to the backend.
"""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

_LINE = re.compile(
    r"^\s*(?P<file>.+): created by (?P<user>.+)@(?P<host>[^@\s]+) \(pid (?P<pid>\d+)\) at (?P<created>\S+)$",
    re.MULTILINE,
)
_PRECISION = timedelta(seconds=2)
"""The engine prints whole seconds, and Linux has the start of the machine in whole seconds."""
_PROC = Path("/proc")
_STATE, _START = 0, 19
"""Fields of /proc/PID/stat after the name of the program. Source: proc_pid_stat(5)."""


class HolderState(StrEnum):
    """Whether the process that created a lock still runs."""

    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class LockHolder:
    """The process that created the lock of a stack."""

    file: str
    """URL of the lock's file in the backend."""
    user: str
    host: str
    pid: int
    created: datetime

    @property
    def state(self) -> HolderState:
        """Whether the process runs. Unknown for other hosts."""
        if self.host != socket.gethostname():
            return HolderState.UNKNOWN
        return HolderState.RUNNING if _is_running(self.pid, self.created) else HolderState.ENDED


def read_holders(text: str) -> list[LockHolder]:
    """Return the locks in a message of the engine. The message of Pulumi Cloud has none."""
    return [
        LockHolder(
            match["file"], match["user"], match["host"], int(match["pid"]), datetime.fromisoformat(match["created"])
        )
        for match in _LINE.finditer(text)
    ]


def is_race(holders: list[LockHolder], started: datetime) -> bool:
    """Return whether a command that started at that time met locks that are all newer.

    Two commands that start together can each find the lock of the other, and then both give up.
    """
    return bool(holders) and all(holder.created >= started.replace(microsecond=0) for holder in holders)


def explain(stack: str, holders: list[LockHolder], cancel: str) -> str:
    """Return why the lock of a stack is held and what to do; `cancel` is the command that removes the lock."""
    lines = [f"stack {stack!r} is locked by another update", *map(_describe, holders)]
    states = {holder.state for holder in holders}
    if HolderState.RUNNING in states:
        fix = "wait for the running update, or cancel it with Ctrl-C"
    elif states == {HolderState.ENDED}:
        fix = f"remove the lock of the killed update: run `{cancel}`, then preview again"
    else:
        fix = f"wait for it; if it was killed, run `{cancel}` to remove its lock"
    return "\n".join([*lines, f"  fix: {fix}"])


def _describe(holder: LockHolder) -> str:
    created = holder.created.astimezone(UTC)
    sentences = {
        HolderState.RUNNING: "that process runs",
        HolderState.ENDED: "no such process runs on this host, so the lock is orphaned",
        HolderState.UNKNOWN: f"this host cannot see whether that process runs on {holder.host}",
    }
    return (
        f"  locked {_age(datetime.now(UTC) - created)} ago ({created:%Y-%m-%d %H:%M:%S} UTC) by {holder.user} on"
        f" {holder.host}, process {holder.pid}: {sentences[holder.state]}\n  lock: {holder.file}"
    )


def _age(duration: timedelta) -> str:
    """Return a duration in its greatest unit."""
    seconds = max(0, int(duration.total_seconds()))
    for name, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds} s"


def _is_running(pid: int, created: datetime) -> bool:
    """Return whether the process that created a lock runs. A process that started later has only its number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        booted = next(line for line in (_PROC / "stat").read_text().splitlines() if line.startswith("btime "))
    except OSError:  # not Linux, or it has just ended
        return True
    started = int(booted.split()[1]) + int(fields[_START]) / os.sysconf("SC_CLK_TCK")
    return fields[_STATE] != "Z" and datetime.fromtimestamp(started, UTC) <= created + _PRECISION
