"""Programs compiled by Go from the modules pinned under `modules/`.

One after another: Go alone keeps two cores busy (235 s of processor time in 128 s). Measured on three of the programs,
cold: 128 and 124 s in turn, 136 s two at once, which compiles the packages they share twice. What the later programs
need is downloaded while the first is compiled.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import ToolError
from lab.tools.versions import numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.tools.programs import GoBuild, Platform, Program

    Report = Callable[[str, int, int | None], None]

FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false -l", "-gcflags=std=-dwarf=false")
"""The same for every program, so that what several of them import is compiled once. Without debugging information and
inlining (`-l`) compiling takes a third less time. The standard library keeps inlining: it is compiled once, and all
programs spend most of their time in it. Source: docs/adr/0017.
"""
_STRIP = "-s -w"
# Compiling everything leaves 7.5 GiB in the caches of Go; the largest program needs this much of it.
_ENOUGH_DISK = 3 << 30
_FIRST_WITH_TOOLCHAINS = (1, 21)
_MORE_DISK = "free some space, or set GOCACHE and GOMODCACHE to folders on another disk"


@dataclass(frozen=True)
class Go:
    """The Go command of this machine, and where the pinned modules lie."""

    executable: str
    modules: Path
    here: Platform

    def compile(self, program: Program, folder: Path, report: Report) -> str:
        """Put the program's files into `folder`; returns which module they came from.

        `report` gets what is being done, how many packages of how many.

        Raises:
            ToolError: Go is too old, a module cannot be had, the disk is full, or Go refuses the source.
        """
        for name, build in program.compiled.items():
            self._require(build.module, program)
            self._build(build, folder / name, program, report)
        for name, copy in program.copies.items():
            found = self._run(copy.module, ("list", "-mod=readonly", "-m", "-f", "{{.Dir}}", copy.source), program)
            (folder / name).write_bytes((Path(found[0]) / copy.path).read_bytes())
            (folder / name).chmod(0o755)
        return program.builds[program.name].package

    def download(self, programs: Sequence[Program]) -> None:
        """Download the modules that compiling `programs` will need. What cannot be had is said when it is compiled."""
        for program in programs:
            for build in program.compiled.values():
                with suppress(ToolError):
                    self._packages(build, program)

    def _packages(self, build: GoBuild, program: Program, on_line: Callable[[str], None] = lambda _: None) -> list[str]:
        """Every package that goes into a program. Downloads the modules that they are in."""
        return self._run(build.module, ("list", "-mod=readonly", "-deps", build.package), program, on_line)

    def _build(self, build: GoBuild, target: Path, program: Program, report: Report) -> None:
        def downloading(line: str) -> None:
            if line.startswith("go: downloading "):
                report("downloading Go modules", 0, None)

        report("reading Go modules", 0, None)
        packages = self._packages(build, program, downloading)
        compiled = 0

        def compiling(line: str) -> None:
            nonlocal compiled
            if not line.startswith(("go: ", "#")):
                compiled += 1
                report(f"{target.name}: {'linking' if line == build.package else 'compiling'}", compiled, len(packages))

        report(f"{target.name}: compiling", 0, len(packages))
        variables = [f"-X {name}={value}" for name, value in build.variables.items()]
        ldflags = " ".join([_STRIP, *variables])
        arguments = ("build", *FLAGS, "-v", "-ldflags", ldflags, "-o", str(target), build.package)
        self._run(build.module, arguments, program, compiling)

    def _require(self, module: str, program: Program) -> None:
        """Better said now than after ten minutes, or in Go's words, which say nothing about this lab."""
        wanted = required_go((self.modules / module / "go.mod").read_text())
        # Asked outside the module: inside, an old Go refuses every answer.
        version, toolchain, cache = self._run(None, ("env", "GOVERSION", "GOTOOLCHAIN", "GOCACHE"), program)
        found = re.search(r"go(\d+(?:\.\d+)*)", version)
        installed = numbers(found[1]) if found else (0,)
        may_fetch_newer = installed >= _FIRST_WITH_TOOLCHAINS and not toolchain.startswith("local")
        if installed < numbers(wanted) and not may_fetch_newer:
            raise ToolError(
                f"compiling {program.name} {program.version} needs Go {wanted}; {self.executable} is {version}",
                fix=f"install Go {wanted} or newer and put it on PATH (https://go.dev/dl/)",
            )
        folder = next(parent for parent in (Path(cache), *Path(cache).parents) if parent.exists())
        free = shutil.disk_usage(folder).free
        if free < _ENOUGH_DISK:
            raise ToolError(
                f"the disk of {folder} has {free >> 20} MiB left; compiling {program.name} takes up to "
                f"{_ENOUGH_DISK >> 20} MiB",
                fix=_MORE_DISK,
            )

    def _run(
        self,
        module: str | None,
        arguments: Sequence[str],
        program: Program,
        on_line: Callable[[str], None] = lambda _: None,
    ) -> list[str]:
        """The lines that `go` prints; `on_line` gets those of its standard error while it works."""
        last: deque[str] = deque(maxlen=12)
        folder = self.modules / module if module else Path("/")
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                [self.executable, *arguments],
                cwd=folder,
                env={**os.environ, "GOOS": self.here.os, "GOARCH": self.here.arch, "CGO_ENABLED": "0", "GOWORK": "off"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                # A group of its own, so that the compilers that Go starts end with it. If this process is killed,
                # they end at the next line that Go prints, as nobody reads it.
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
                raise _refusal(program, arguments, list(last))
            output.seek(0)
            return output.read().splitlines()


def find_go(modules: Path, here: Platform, program: Program) -> Go:
    """Go on PATH. Raises `ToolError` that names the version to install."""
    executable = shutil.which("go")
    if executable is None:
        wanted = max((required_go(file.read_text()) for file in modules.glob("*/go.mod")), key=numbers)
        raise ToolError(
            f"compiling {program.name} {program.version} needs Go, and there is none on PATH",
            fix=f"install Go {wanted} or newer and put it on PATH (https://go.dev/dl/)",
        )
    return Go(executable, modules, here)


def required_go(go_mod: str) -> str:
    """The oldest Go that a go.mod's `go` line allows."""
    match = re.search(r"^go (\S+)$", go_mod, re.MULTILINE)
    return match[1] if match else "1"


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stderr is not None:
        process.stderr.close()


def _refusal(program: Program, arguments: Sequence[str], lines: list[str]) -> ToolError:
    said = "\n    ".join(lines)
    own = f"put a {program.name} {program.fits} of your own on PATH"
    fixes = {
        "no space left on device": _MORE_DISK,
        "checksum mismatch": "`go clean -modcache`; if it comes again, the module proxy serves other files than pinned",
        "missing go.sum entry": f"restore go.mod and go.sum of {program.name} under lab/tools/modules",
        "updates to go.mod needed": f"restore go.mod and go.sum of {program.name} under lab/tools/modules",
    }
    fix = next(
        (fix for words, fix in fixes.items() if words in said), f"see that Go reaches its module proxy, or {own}"
    )
    return ToolError(f"`go {arguments[0]}` failed for {program.name} {program.version}:\n    {said}", fix=fix)
