"""Compile programs with Go from the modules pinned under `modules/`.

Programs are compiled one after another, because Go by itself uses two cores (235 s of processor time in 128 s).
Measured on three of the programs, cold: 128 and 124 s one after another, 136 s two at once, which compiles the packages
they share twice. The modules of the later programs are downloaded while the first is compiled.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import ToolError
from lab.tools.versions import numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lab.tools.platform import Platform
    from lab.tools.program import GoBuild, GoCopy, Program

    Flags = tuple[str, ...]
    Report = Callable[[str, int, int | None], None]

FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false -l", "-gcflags=std=-dwarf=false")
"""Compiler flags, the same for every program, so that shared packages are compiled once. Without debugging information
and inlining (`-l`) a compilation takes a third less time. The standard library keeps inlining: it is compiled once, and
all programs spend most of their time in it. Source: docs/adr/0017.
"""
_STRIP = "-s -w"
# A compilation of all programs leaves 7.5 GiB in Go's caches; the largest program needs this part of it.
_REQUIRED_DISK = 3 << 30
_FIRST_VERSION_WITH_TOOLCHAINS = (1, 21)
_MORE_DISK = "free some space, or set GOCACHE and GOMODCACHE to folders on another disk"


@dataclass(frozen=True)
class Go:
    """The Go command of this machine, and the folder of the pinned modules."""

    executable: str
    modules: Path
    platform: Platform

    def compile(self, program: Program, folder: Path, report: Report) -> str:
        """Compile the program's files into `folder` and return the Go package of the program.

        `report` receives the current activity, the number of finished packages and the total.

        Raises:
            ToolError: Go is too old, a module is not available, the disk is full, or Go rejects the source.
        """
        for name, build in program.compiled.items():
            self._require(build.module, program)
            with self._overlay(build, program) as overlay:
                self._build(build, folder / name, program, report, overlay)
        for name, copy in program.copies.items():
            (folder / name).write_bytes(self._source(copy, program).read_bytes())
            (folder / name).chmod(0o755)
        return program.builds[program.name].package

    def download(self, programs: Sequence[Program]) -> None:
        """Download the modules of `programs`. Missing modules are reported when the program is compiled."""
        for program in programs:
            for build in program.compiled.values():
                with suppress(ToolError), self._overlay(build, program) as overlay:
                    self._packages(build, program, overlay)

    def _source(self, copy: GoCopy, program: Program) -> Path:
        """Return the path of a file in a downloaded module."""
        folders = self._run(copy.module, ("list", "-mod=readonly", "-m", "-f", "{{.Dir}}", copy.source), program)
        return Path(folders[0]) / copy.path

    @contextmanager
    def _overlay(self, build: GoBuild, program: Program) -> Iterator[Flags]:
        """Yield Go's flags that overlay the embedded files: Go embeds no file of another module."""
        if not build.embedded:
            yield ()
            return
        for module in {copy.source for copy in build.embedded.values()}:
            self._run(build.module, ("mod", "download", module), program)
        folder = self.modules / build.module
        files = {str(folder / name): str(self._source(copy, program)) for name, copy in build.embedded.items()}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as overlay:
            json.dump({"Replace": files}, overlay)
            overlay.flush()
            yield ("-overlay", overlay.name)

    def _packages(
        self, build: GoBuild, program: Program, overlay: Flags, on_line: Callable[[str], None] = lambda _: None
    ) -> list[str]:
        """Return every package of a program. Downloads their modules."""
        return self._run(build.module, ("list", "-mod=readonly", *overlay, "-deps", build.package), program, on_line)

    def _build(self, build: GoBuild, target: Path, program: Program, report: Report, overlay: Flags) -> None:
        def downloading(line: str) -> None:
            if line.startswith("go: downloading "):
                report("downloading Go modules", 0, None)

        report("reading Go modules", 0, None)
        packages = self._packages(build, program, overlay, downloading)
        compiled = 0

        def compiling(line: str) -> None:
            nonlocal compiled
            if not line.startswith(("go: ", "#")):
                compiled += 1
                report(f"{target.name}: {'linking' if line == build.package else 'compiling'}", compiled, len(packages))

        report(f"{target.name}: compiling", 0, len(packages))
        variables = [f"-X {name}={value}" for name, value in build.variables.items()]
        ldflags = " ".join([_STRIP, *variables])
        arguments = ("build", *FLAGS, *overlay, "-v", "-ldflags", ldflags, "-o", str(target), build.package)
        self._run(build.module, arguments, program, compiling)

    def _require(self, module: str, program: Program) -> None:
        """Check Go's version and the free disk space before the compilation, which takes up to ten minutes.

        Raises `ToolError`.
        """
        required = required_go((self.modules / module / "go.mod").read_text())
        # Run outside the module: inside, an old Go rejects every command.
        version, toolchain, cache = self._run(None, ("env", "GOVERSION", "GOTOOLCHAIN", "GOCACHE"), program)
        match = re.search(r"go(\d+(?:\.\d+)*)", version)
        installed = numbers(match[1]) if match else (0,)
        may_fetch_newer = installed >= _FIRST_VERSION_WITH_TOOLCHAINS and not toolchain.startswith("local")
        if installed < numbers(required) and not may_fetch_newer:
            raise ToolError(
                f"compiling {program.name} {program.version} needs Go {required}; {self.executable} is {version}",
                fix=f"install Go {required} or newer and put it on PATH (https://go.dev/dl/)",
            )
        folder = next(parent for parent in (Path(cache), *Path(cache).parents) if parent.exists())
        free = shutil.disk_usage(folder).free
        if free < _REQUIRED_DISK:
            raise ToolError(
                f"the disk of {folder} has {free >> 20} MiB left; compiling {program.name} takes up to "
                f"{_REQUIRED_DISK >> 20} MiB",
                fix=_MORE_DISK,
            )

    def _run(
        self,
        module: str | None,
        arguments: Sequence[str],
        program: Program,
        on_line: Callable[[str], None] = lambda _: None,
    ) -> list[str]:
        """Run `go` and return its output lines. `on_line` receives each line of standard error as it appears."""
        last: deque[str] = deque(maxlen=12)
        folder = self.modules / module if module else Path("/")
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                [self.executable, *arguments],
                cwd=folder,
                env={
                    **os.environ,
                    "GOOS": self.platform.os,
                    "GOARCH": self.platform.arch,
                    "CGO_ENABLED": "0",
                    "GOWORK": "off",
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                # A process group of its own, so that Go's compilers end with it. If this process is killed,
                # they end at the next line that Go prints, because no process reads it.
                start_new_session=True,
            )
            try:
                assert process.stderr is not None
                for line in process.stderr:
                    last.append(line.rstrip())
                    on_line(line.rstrip())
                code = process.wait()
            finally:
                _end(process)
            if code != 0:
                raise _go_error(program, arguments, list(last))
            output.seek(0)
            return output.read().splitlines()


