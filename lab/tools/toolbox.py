"""Every program that the lab runs, from wherever it can be had soonest.

| order | source                   | what it costs                                                    |
|-------|--------------------------|------------------------------------------------------------------|
| 1     | PATH, where it fits      | nothing: a file is asked for its version once                    |
| 2     | the cache                | nothing                                                          |
| 3     | the vendor's release     | a download; given up within seconds where the host is not there  |
| 4     | compiled from Go modules | minutes, once                                                    |
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import ToolError
from lab.interfaces import Programs
from lab.tools.cache import Cache, key
from lab.tools.files import link_folder
from lab.tools.find import Found, VersionMemory, search
from lab.tools.golang import FLAGS, Go, find_go
from lab.tools.programs import CATALOGUE, Platform, Program
from lab.tools.progress import Progress, Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.tools.archive import Downloads

MODULES = Path(__file__).parent / "modules"


class Source(StrEnum):
    """Where a program came from, this time."""

    PATH = "path"
    CACHE = "cache"
    ARCHIVE = "archive"
    COMPILED = "compiled"


@dataclass(frozen=True)
class Obtained:
    """One program, and how it was come by."""

    program: Program
    found: Found
    source: Source
    seconds: float
    notes: tuple[str, ...] = ()
    """Why the sources before this one did not serve, and where a program of the cache once came from."""

    @property
    def path(self) -> Path:
        return self.found.files[self.program.name]


@dataclass(frozen=True)
class Tools:
    """The programs, ready to run."""

    bin: Path
    """A folder of links to every program, and what belongs beside it, by its plain name; put it first on PATH."""
    obtained: tuple[Obtained, ...]

    @property
    def programs(self) -> Programs:
        """What a control plane runs."""
        return Programs(
            etcd=str(self.bin / "etcd"),
            kube_apiserver=str(self.bin / "kube-apiserver"),
            kube_controller_manager=str(self.bin / "kube-controller-manager"),
            aws_iam_authenticator=str(self.bin / "aws-iam-authenticator"),
            kubectl=str(self.bin / "kubectl"),
        )

    @property
    def pulumi(self) -> str:
        """The engine; its Python language host lies beside it."""
        return str(self.bin / "pulumi")


class Toolbox:
    """Finds, downloads or compiles the programs of a catalogue."""

    def __init__(
        self,
        cache: Path,
        progress: Progress | None = None,
        *,
        programs: Sequence[Program] = CATALOGUE,
        modules: Path = MODULES,
        path: str | None = None,
    ) -> None:
        """`cache` is made where it is missing; `path` is searched in place of the environment's PATH.

        Raises:
            ToolError: `cache` cannot be written, or the programs do not run on this kind of machine.
        """
        self._programs = programs
        self._modules = modules
        self._progress = progress or Silent()
        self._here = Platform.here()
        self._cache = Cache(cache)
        folders = [Path(folder) for folder in (os.environ.get("PATH", "") if path is None else path).split(os.pathsep)]
        # A shell that runs in the lab's environment has the toolbox's own links on PATH: those are not the user's.
        own = cache.resolve()
        self._folders = [each for each in folders if each.is_absolute() and not each.resolve().is_relative_to(own)]
        self._memory = VersionMemory(cache / "versions.json")
        self._downloads: Downloads | None = None
        self._downloading: threading.Thread | None = None

    def ensure(self) -> Tools:
        """All programs, made where they are not there yet.

        Raises:
            ToolError: one or several can be had from nowhere; each is named, with every source that was tried.
        """
        obtained: list[Obtained] = []
        errors: list[ToolError] = []
        for program in self._programs:
            try:
                obtained.append(self._obtain(program))
            except ToolError as error:
                errors.append(error)
        if errors:
            fixes = list(dict.fromkeys(error.fix for error in errors))
            raise ToolError("\n".join(error.problem for error in errors), fix="\n  fix: ".join(fixes))
        links = {name: path for each in obtained for name, path in each.found.files.items()}
        digest = hashlib.sha256(repr(sorted(links.items())).encode()).hexdigest()[:12]
        return Tools(link_folder(self._cache.folder / f"bin-{digest}", links), tuple(obtained))

    def _obtain(self, program: Program) -> Obtained:
        began = time.monotonic()
        searched = search(program, self._folders, self._memory)
        if searched.found:
            return Obtained(program, searched.found, Source.PATH, time.monotonic() - began, searched.rejected)
        cache_key = self._key(program)
        kept = self._cache.get(cache_key, program)
        if kept is None:
            return self._make(program, cache_key, searched.rejected, began)
        notes = (*searched.rejected, f"{program.name} came from {kept.source}")
        return Obtained(program, kept.found, Source.CACHE, time.monotonic() - began, notes)

    def _key(self, program: Program) -> str:
        return key(program, self._here, self._modules, FLAGS)

    def _missing(self, program: Program) -> bool:
        return not (self._cache.get(self._key(program), program) or search(program, self._folders, self._memory).found)

    def _make(self, program: Program, cache_key: str, notes: tuple[str, ...], began: float) -> Obtained:
        step = f"{program.name} {program.version}"
        self._progress.start(step)
        ended = "failed"
        source = Source.CACHE
        tried = list(notes)

        def make(folder: Path) -> str:
            nonlocal source
            source = Source.ARCHIVE
            address = self._from_archive(program, folder, step, tried)
            if address is None:
                source = Source.COMPILED
                address = self._compiled(program, folder, step, tried)
            return address

        try:
            with self._cache.lock(program, waiting=lambda: self._progress.update(step, "another run is making it")):
                kept = self._cache.get(cache_key, program) or self._cache.put(cache_key, program, make)
            ended = f"{source} in {time.monotonic() - began:.1f} s"
        finally:
            self._progress.end(step, ended)
        return Obtained(program, kept.found, source, time.monotonic() - began, tuple(tried))

    def _from_archive(self, program: Program, folder: Path, step: str, tried: list[str]) -> str | None:
        """The address that the program was downloaded from, or None with the reason added to `tried`."""
        # Loaded here: a run that finds everything needs no HTTP client.
        from lab.tools.archive import Downloads, UnavailableError, take  # noqa: PLC0415

        self._progress.update(step, "asking the vendor")
        self._downloads = self._downloads or Downloads()

        def moved(done: int, total: int | None) -> None:
            self._progress.update(step, "downloading, MiB", done >> 20, None if total is None else total >> 20)

        try:
            return take(program, self._here, folder, self._downloads, moved)
        except UnavailableError as error:
            tried.append(f"no release archive: {error}")
            return None

    def _compiled(self, program: Program, folder: Path, step: str, tried: list[str]) -> str:
        """The Go package that the program was compiled from. Raises `ToolError` that tells what was tried before."""

        def report(detail: str, done: int, total: int | None) -> None:
            self._progress.update(step, detail, done, total)

        try:
            go = find_go(self._modules, self._here, program)
            self._download_others(go, program)
            return go.compile(program, folder, report)
        except ToolError as error:
            raise ToolError("\n    ".join([error.problem, *tried]), fix=error.fix) from error

    def _download_others(self, go: Go, first: Program) -> None:
        """Start to download the modules of the other programs beside the first that is compiled."""
        if self._downloading is None:
            programs = [program for program in self._programs if program is not first and self._missing(program)]
            self._downloading = threading.Thread(target=go.download, args=[programs], daemon=True)
            self._downloading.start()


def default_cache() -> Path:
    """Where every lab of this user keeps its programs."""
    # Loaded here: it brings what certificates need, and a lab names its tools folder itself.
    from lab.lab_dir import cache_root  # noqa: PLC0415

    return cache_root() / "tools"
