"""SearchResult PATH for programs in an accepted version.

Every folder of PATH is searched, in order: an old kubectl in front does not hide a newer one behind it. The version of
a program is recorded with its path, modification time and size, so that it is run only once.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.tools.files import write_atomically
from lab.tools.version_probe import ProbeError, probe_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lab.tools.program import PluginProbe, Program, VersionProbe


@dataclass(frozen=True)
class Installation:
    """A program in an accepted version: the version, and each of its files by plain name."""

    version: str
    files: Mapping[str, Path]


@dataclass(frozen=True)
class SearchResult:
    """The result of a search: the first accepted installation, and the reasons why earlier programs were rejected."""

    installation: Installation | None
    rejected: tuple[str, ...]


class VersionMemory:
    """The recorded versions of programs, in one file. Without it they are probed again, which takes a second."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._entries: dict[str, dict[str, object]] = {}
        with suppress(OSError, ValueError):
            entries = json.loads(file.read_text())
            self._entries = entries if isinstance(entries, dict) else {}

    def version(self, path: Path, probe: VersionProbe | PluginProbe) -> str:
        """Return the version of the program at `path`. Raises `ProbeError`."""
        status = path.stat()
        fingerprint = {"changed": status.st_mtime_ns, "size": status.st_size}
        match self._entries.get(str(path), {}):
            case {"version": str(version), **rest} if rest == fingerprint:
                return version
            case {"error": str(reason), **rest} if rest == fingerprint:
                raise ProbeError(reason, is_permanent=True)
        try:
            version = probe_version(path, probe)
        except ProbeError as error:
            if error.is_permanent:
                self._record(path, {**fingerprint, "error": str(error)})
            raise
        self._record(path, {**fingerprint, "version": version})
        return version

    def _record(self, path: Path, entry: dict[str, object]) -> None:
        self._entries[str(path)] = entry
        with suppress(OSError):
            write_atomically(self._file, json.dumps(self._entries, indent=1))


def search(program: Program, folders: Sequence[Path], memory: VersionMemory) -> SearchResult:
    """Search `program` in `folders`, in order."""
    rejected: list[str] = []
    for folder in folders:
        path = folder / program.name
        if not (path.is_file() and os.access(path, os.X_OK)):
            continue
        try:
            version = memory.version(path, program.probe)
        except ProbeError as error:
            rejected.append(f"{path} {error}")
            continue
        if version not in program.versions:
            rejected.append(f"{path} has version {version}; accepted are {program.versions}")
            continue
        files, missing = _with_companions(program, path)
        if missing:
            rejected.append(f"{path} has no {', '.join(missing)} beside it")
            continue
        return SearchResult(Installation(version, files), tuple(rejected))
    return SearchResult(None, tuple(rejected))


def _with_companions(program: Program, path: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the program's files files `path` or files its link target, and the names of the missing files.

    Package managers install a link to the program, and companion files files its target.
    """
    files: dict[str, Path] = {}
    for folder in (path.parent, path.resolve().parent):
        files = {name: folder / name for name in program.files if os.access(folder / name, os.X_OK)}
        files[program.name] = path
        missing = [name for name in program.files if name not in files]
        if not missing:
            break
    return files, missing
