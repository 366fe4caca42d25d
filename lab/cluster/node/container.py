"""One run of one container: a process of this machine under a shim, its output in a log."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .logs import ContainerLog

SHIM = Path(__file__).with_name("shim.py")
CHUNK = 64 * 1024


@dataclass(frozen=True)
class Command:
    """What a container runs: a program by its path, its whole environment, and where it stands."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path


class ContainerProcess:
    """A started container. Made by `start`, from the node's one thread: the kernel ties the shim's life to it."""

    def __init__(self, process: asyncio.subprocess.Process, log: ContainerLog) -> None:
        self._process = process
        self._log = log
        self._ended = asyncio.ensure_future(self._collect())

    @classmethod
    async def start(cls, command: Command, log: ContainerLog) -> ContainerProcess:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(SHIM),
            str(os.getpid()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={},
            start_new_session=True,
        )
        assert process.stdin is not None
        document = {"argv": list(command.argv), "env": dict(command.env), "cwd": str(command.cwd)}
        process.stdin.write(json.dumps(document).encode())
        process.stdin.close()
        return cls(process, log)

    async def wait(self) -> int:
        """The exit code, once nothing of the container runs and its log is complete."""
        return await asyncio.shield(self._ended)

    def terminate(self) -> None:
        """Ask the program to end (SIGTERM)."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the program and all that it started."""
        self._signal(signal.SIGUSR1)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def _collect(self) -> int:
        assert self._process.stdout is not None
        try:
            while data := await self._process.stdout.read(CHUNK):
                self._log.append(data)
            code = await self._process.wait()
        finally:
            self._log.close()
        return code if code >= 0 else 128 - code
