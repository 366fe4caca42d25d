"""One run of one container: a local process under a shim, with its output in a log."""

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
from .seccomp import build_filter

SHIM_COMMAND = (sys.executable, "-I", "-S", str(Path(__file__).with_name("shim.py")))
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class FileAccess:
    """The files and folders of one container, in addition to those of the machine that every container reads."""

    readable: Sequence[Path] = ()
    writable: Sequence[Path] = ()


@dataclass(frozen=True)
class Command:
    """The command of a container: path and arguments, the complete environment, the working directory, and files."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    files: FileAccess

    def encode(self, ruleset: int | None) -> bytes:
        """Return the command for the shim, which confines it with the Landlock ruleset of this descriptor."""
        confinement = None if ruleset is None else {"ruleset": ruleset, "filter": build_filter().hex()}
        command = {"argv": list(self.argv), "env": dict(self.env), "cwd": str(self.cwd), "confinement": confinement}
        return json.dumps(command).encode()


class ContainerProcess:
    """A running container.

    Call `start` on the node's thread, because the kernel kills the shim when that thread ends.
    """

    def __init__(self, process: asyncio.subprocess.Process, log: ContainerLog) -> None:
        self._process = process
        self._log = log
        self._exit = asyncio.ensure_future(self._collect())

    @classmethod
    async def start(cls, command: Command, log: ContainerLog, ruleset: int | None) -> ContainerProcess:
        process = await asyncio.create_subprocess_exec(
            *SHIM_COMMAND,
            str(os.getpid()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={},
            start_new_session=True,
            pass_fds=() if ruleset is None else [ruleset],
        )
        assert process.stdin is not None
        process.stdin.write(command.encode(ruleset))
        process.stdin.close()
        return cls(process, log)

    @property
    def pid(self) -> int:
        """The process id of the shim, whose descendants are the container's processes."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait until all processes of the container have ended and its log is complete. Return the exit code."""
        return await asyncio.shield(self._exit)

    def terminate(self) -> None:
        """Send SIGTERM to the program."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the program and all its descendants."""
        self._signal(signal.SIGUSR1)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def _collect(self) -> int:
        assert self._process.stdout is not None
        try:
            while data := await self._process.stdout.read(CHUNK_BYTES):
                self._log.append(data)
            code = await self._process.wait()
        finally:
            self._log.close()
        return code if code >= 0 else 128 - code
