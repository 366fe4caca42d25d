"""Programs that were downloaded or compiled, one folder each, never seen half made.

A program is made in a folder of its own beside its final place, asked whether it runs, and only then renamed into
place, all under a lock. What a killed run leaves behind has another name, and the next run that makes the same
program removes it.

    <cache>/<program>-<version>-<os>-<arch>-<digest>/   the program, the files beside it, origin.json
    <cache>/.<program>.lock                             held while it is made
    <cache>/.<program>.making.<random>/                 while it is made
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
from lab.tools.find import Found
from lab.tools.version_probe import NoAnswerError, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lab.tools.programs import Platform, Program

_ORIGIN = "origin.json"


@dataclass(frozen=True)
class Kept:
    """A program of the cache, and how it once got there."""

    found: Found
    source: str


def key(program: Program, here: Platform, modules: Path, flags: tuple[str, ...]) -> str:
    """What the program's folder is called. The digest is over all that decides what compiling it gives: the pinned
    modules, our own source beside them, the packages, their version variables and the flags.
    """
    digest = hashlib.sha256(repr((sorted(program.compiled.items()), sorted(program.copies.items()), flags)).encode())
    for module in sorted({build.module for build in program.compiled.values()}):
        for file in sorted((modules / module).rglob("*")):
            if file.suffix == ".go" or file.name in {"go.mod", "go.sum"}:
                content = file.read_bytes()
                digest.update(f"{file.relative_to(modules)}:{len(content)}:".encode() + content)
    return f"{program.name}-{program.version}-{here.os}-{here.arch}-{digest.hexdigest()[:12]}"


class Cache:
    """The folder that keeps programs."""

    def __init__(self, folder: Path) -> None:
        """Raises `ToolError` where `folder` cannot be made or written to."""
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise _unusable(folder, error) from error

    def get(self, key: str, program: Program) -> Kept | None:
        """The program as it was kept, or None where it is not, or not any more as it was."""
        folder = self.folder / key
        try:
            origin = json.loads((folder / _ORIGIN).read_text())
            kept, files = origin["files"], {name: folder / name for name in program.files}
            if not files.keys() <= set(kept) or kept != _marks({name: folder / name for name in kept}):
                return None
            return Kept(Found(origin["version"], files), origin["source"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def lock(self, program: Program, *, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the program alone among all runs on this machine; calls `waiting` if another run holds it."""
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

    def put(self, key: str, program: Program, make: Callable[[Path], str]) -> Kept:
        """Keep what `make` puts into the folder it is given; it returns where that came from. Hold the lock.

        Raises:
            ToolError: `make` does, or what it made does not run here, or the disk is full.
        """
        for left in self.folder.glob(f".{program.name}.making.*"):
            shutil.rmtree(left, ignore_errors=True)
        making = Path(tempfile.mkdtemp(dir=self.folder, prefix=f".{program.name}.making."))
        try:
            source = make(making)
            files = {name: making / name for name in program.files}
            version = _verified(program, files)
            parts = {name: making / name for name in program.parts if (making / name).exists()}
            origin = {"source": source, "version": version, "files": _marks(files | parts)}
            write_atomically(making / _ORIGIN, json.dumps(origin, indent=1))
            making.chmod(0o755)
            folder = self.folder / key
            shutil.rmtree(folder, ignore_errors=True)
            making.rename(folder)
        except OSError as error:
            raise _unusable(self.folder, error) from error
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return Kept(Found(version, {name: folder / name for name in program.files}), source)


def _marks(files: Mapping[str, Path]) -> dict[str, list[int]]:
    return {name: [path.stat().st_mtime_ns, path.stat().st_size] for name, path in files.items()}


def _verified(program: Program, files: Mapping[str, Path]) -> str:
    """The version that the program says it is, once it and those beside it have run."""
    try:
        version = ask(files[program.name], program.says)
        for name, says in program.companions_say.items():
            ask(files[name], says)
    except NoAnswerError as error:
        raise ToolError(
            f"{program.name} {program.version} was made but does not run here: {error}",
            fix=f"put a {program.name} {program.fits} of your own on PATH",
        ) from error
    if version not in program.fits:
        raise ToolError(
            f"{program.name} was made as {program.version} but says that it is {version}",
            fix=f"put a {program.name} {program.fits} of your own on PATH",
        )
    return version


def _unusable(folder: Path, error: OSError) -> ToolError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ToolError(
            f"no space left on the disk of {folder}", fix="free some, or set EKS_LAB_HOME to a folder on another disk"
        )
    return ToolError(
        f"the tools folder {folder} cannot be written: {error}",
        fix="make it yours, or set EKS_LAB_HOME to a folder that you may write to",
    )
