"""Compilation from pinned modules with the real Go, and the errors when it fails."""

import shutil
from dataclasses import replace

import pytest

from lab.errors import ToolError
from lab.tools.golang import Go, find_go, required_go
from lab.tools.program import GoBuild, GoCopy
from lab.tools.toolbox import MODULES
from lab.tools.version_probe import probe_version

EMBEDDING_GO = """
package main

import (
	_ "embed"
	"fmt"

	_ "example.test/other"
)

//go:embed embedded.txt
var version string

func main() { fmt.Println("tiny", version) }
"""


@pytest.fixture
def go(modules, platform, tiny):
    return find_go(modules, platform, tiny)


@pytest.fixture
def fake_go(make_script, modules, platform):
    """A Go whose output a test defines."""

    def fake(*lines: str) -> Go:
        return Go(str(make_script("fake/go", *lines)), modules, platform)

    return fake


def ignore(_detail, _done, _total):
    pass


def test_program_is_compiled(go, tiny, tmp_path):
    """The program is compiled with its version, its script is copied, and both run."""
    reports = []
    package = go.compile(tiny, tmp_path, lambda *report: reports.append(report))
    assert package == "example.test/tiny"
    assert probe_version(tmp_path / "tiny", tiny.probe) == "1.2.3"
    assert probe_version(tmp_path / "tiny-helper", tiny.companion_probes["tiny-helper"]) == ""
    assert {detail for detail, _, _ in reports} == {"reading Go modules", "tiny: compiling", "tiny: linking"}
    detail, done, total = reports[-1]
    assert detail == "tiny: linking"
    assert 0 < done <= total


def test_parts_are_compiled(go, tiny, tmp_path):
    """The parts of a compiled program are compiled beside it, and a release does not need them."""
    program = replace(tiny, parts={"tiny-host": GoBuild("tiny", "example.test/tiny", {"main.version": "0.9.0"})})
    go.compile(program, tmp_path, ignore)
    assert probe_version(tmp_path / "tiny-host", tiny.probe) == "0.9.0"
    assert program.files == tiny.files


def test_file_of_another_module_is_embedded(go, tiny, modules, tmp_path):
    """The program embeds a file of another Go module, and the folder of the pinned modules stays as it is."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "go.mod").write_text("module example.test/other\n\ngo 1.24.0\n")
    (other / "data.txt").write_text("1.2.5")
    (other / "other.go").write_text("package other\n")
    folder = modules / "tiny"
    with (folder / "go.mod").open("a") as go_mod:
        go_mod.write("\nrequire example.test/other v0.0.0\n\nreplace example.test/other => ../../other\n")
    (folder / "main.go").write_text(EMBEDDING_GO)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    embedded = {"embedded.txt": GoCopy("tiny", "example.test/other", "data.txt")}
    build = GoBuild("tiny", "example.test/tiny", embedded=embedded)
    go.compile(replace(tiny, builds={"tiny": build}), tmp_path, ignore)
    assert probe_version(tmp_path / "tiny", tiny.probe) == "1.2.5"
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_compiled_program_has_no_paths_of_the_machine(go, tiny, tmp_path):
    """The program contains no paths of this machine."""
    go.compile(tiny, tmp_path, ignore)
    assert str(tmp_path).encode() not in (tmp_path / "tiny").read_bytes()


def test_broken_source_raises_with_go_s_output(go, tiny, modules, tmp_path):
    """If Go rejects the source, the error has Go's output."""
    (modules / "tiny" / "main.go").write_text("package main\n\nfunc main() { missing() }\n")
    with pytest.raises(ToolError, match=r"`go build` failed for tiny 1\.2\.3:[\s\S]*undefined: missing"):
        go.compile(tiny, tmp_path, ignore)


def test_missing_go_sum_entry_names_the_files(go, tiny, modules, tmp_path, monkeypatch):
    """A module that go.sum does not pin is not downloaded, and the fix names the files."""
    monkeypatch.setenv("GOPROXY", "off")
    go_mod = modules / "tiny" / "go.mod"
    go_mod.write_text(go_mod.read_text() + "\nrequire golang.org/x/text v0.3.0\n")
    (modules / "tiny" / "main.go").write_text('package main\n\nimport _ "golang.org/x/text"\n\nfunc main() {}\n')
    with pytest.raises(ToolError, match=r"missing go\.sum entry[\s\S]*fix: restore go\.mod and go\.sum of tiny"):
        go.compile(tiny, tmp_path, ignore)


