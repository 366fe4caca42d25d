"""A container's log in containerd's format: each line has its time, for `--timestamps` and `--since`.

A line of the file is `<time> <F|P> <text>`: F is a full line, P a part of a line that has not ended yet.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lab.pki import write_secret

MAX_PART_BYTES = 16 * 1024
MAX_FILE_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class LogOptions:
    """Options of `kubectl logs`."""

    follow: bool = False
    tail: int | None = None
    timestamps: bool = False
    since: datetime | None = None
    limit_bytes: int | None = None


class ContainerLog:
    """The log of one run of one container. A full file is rotated; only the newest file is read."""

    def __init__(self, path: Path) -> None:
        self._path = write_secret(path, b"")
        self._file = path.open("ab", buffering=0)
        self._partial_line = b""
        self._rotations = 0
        self._is_closed = False
        self._new_data = asyncio.Event()

    def append(self, data: bytes) -> None:
        """Append output of the program."""
        *lines, partial_line = (self._partial_line + data).split(b"\n")
        stamp = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").encode()
        entries = [b"%b F %b\n" % (stamp, line) for line in lines]
        while len(partial_line) >= MAX_PART_BYTES:
            entries.append(b"%b P %b\n" % (stamp, partial_line[:MAX_PART_BYTES]))
            partial_line = partial_line[MAX_PART_BYTES:]
        self._partial_line = partial_line
        if entries:
            self._write(b"".join(entries))

    def close(self) -> None:
        """Close the log when the program has ended."""
        if self._partial_line:
            stamp = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").encode()
            self._write(b"%b P %b\n" % (stamp, self._partial_line))
        self._is_closed = True
        self._file.close()
        self._new_data.set()

    async def read(self, options: LogOptions) -> AsyncIterator[bytes]:
        """Yield the log as `options` select it; with `follow`, until the container ends."""
        budget = options.limit_bytes
        async for entry in self._entries(options):
            text = format_entry(entry, timestamps=options.timestamps)
            if budget is not None:
                text = text[:budget]
                budget -= len(text)
            yield text
            if budget == 0:
                return

    def _write(self, data: bytes) -> None:
        if self._file.tell() + len(data) > MAX_FILE_BYTES:
            self._file.close()
            self._path.replace(self._path.with_suffix(".old"))
            self._file = write_secret(self._path, b"").open("ab", buffering=0)
            self._rotations += 1
        self._file.write(data)
        self._new_data.set()
        self._new_data = asyncio.Event()

    async def _entries(self, options: LogOptions) -> AsyncIterator[bytes]:
        rotation, file = self._rotations, self._path.open("rb")
        try:
            selected: Iterator[bytes] = (
                line for line in file if options.since is None or read_timestamp(line) >= options.since
            )
            for line in selected if options.tail is None else deque(selected, maxlen=options.tail):
                yield line
            while options.follow:
                new_data, is_closed = self._new_data, self._is_closed
                for line in file:
                    yield line
                if rotation != self._rotations:
                    file.close()
                    rotation, file = self._rotations, self._path.open("rb")
                elif is_closed:
                    return
                elif new_data is self._new_data:
                    await new_data.wait()
        finally:
            file.close()


def read_timestamp(entry: bytes) -> datetime:
    """Return the time at which the entry was written."""
    return datetime.fromisoformat(entry.split(b" ", 1)[0].decode())


def format_entry(entry: bytes, *, timestamps: bool) -> bytes:
    """Return the program's output of an entry, with its time in front if `timestamps` is set."""
    stamp, kind, text = entry.removesuffix(b"\n").split(b" ", 2)
    end = b"\n" if kind == b"F" else b""
    return (stamp + b" " if timestamps else b"") + text + end
