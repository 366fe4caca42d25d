"""A container's log: each line with its time, as containerd writes it, so that `--timestamps` and `--since` work.

A line of the file is `<time> <F|P> <text>`: F is a full line, P a part of one that had no end yet.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lab.pki import write_secret

LONGEST_PART = 16 * 1024
ROTATE_AT = 10 * 1024 * 1024


@dataclass(frozen=True)
class LogOptions:
    """What `kubectl logs` asks for."""

    follow: bool = False
    tail: int | None = None
    timestamps: bool = False
    since: datetime | None = None
    limit_bytes: int | None = None


class ContainerLog:
    """The log of one run of one container. A full file is put aside and begun again; only the newest is read."""

    def __init__(self, path: Path) -> None:
        self._path = write_secret(path, b"")
        self._file = path.open("ab", buffering=0)
        self._rest = b""
        self._rotations = 0
        self._closed = False
        self._news = asyncio.Event()

    def append(self, data: bytes) -> None:
        """Take what the program wrote."""
        *lines, rest = (self._rest + data).split(b"\n")
        stamp = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").encode()
        entries = [b"%b F %b\n" % (stamp, line) for line in lines]
        while len(rest) >= LONGEST_PART:
            entries.append(b"%b P %b\n" % (stamp, rest[:LONGEST_PART]))
            rest = rest[LONGEST_PART:]
        self._rest = rest
        if entries:
            self._write(b"".join(entries))

    def close(self) -> None:
        """The program has ended: nothing more will come."""
        if self._rest:
            stamp = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").encode()
            self._write(b"%b P %b\n" % (stamp, self._rest))
        self._closed = True
        self._file.close()
        self._news.set()

    async def read(self, options: LogOptions) -> AsyncIterator[bytes]:
        """The log as `options` ask for it; with `follow`, until the container ends."""
        budget = options.limit_bytes
        async for entry in self._entries(options):
            text = render(entry, timestamps=options.timestamps)
            if budget is not None:
                text = text[:budget]
                budget -= len(text)
            yield text
            if budget == 0:
                return

    def _write(self, data: bytes) -> None:
        if self._file.tell() + len(data) > ROTATE_AT:
            self._file.close()
            self._path.replace(self._path.with_suffix(".old"))
            self._file = write_secret(self._path, b"").open("ab", buffering=0)
            self._rotations += 1
        self._file.write(data)
        self._news.set()
        self._news = asyncio.Event()

    async def _entries(self, options: LogOptions) -> AsyncIterator[bytes]:
        rotation, file = self._rotations, self._path.open("rb")
        try:
            first: Iterator[bytes] = (line for line in file if options.since is None or written(line) >= options.since)
            for line in first if options.tail is None else deque(first, maxlen=options.tail):
                yield line
            while options.follow:
                news, closed = self._news, self._closed
                for line in file:
                    yield line
                if rotation != self._rotations:
                    file.close()
                    rotation, file = self._rotations, self._path.open("rb")
                elif closed:
                    return
                elif news is self._news:
                    await news.wait()
        finally:
            file.close()


def written(entry: bytes) -> datetime:
    """When the entry was written."""
    return datetime.fromisoformat(entry.split(b" ", 1)[0].decode())


def render(entry: bytes, *, timestamps: bool) -> bytes:
    """What the program wrote, with its time in front if asked for."""
    stamp, kind, text = entry.removesuffix(b"\n").split(b" ", 2)
    end = b"\n" if kind == b"F" else b""
    return (stamp + b" " if timestamps else b"") + text + end
