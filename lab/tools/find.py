"""Programs that are on PATH already, and which of them fit.

Each folder of PATH is looked at, in order: an old kubectl in front does not hide a newer one behind it. What a
program said of its version is remembered by its path, time of change and size, so that it is run only once.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.tools.files import write_atomically
from lab.tools.version_probe import NoAnswerError, ask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lab.tools.programs import Program, VersionProbe


@dataclass(frozen=True)
class Found:
    """A program that fits: its version, and each of its files by plain name."""

    version: str
    files: Mapping[str, Path]


@dataclass(frozen=True)
class Search:
    """What a walk along PATH gave: the first that fits, and why those before it do not."""

    found: Found | None
    rejected: tuple[str, ...]


class VersionMemory:
    """What programs said of their versions, kept in one file. Losing it costs a second, no more."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, dict[str, object]] = {}
        with suppress(OSError, ValueError):
            known = json.loads(file.read_text())
            self._known = known if isinstance(known, dict) else {}

    def version(self, path: Path, says: VersionProbe) -> str:
        """The version of the program at `path`. Raises `NoAnswerError`."""
        status = path.stat()
        mark = {"changed": status.st_mtime_ns, "size": status.st_size}
        match self._known.get(str(path), {}):
            case {"version": str(version), **rest} if rest == mark:
                return version
            case {"silent": str(reason), **rest} if rest == mark:
                raise NoAnswerError(reason, lasting=True)
        try:
            version = ask(path, says)
        except NoAnswerError as error:
            if error.lasting:
                self._remember(path, {**mark, "silent": str(error)})
            raise
        self._remember(path, {**mark, "version": version})
        return version

    def _remember(self, path: Path, entry: dict[str, object]) -> None:
        self._known[str(path)] = entry
        with suppress(OSError):
            write_atomically(self._file, json.dumps(self._known, indent=1))


def search(program: Program, folders: Sequence[Path], memory: VersionMemory) -> Search:
    """Look for `program` in `folders`, in order."""
    rejected: list[str] = []
    for folder in folders:
        path = folder / program.name
        if not (path.is_file() and os.access(path, os.X_OK)):
            continue
        try:
            version = memory.version(path, program.says)
        except NoAnswerError as error:
            rejected.append(f"{path} {error}")
            continue
        if version not in program.fits:
            rejected.append(f"{path} is {version}, wanted is {program.fits}")
            continue
        files, missing = _with_companions(program, path)
        if missing:
            rejected.append(f"{path} has no {', '.join(missing)} beside it")
            continue
        return Search(Found(version, files), tuple(rejected))
    return Search(None, tuple(rejected))


def _with_companions(program: Program, path: Path) -> tuple[dict[str, Path], list[str]]:
    """The program's files beside `path`, or beside what `path` links to, as package managers lay them; and the names
    of those in neither place.
    """
    beside: dict[str, Path] = {}
    for folder in (path.parent, path.resolve().parent):
        beside = {name: folder / name for name in program.files if os.access(folder / name, os.X_OK)}
        beside[program.name] = path
        missing = [name for name in program.files if name not in beside]
        if not missing:
            break
    return beside, missing
