"""The journal of a run: what was to do, and what is done. A run that ended early is resumed from it.

| file of the run's folder | content                                                          |
|--------------------------|------------------------------------------------------------------|
| `run.json`               | the request: operation, stacks and options                       |
| `journal.jsonl`          | one line for each stack that started or ended, written at once   |
| `preview.json`           | the previews of all stacks, for `--reviewed`                     |
| `comment.md`             | the same as Markdown                                             |
| `STACK/`                 | preview, event log and error output of one stack                 |
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from eks_pipeline.errors import UsageError
from eks_pipeline.report import Operation, Result
from eks_pipeline.stack.job import Options, decode, encode

FOLDER = ".eks-pipeline"
"""Folder of the runs, below the current folder."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is to do."""

    operation: Operation
    fleet: Path | None = None
    """The fleet file."""
    stacks: tuple[str, ...] = ()
    """Stacks and groups; of a fleet file, all if there are none."""
    project: Path
    """Folder of the Pulumi project, without a fleet file."""
    config_file: Path | None = None
    concurrency: int | None = None
    fail_fast: bool = False
    options: Options = Options()


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the journal."""

    stack: str
    at: datetime
    result: Result | None = None
    """None: the stack started."""
    inputs: dict[str, str] = {}
    reason: str = ""


class Journal:
    """The folder of a run, locked while the run goes on."""

    def __init__(self, folder: Path, request: Request) -> None:
        self.folder = folder
        self.request = request
        self._stream: IO[bytes] | None = None

    @classmethod
    def create(cls, runs: Path, request: Request) -> Self:
        """Create the folder of a new run below `runs`."""
        runs.mkdir(parents=True, exist_ok=True)
        (runs / ".gitignore").write_text("*\n")
        folder = runs / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
        folder.mkdir(mode=0o700)  # previews name what a stack contains
        (folder / "run.json").write_bytes(msgspec.json.format(encode(request), indent=2))
        return cls(folder, request)

    @classmethod
    def open(cls, runs: Path, run: str, operation: Operation) -> Self:
        """Open the folder of an earlier run; raise `UsageError` if it cannot be resumed."""
        folder = runs / re.sub(r"[^A-Za-z0-9-]", "_", run)[:100]  # a run's name has only these characters
        try:
            request = decode((folder / "run.json").read_bytes(), Request)
        except (OSError, msgspec.MsgspecError) as error:
            known_runs = sorted(each.name for each in runs.glob("*") if (each / "run.json").is_file())[-5:]
            fix = f"pass one of {', '.join(known_runs)}" if known_runs else "start a new run without --resume"
            raise UsageError(f"--resume {run!r} must be a run in {runs}: {error}\n  fix: {fix}") from error
        if request.operation is not operation:
            rule = f"must be a run of {operation}, and is one of {request.operation}"
            raise UsageError(f"--resume {run!r} {rule}\n  fix: run `eks-pipeline {request.operation} --resume {run}`")
        return cls(folder, request)

    def approve(self, digests: tuple[str, ...]) -> None:
        """Add approvals to those of the request, for the rest of the run."""
        approved = (*self.request.options.approved, *digests)
        options = msgspec.structs.replace(self.request.options, approved=approved)
        self.request = msgspec.structs.replace(self.request, options=options)

    def __enter__(self) -> Self:
        stream = (self.folder / "journal.jsonl").open("a+b")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.close()
            raise UsageError(f"run {self.folder.name} is in progress\n  fix: wait for its end") from None
        if stream.tell():
            stream.seek(-1, os.SEEK_END)
            if stream.read() != b"\n":  # a crash cut the last line off
                stream.write(b"\n")
        self._stream = stream
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._stream is not None
        self._stream.close()

    def add(self, stack: str, result: Result | None, inputs: dict[str, str], reason: str = "") -> None:
        """Add an entry, which is on the disk when this returns."""
        assert self._stream is not None
        entry = Entry(stack, datetime.now(UTC), result, inputs, reason)
        self._stream.write(msgspec.json.encode(entry) + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def folder_of(self, stack: str) -> Path:
        """Return the folder of one stack."""
        return self.folder / stack.replace("/", ".")

    def entries(self) -> dict[str, Entry]:
        """Return the last entry of each stack. A line that a crash cut off is left out."""
        found: dict[str, Entry] = {}
        file = self.folder / "journal.jsonl"
        for line in file.read_bytes().splitlines() if file.exists() else ():
            try:
                entry = msgspec.json.decode(line, type=Entry)
            except msgspec.MsgspecError:
                continue
            found[entry.stack] = entry
        return found