def test_missing_go_names_the_version_to_install(modules, platform, tiny, monkeypatch, tmp_path):
    """Without Go on PATH the error names the newest Go version of all modules."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (modules / "other").mkdir()
    (modules / "other" / "go.mod").write_text("module example.test/other\n\ngo 1.26.0\n")
    with pytest.raises(ToolError, match=r"needs Go, and there is none on PATH\n  fix: install Go 1\.26\.0 or newer"):
        find_go(modules, platform, tiny)


@pytest.mark.parametrize(
    ("version", "toolchain"), [("go1.23.4", "local"), ("go1.18", ""), ("go1.20.1", "auto"), ("older", "")]
)
def test_old_go_is_rejected(fake_go, tiny, tmp_path, version, toolchain):
    """An old Go that may not download a newer toolchain is rejected with both versions."""
    go = fake_go(f"printf '%s\\n%s\\n%s\\n' '{version}' '{toolchain}' '{tmp_path}'")
    with pytest.raises(ToolError, match=rf"needs Go 1\.24\.0; .*/go is {version}\n  fix: install Go 1\.24\.0 or newer"):
        go.compile(tiny, tmp_path, ignore)


def test_old_go_that_downloads_toolchains_is_accepted(fake_go, tiny, tmp_path):
    """An old Go that may download a newer toolchain is used."""
    go = fake_go('[ "$1" != env ] && { echo went on >&2; exit 1; }', f"printf 'go1.23.4\\nauto\\n{tmp_path}\\n'")
    with pytest.raises(ToolError, match="went on"):
        go.compile(tiny, tmp_path, ignore)


def test_low_disk_space_is_rejected(go, tiny, tmp_path, monkeypatch):
    """Too little disk space raises an error before the compilation."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100 << 30, 99 << 30, 700 << 20))
    with pytest.raises(ToolError, match=r"has 700 MiB left; .*\n  fix: free some space, or set GOCACHE"):
        go.compile(tiny, tmp_path, ignore)


def test_full_disk_has_its_own_fix(fake_go, tiny, tmp_path):
    """A disk that fills up during the compilation has a fix of its own."""
    go = fake_go(
        f'[ "$1" = env ] && {{ printf "go1.26\\nlocal\\n{tmp_path}\\n"; exit 0; }}',
        'echo "write /cache/x: no space left on device" >&2',
        "exit 1",
    )
    with pytest.raises(ToolError, match="fix: free some space"):
        go.compile(tiny, tmp_path, ignore)


def test_go_settings_of_the_shell_are_ignored(go, tiny, tmp_path, monkeypatch):
    """Go variables of the shell do not change the compilation."""
    monkeypatch.setenv("GOOS", "windows")
    monkeypatch.setenv("GOARCH", "arm")
    monkeypatch.setenv("GOWORK", str(tmp_path / "go.work"))
    go.compile(tiny, tmp_path, ignore)
    assert probe_version(tmp_path / "tiny", tiny.probe) == "1.2.3"


def test_unknown_package_raises_with_go_s_output(go, tiny, tmp_path):
    """A package that is not in the module raises an error with Go's output."""
    program = replace(tiny, builds={"tiny": GoBuild("tiny", "example.test/absent")})
    with pytest.raises(ToolError, match=r"`go list` failed for tiny 1\.2\.3:[\s\S]*example\.test/absent"):
        go.compile(program, tmp_path, ignore)


@pytest.mark.parametrize("module", sorted(path.parent.name for path in MODULES.glob("*/go.mod")))
def test_modules_require_the_documented_go(module):
    """The pinned modules compile with Go 1.26.6 or newer, the oldest that Pulumi's engine allows."""
    assert required_go((MODULES / module / "go.mod").read_text()) in {"1.24.0", "1.25.1", "1.25.8", "1.26.0", "1.26.6"}
