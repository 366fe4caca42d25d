"""The toolbox: it obtains every program that the lab runs from the fastest available source.

| order | source                    | cost                                                       |
|-------|---------------------------|------------------------------------------------------------|
| 1     | PATH, an accepted version | none: the version of a file is probed once                 |
| 2     | the cache                 | none                                                       |
| 3     | the vendor's release      | a download; skipped within seconds if the host is offline  |
| 4     | compiled from Go modules  | minutes, once                                              |
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import ToolError
from lab.interfaces import Programs
from lab.tools.cache import Cache, cache_key
from lab.tools.files import link_folder
from lab.tools.golang import FLAGS, Go, find_go
from lab.tools.path_search import Installation, VersionMemory, search
from lab.tools.platform import Platform
from lab.tools.program import Program
from lab.tools.programs import CATALOGUE
from lab.tools.progress import NoProgress, Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.tools.archive import Downloads

MODULES = Path(__file__).parent / "modules"


class Source(StrEnum):
    """The source of a program in this run."""

    PATH = "path"
    CACHE = "cache"
    ARCHIVE = "archive"
    COMPILED = "compiled"


@dataclass(frozen=True)
class ObtainedProgram:
    """A program, its installation and its source."""

    program: Program
    installation: Installation
    source: Source
    seconds: float
    notes: tuple[str, ...] = ()
    """The reasons why earlier sources failed, and the original source of a cached program."""

    @property
    def path(self) -> Path:
        return self.installation.files[self.program.name]


@dataclass(frozen=True)
class Tools:
    """All programs of a toolbox, ready to run."""

    bin: Path
    """A folder of links to every program and its companion files, by their plain names. Put it first on PATH."""
    obtained: tuple[ObtainedProgram, ...]

    @property
    def programs(self) -> Programs:
        """The programs that a control plane runs."""
        return Programs(
            etcd=str(self.bin / "etcd"),
            kube_apiserver=str(self.bin / "kube-apiserver"),
            kube_controller_manager=str(self.bin / "kube-controller-manager"),
            aws_iam_authenticator=str(self.bin / "aws-iam-authenticator"),
            kubectl=str(self.bin / "kubectl"),
        )

    @property
    def pulumi(self) -> str:
        """The engine. Its Python language host is in the same folder."""
        return str(self.bin / "pulumi")


class Toolbox:
    """Searches, downloads or compiles the programs of a catalogue."""

    def __init__(
        self,
        cache: Path,
        progress: Progress | None = None,
        *,
        programs: Sequence[Program] = CATALOGUE,
        modules: Path = MODULES,
        path: str | None = None,
    ) -> None:
        """Create `cache` if it is missing. `path` replaces the environment's PATH.

        Raises:
            ToolError: `cache` cannot be written, or the lab does not run on this platform.
        """
        self._programs = programs
        self._modules = modules
        self._progress = progress or NoProgress()
        self._platform = Platform.current()
        self._cache = Cache(cache)
        folders = [Path(folder) for folder in (os.environ.get("PATH", "") if path is None else path).split(os.pathsep)]
        # A shell in the lab's environment has the toolbox's own links on PATH. They are not the user's programs.
        own_links = cache.resolve()
        self._folders = [
            folder for folder in folders if folder.is_absolute() and not folder.resolve().is_relative_to(own_links)
        ]
        self._memory = VersionMemory(cache / "versions.json")
        self._downloads: Downloads | None = None
        self._downloading: threading.Thread | None = None

    def ensure(self) -> Tools:
        """Return all programs; download or compile the missing ones.

        Raises:
            ToolError: programs are not available from any source. It names each of them and every source.
        """
        obtained: list[ObtainedProgram] = []
        errors: list[ToolError] = []
        for program in self._programs:
            try:
                obtained.append(self._obtain(program))
            except ToolError as error:
                errors.append(error)
        if errors:
            fixes = list(dict.fromkeys(error.fix for error in errors))
            raise ToolError("\n".join(error.problem for error in errors), fix="\n  fix: ".join(fixes))
        links = {name: path for tool in obtained for name, path in tool.installation.files.items()}
        return Tools(link_folder(self._cache.folder, "bin", links), tuple(obtained))

    def _obtain(self, program: Program) -> ObtainedProgram:
        started = time.monotonic()
        result = search(program, self._folders, self._memory)
        if result.installation:
            return ObtainedProgram(
                program, result.installation, Source.PATH, time.monotonic() - started, result.rejected
            )
        folder_name = self._folder_name(program)
        cached = self._cache.get(folder_name, program)
        if cached is None:
            return self._install(program, folder_name, result.rejected, started)
        notes = (*result.rejected, f"{program.name} came from {cached.source}")
        return ObtainedProgram(program, cached.installation, Source.CACHE, time.monotonic() - started, notes)

    def _folder_name(self, program: Program) -> str:
        return cache_key(program, self._platform, self._modules, FLAGS)

    def _missing(self, program: Program) -> bool:
        return not (
            self._cache.get(self._folder_name(program), program)
            or search(program, self._folders, self._memory).installation
        )

    def _install(self, program: Program, folder_name: str, notes: tuple[str, ...], started: float) -> ObtainedProgram:
        step = f"{program.name} {program.version}"
        self._progress.start(step)
        outcome = "failed"
        source = Source.CACHE
        attempts = list(notes)

        def install(folder: Path) -> str:
            nonlocal source
            source = Source.ARCHIVE
            address = self._from_archive(program, folder, step, attempts)
            if address is None:
                source = Source.COMPILED
                address = self._compiled(program, folder, step, attempts)
            return address

        try:
            with self._cache.lock(program, waiting=lambda: self._progress.update(step, "waiting for another run")):
                cached = self._cache.get(folder_name, program) or self._cache.put(folder_name, program, install)
            outcome = f"{source} in {time.monotonic() - started:.1f} s"
        finally:
            self._progress.end(step, outcome)
        return ObtainedProgram(program, cached.installation, source, time.monotonic() - started, tuple(attempts))

    def _from_archive(self, program: Program, folder: Path, step: str, attempts: list[str]) -> str | None:
        """Return the URL of the downloaded release, or None after adding the reason to `attempts`."""
        # Imported here: a run that finds every program needs no HTTP client.
        from lab.tools.archive import Downloads, UnavailableError, download_release  # noqa: PLC0415

        self._progress.update(step, "querying the vendor")
        self._downloads = self._downloads or Downloads()

        def report(done: int, total: int | None) -> None:
            self._progress.update(step, "downloading, MiB", done >> 20, None if total is None else total >> 20)

        try:
            return download_release(program, self._platform, folder, self._downloads, report)
        except UnavailableError as error:
            attempts.append(f"no release archive: {error}")
            return None

    def _compiled(self, program: Program, folder: Path, step: str, attempts: list[str]) -> str:
        """Compile the program and return its Go package. Raises `ToolError` with all `attempts`."""

        def report(detail: str, done: int, total: int | None) -> None:
            self._progress.update(step, detail, done, total)

        if not program.builds:
            raise ToolError(
                "\n    ".join([f"{program.name} {program.version} is not available", *attempts]),
                fix=f"put a {program.name} {program.versions} of your own on PATH",
            )
        try:
            go = find_go(self._modules, self._platform, program)
            self._download_others(go, program)
            return go.compile(program, folder, report)
        except ToolError as error:
            raise ToolError("\n    ".join([error.problem, *attempts]), fix=error.fix) from error

    def _download_others(self, go: Go, first: Program) -> None:
        """Download the modules of the other missing programs in the background, while the first is compiled."""
        if self._downloading is None:
            programs = [program for program in self._programs if program is not first and self._missing(program)]
            self._downloading = threading.Thread(target=go.download, args=[programs], daemon=True)
            self._downloading.start()


def default_cache() -> Path:
    """Return the folder with the programs of all labs of this user."""
    # Imported here: it imports trustme, and a lab passes its own tools folder.
    from lab.lab_dir import cache_root  # noqa: PLC0415

    return cache_root() / "tools"
