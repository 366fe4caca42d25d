"""Compiling from pinned modules: by the real Go, and refused in words where it cannot be."""

import shutil
from dataclasses import replace

import pytest

from lab.errors import ToolError
from lab.tools.golang import Go, find_go, required_go
from lab.tools.programs import GoBuild
from lab.tools.toolbox import MODULES
from lab.tools.version_probe import ask


@pytest.fixture
def go(modules, here, tiny):
    return find_go(modules, here, tiny)


@pytest.fixture
def fake_go(make_script, modules, here):
    """A Go that says what a test wants."""

    def fake(*lines: str) -> Go:
        return Go(str(make_script("fake/go", *lines)), modules, here)

    return fake


def ignore(_detail, _done, _total):
    pass


def test_compiled(go, tiny, tmp_path):
    """The program is compiled with its version inside, its script is copied, and both can be run."""
    reports = []
    package = go.compile(tiny, tmp_path, lambda *report: reports.append(report))
    assert package == "example.test/tiny"
    assert ask(tmp_path / "tiny", tiny.says) == "1.2.3"
    assert ask(tmp_path / "tiny-helper", tiny.companions_say["tiny-helper"]) == ""
    assert {detail for detail, _, _ in reports} == {"reading Go modules", "tiny: compiling", "tiny: linking"}
    detail, done, total = reports[-1]
    assert detail == "tiny: linking"
    assert 0 < done <= total


def test_parts(go, tiny, tmp_path):
    """What only a compiled program needs is compiled beside it, and is no file that a release must have."""
    program = replace(tiny, parts={"tiny-host": GoBuild("tiny", "example.test/tiny", {"main.version": "0.9.0"})})
    go.compile(program, tmp_path, ignore)
    assert ask(tmp_path / "tiny-host", tiny.says) == "0.9.0"
    assert program.files == tiny.files


def test_path_trimmed(go, tiny, tmp_path):
    """Nothing of this machine's folders is left in the program."""
    go.compile(tiny, tmp_path, ignore)
    assert str(tmp_path).encode() not in (tmp_path / "tiny").read_bytes()


def test_source_broken(go, tiny, modules, tmp_path):
    """Where Go refuses the source, its own words are shown."""
    (modules / "tiny" / "main.go").write_text("package main\n\nfunc main() { missing() }\n")
    with pytest.raises(ToolError, match=r"`go build` failed for tiny 1\.2\.3:[\s\S]*undefined: missing"):
        go.compile(tiny, tmp_path, ignore)


def test_sum_missing(go, tiny, modules, tmp_path, monkeypatch):
    """A module that go.sum does not pin is not fetched; the way out names the files."""
    monkeypatch.setenv("GOPROXY", "off")
    go_mod = modules / "tiny" / "go.mod"
    go_mod.write_text(go_mod.read_text() + "\nrequire golang.org/x/text v0.3.0\n")
    (modules / "tiny" / "main.go").write_text('package main\n\nimport _ "golang.org/x/text"\n\nfunc main() {}\n')
    with pytest.raises(ToolError, match=r"missing go\.sum entry[\s\S]*fix: restore go\.mod and go\.sum of tiny"):
        go.compile(tiny, tmp_path, ignore)


def test_go_missing(modules, here, tiny, monkeypatch, tmp_path):
    """Without Go on PATH the error names the newest Go that any of the modules needs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (modules / "other").mkdir()
    (modules / "other" / "go.mod").write_text("module example.test/other\n\ngo 1.26.0\n")
    with pytest.raises(ToolError, match=r"needs Go, and there is none on PATH\n  fix: install Go 1\.26\.0 or newer"):
        find_go(modules, here, tiny)


@pytest.mark.parametrize(
    ("version", "toolchain"), [("go1.23.4", "local"), ("go1.18", ""), ("go1.20.1", "auto"), ("older", "")]
)
def test_go_too_old(fake_go, tiny, tmp_path, version, toolchain):
    """A Go that is too old, and may not fetch a newer one, is refused with both versions."""
    go = fake_go(f"printf '%s\\n%s\\n%s\\n' '{version}' '{toolchain}' '{tmp_path}'")
    with pytest.raises(ToolError, match=rf"needs Go 1\.24\.0; .*/go is {version}\n  fix: install Go 1\.24\.0 or newer"):
        go.compile(tiny, tmp_path, ignore)


def test_go_may_fetch_a_newer_one(fake_go, tiny, tmp_path):
    """An older Go that may fetch a newer one is let go on."""
    go = fake_go('[ "$1" != env ] && { echo went on >&2; exit 1; }', f"printf 'go1.23.4\\nauto\\n{tmp_path}\\n'")
    with pytest.raises(ToolError, match="went on"):
        go.compile(tiny, tmp_path, ignore)


def test_disk_nearly_full(go, tiny, tmp_path, monkeypatch):
    """Too little disk for the compiler is said before it starts."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100 << 30, 99 << 30, 700 << 20))
    with pytest.raises(ToolError, match=r"has 700 MiB left; .*\n  fix: free some space, or set GOCACHE"):
        go.compile(tiny, tmp_path, ignore)


def test_disk_full_on_the_way(fake_go, tiny, tmp_path):
    """A disk that fills up while Go compiles is told apart from other failures."""
    go = fake_go(
        f'[ "$1" = env ] && {{ printf "go1.26\\nlocal\\n{tmp_path}\\n"; exit 0; }}',
        'echo "write /cache/x: no space left on device" >&2',
        "exit 1",
    )
    with pytest.raises(ToolError, match="fix: free some space"):
        go.compile(tiny, tmp_path, ignore)


def test_user_settings_do_not_reach_the_program(go, tiny, tmp_path, monkeypatch):
    """A shell set up to compile for another machine does not change what is made for this one."""
    monkeypatch.setenv("GOOS", "windows")
    monkeypatch.setenv("GOARCH", "arm")
    monkeypatch.setenv("GOWORK", str(tmp_path / "go.work"))
    go.compile(tiny, tmp_path, ignore)
    assert ask(tmp_path / "tiny", tiny.says) == "1.2.3"


def test_package_unknown(go, tiny, tmp_path):
    """A package that the module does not hold is refused in Go's words."""
    program = replace(tiny, builds={"tiny": GoBuild("tiny", "example.test/absent")})
    with pytest.raises(ToolError, match=r"`go list` failed for tiny 1\.2\.3:[\s\S]*example\.test/absent"):
        go.compile(program, tmp_path, ignore)


@pytest.mark.parametrize("module", sorted(path.parent.name for path in MODULES.glob("*/go.mod")))
def test_modules_ask_for_no_newer_go_than_needed(module):
    """The pinned modules compile with every Go from 1.26.6 on, the oldest that Pulumi's engine allows."""
    assert required_go((MODULES / module / "go.mod").read_text()) in {"1.24.0", "1.26.0", "1.26.6"}