def find_go(modules: Path, platform: Platform, program: Program) -> Go:
    """Return Go from PATH. Raises `ToolError` with the version to install."""
    executable = shutil.which("go")
    if executable is None:
        required = max((required_go(file.read_text()) for file in modules.glob("*/go.mod")), key=numbers)
        raise ToolError(
            f"compiling {program.name} {program.version} needs Go, and there is none on PATH",
            fix=f"install Go {required} or newer and put it on PATH (https://go.dev/dl/)",
        )
    return Go(executable, modules, platform)


def required_go(go_mod: str) -> str:
    """Return the oldest Go version that a go.mod's `go` line allows."""
    match = re.search(r"^go (\S+)$", go_mod, re.MULTILINE)
    return match[1] if match else "1"


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stderr is not None:
        process.stderr.close()


def _go_error(program: Program, arguments: Sequence[str], lines: list[str]) -> ToolError:
    output = "\n    ".join(lines)
    own_program = f"put a {program.name} {program.versions} of your own on PATH"
    fixes = {
        "no space left on device": _MORE_DISK,
        "checksum mismatch": "run `go clean -modcache`; if the error returns, check the files of the module proxy",
        "missing go.sum entry": f"restore go.mod and go.sum of {program.name} under lab/tools/modules",
        "updates to go.mod needed": f"restore go.mod and go.sum of {program.name} under lab/tools/modules",
    }
    fix = next(
        (fix for words, fix in fixes.items() if words in output),
        f"give Go access to its module proxy, or {own_program}",
    )
    return ToolError(f"`go {arguments[0]}` failed for {program.name} {program.version}:\n    {output}", fix=fix)
