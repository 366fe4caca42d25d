"""The cache of downloaded and compiled programs: one folder for each, visible only when it is complete.

A program is downloaded or compiled into a temporary folder beside its final one, run once to verify its version, and
then renamed into place, all under a lock. A killed run leaves only a temporary folder, and the next run for the same
program removes it.

    <cache>/<program>-<version>-<os>-<arch>-<digest>/   the program, its companion files, origin.json
    <cache>/.<program>.lock                             held while it is downloaded or compiled
    <cache>/.<program>.making.<random>/                 the temporary folder
    <cache>/bin-<digest>/                               links to the programs of a run, by their plain names
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lab.errors import ToolError
from lab.tools.files import write_atomically
from lab.tools.path_search import Installation
from lab.tools.version_probe import ProbeError, probe_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lab.tools.platform import Platform
    from lab.tools.program import Program

_ORIGIN = "origin.json"


@dataclass(frozen=True)
class CachedProgram:
    """A program in the cache, and the source from which it was installed."""

    installation: Installation
    source: str


def cache_key(program: Program, platform: Platform, modules: Path, flags: tuple[str, ...]) -> str:
    """Return the name of the program's folder.

    The digest covers every input of a compilation: the pinned modules, our own Go source beside them, the packages,
    their version variables and the flags.
    """
    digest = hashlib.sha256(repr((sorted(program.compiled.items()), sorted(program.copies.items()), flags)).encode())
    for module in sorted({build.module for build in program.compiled.values()}):
        for file in sorted((modules / module).rglob("*")):
            if file.suffix == ".go" or file.name in {"go.mod", "go.sum"}:
                content = file.read_bytes()
                digest.update(f"{file.relative_to(modules)}:{len(content)}:".encode() + content)
    return f"{program.name}-{program.version}-{platform.os}-{platform.arch}-{digest.hexdigest()[:12]}"


class Cache:
    """The folder of cached programs."""

    def __init__(self, folder: Path) -> None:
        """Create `folder`. Raises `ToolError` if it cannot be created or written."""
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise _unusable(folder, error) from error

    def get(self, key: str, program: Program) -> CachedProgram | None:
        """Return the cached program, or None if it is missing or one of its files has changed."""
        folder = self.folder / key
        try:
            origin = json.loads((folder / _ORIGIN).read_text())
            fingerprints, files = origin["files"], {name: folder / name for name in program.files}
            current = _fingerprints({name: folder / name for name in fingerprints})
            if not files.keys() <= set(fingerprints) or fingerprints != current:
                return None
            return CachedProgram(Installation(origin["version"], files), origin["source"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def lock(self, program: Program, *, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the program's lock among all runs on this machine. Calls `waiting` if another run holds it."""
        lock = FileLock(self.folder / f".{program.name}.lock", preserve_lock_file=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def put(self, key: str, program: Program, install: Callable[[Path], str]) -> CachedProgram:
        """Cache the files that `install` writes into the folder passed to it; it returns their source. Hold the lock.

        Raises:
            ToolError: `install` fails, its program does not run on this machine, or the disk is full.
        """
        for leftover in self.folder.glob(f".{program.name}.making.*"):
            shutil.rmtree(leftover, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(dir=self.folder, prefix=f".{program.name}.making."))
        try:
            source = install(temporary)
            files = {name: temporary / name for name in program.files}
            version = _verify_version(program, files)
            parts = {name: temporary / name for name in program.parts if (temporary / name).exists()}
            origin = {"source": source, "version": version, "files": _fingerprints(files | parts)}
            write_atomically(temporary / _ORIGIN, json.dumps(origin, indent=1))
            temporary.chmod(0o755)
            folder = self.folder / key
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
        except OSError as error:
            raise _unusable(self.folder, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return CachedProgram(Installation(version, {name: folder / name for name in program.files}), source)


def _fingerprints(files: Mapping[str, Path]) -> dict[str, list[int]]:
    return {name: [path.stat().st_mtime_ns, path.stat().st_size] for name, path in files.items()}


def _verify_version(program: Program, files: Mapping[str, Path]) -> str:
    """Run the program and its companions, and return the version that the program prints."""
    try:
        version = probe_version(files[program.name], program.probe)
        for name, probe in program.companion_probes.items():
            probe_version(files[name], probe)
    except ProbeError as error:
        raise ToolError(
            f"{program.name} {program.version} was installed but does not run on this machine: {error}",
            fix=f"put a {program.name} {program.versions} of your own on PATH",
        ) from error
    if version not in program.versions:
        raise ToolError(
            f"{program.name} was installed as {program.version} but prints version {version}",
            fix=f"put a {program.name} {program.versions} of your own on PATH",
        )
    return version


def _unusable(folder: Path, error: OSError) -> ToolError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ToolError(
            f"no space left on the disk of {folder}",
            fix="free some space, or set EKS_LAB_HOME to a folder on another disk",
        )
    return ToolError(
        f"the tools folder {folder} cannot be written: {error}",
        fix="make it writable, or set EKS_LAB_HOME to a writable folder",
    )
