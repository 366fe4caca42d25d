"""The toolbox: the order of the sources, the record of each program's source, and all failures in one error."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tenacity import Retrying, stop_after_delay, wait_fixed

from lab.errors import ToolError
from lab.tools import Source, Toolbox, default_cache
from lab.tools.program import GoBuild
from lab.tools.programs import CATALOGUE
from lab.tools.version_probe import probe_version

FAKE_OUTPUT = {
    "etcd": "etcd Version: 3.7.1",
    "kube-apiserver": "Kubernetes v1.37.0",
    "kube-controller-manager": "Kubernetes v1.37.1",
    "kubectl": "Client Version: v1.36.2",
    "aws-iam-authenticator": '{"Version":"0.7.1"}',
    "pulumi": "v3.250.0",
    "pulumi-language-python": "",
    "pulumi-language-python-exec": "",
    "pulumi-resource-pulumi-python": "",
}


class Recorded:
    """Progress that records the start and the end of each step."""

    def __init__(self):
        self.steps = []

    def start(self, step):
        self.steps.append(step)

    def update(self, step, detail, completed=0, total=None):
        assert step == self.steps[-1]
        assert detail
        assert total is None or 0 <= completed <= total

    def end(self, step, detail):
        self.steps.append((step, detail.split()[0]))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def toolbox(cache, modules, tiny):
    """A toolbox for `tiny`, or for the programs of a test."""

    def toolbox(*programs, path="", progress=None):
        return Toolbox(cache, progress, programs=programs or [tiny], modules=modules, path=str(path))

    return toolbox


@pytest.fixture
def on_path(make_script):
    """A folder of PATH with a `tiny` in an accepted version."""
    make_script("bin/tiny-helper", "echo helping")
    return make_script("bin/tiny", "echo tiny 1.2.7").parent


def test_program_on_path_is_preferred(toolbox, offered, on_path):
    """A program on PATH in an accepted version is used, even if a release is available."""
    (obtained,) = toolbox(offered(), path=on_path).ensure().obtained
    assert (obtained.source, obtained.path, obtained.installation.version) == (Source.PATH, on_path / "tiny", "1.2.7")


def test_release_is_preferred_to_compilation(toolbox, offered, server, make_script):
    """Without an accepted program on PATH the release is used, and the notes have the reason for rejection."""
    old = make_script("bin/tiny", "echo tiny 1.1.0")
    tools = toolbox(offered(), path=old.parent).ensure()
    (obtained,) = tools.obtained
    assert obtained.source is Source.ARCHIVE
    assert obtained.notes == (f"{old} has version 1.1.0; accepted are >=1.2, <1.3",)
    assert probe_version(tools.bin / "tiny", obtained.program.probe) == "1.2.3"
    assert len(server.requests) == 2


def test_offline_program_is_compiled(toolbox, tiny):
    """If the vendor's host is unreachable, the program is compiled, and the notes name the host."""
    tools = toolbox().ensure()
    (obtained,) = tools.obtained
    assert obtained.source is Source.COMPILED
    assert obtained.notes[0].startswith("no release archive: 127.0.0.1:1 cannot be reached")
    assert probe_version(tools.bin / "tiny", tiny.probe) == "1.2.3"
    assert probe_version(tools.bin / "tiny-helper", tiny.companion_probes["tiny-helper"]) == ""


def test_release_without_checksum_is_compiled(toolbox, offered, server):
    """An archive without a published checksum is not used, and the program is compiled."""
    program = offered()
    server.publish("/checksums.txt", b"")
    (obtained,) = toolbox(program).ensure().obtained
    assert obtained.source is Source.COMPILED
    assert "has no checksum" in obtained.notes[0]


def test_corrupted_release_raises(toolbox, offered, server, cache):
    """An archive with another checksum raises an error, and the cache has no entry."""
    program = offered()
    name = server.files["/checksums.txt"].split()[1]
    server.publish("/checksums.txt", b"0" * 64 + b"  " + name)
    with pytest.raises(ToolError, match=r"does not match the vendor's checksum: sha256 expected 0{64}, actual \w{64}"):
        toolbox(program).ensure()
    assert not list(cache.glob("*tiny-*"))


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("1.3.0", "prints version 1.3.0"),
        ("none", "does not run on this machine: prints no version: exit code 0, 'tiny none'"),
    ],
)
def test_program_with_other_version_is_not_cached(toolbox, offered, cache, version, problem):
    """An installed program that prints another version, or none, is not cached."""
    with pytest.raises(ToolError, match=problem):
        toolbox(offered(version=version)).ensure()
    assert not list(cache.glob("*tiny-*"))


def test_cached_program_is_used(toolbox, offered, server):
    """An installed program is used again: its notes have its original source, and it reports no progress."""
    program = offered()
    toolbox(program).ensure()
    progress = Recorded()
    (obtained,) = toolbox(program, progress=progress).ensure().obtained
    assert obtained.source is Source.CACHE
    assert obtained.notes == (f"tiny came from {server.url}{server.requests[-1]}",)
    assert progress.steps == []


def test_progress_of_an_installation(toolbox):
    """An installation is one step with a start, ordered updates and an end."""
    progress = Recorded()
    toolbox(progress=progress).ensure()
    assert progress.steps == ["tiny 1.2.3", ("tiny 1.2.3", "compiled")]


def test_warm_run_starts_no_process(toolbox, tiny, on_path, monkeypatch):
    """A run that finds every program starts no process, neither for PATH nor for the cache."""
    other = replace(tiny, name="other", builds={"other": tiny.builds["tiny"]}, copies={}, companion_probes={})
    toolbox(tiny, other, path=on_path).ensure()

    def started(*_, **__):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess.Popen, "__init__", started)
    sources = [tool.source for tool in toolbox(tiny, other, path=on_path).ensure().obtained]
    assert sources == [Source.PATH, Source.CACHE]


def test_own_links_on_path_are_ignored(toolbox, offered):
    """The toolbox's own links on PATH do not count as the user's programs."""
    program = offered()
    tools = toolbox(program).ensure()
    again = toolbox(program, path=tools.bin).ensure()
    assert again.obtained[0].source is Source.CACHE
    assert again.bin == tools.bin


def test_relative_folders_of_path_are_ignored(toolbox, offered, on_path, monkeypatch):
    """A relative folder of PATH is not searched, because it depends on the working directory."""
    monkeypatch.chdir(on_path.parent)
    (obtained,) = toolbox(offered(), path="bin:").ensure().obtained
    assert obtained.source is Source.ARCHIVE


def test_each_set_of_programs_has_its_own_links(toolbox, offered, on_path):
    """A run with another PATH gets its own links, and the links of the first run stay."""
    cached, on_path_tools = toolbox(offered()).ensure(), toolbox(path=on_path).ensure()
    assert cached.bin != on_path_tools.bin
    assert (cached.bin / "tiny").resolve() == cached.obtained[0].path.resolve()
    assert (on_path_tools.bin / "tiny").resolve() == on_path / "tiny"


def test_missing_links_are_restored(toolbox, offered):
    """A removed or changed link is restored."""
    program = offered()
    tools = toolbox(program).ensure()
    (tools.bin / "tiny").unlink()
    (tools.bin / "tiny-helper").unlink()
    (tools.bin / "tiny-helper").symlink_to("/missing")
    toolbox(program).ensure()
    assert (tools.bin / "tiny").resolve() == tools.obtained[0].path.resolve()
    assert (tools.bin / "tiny-helper").exists()


def test_all_failures_are_in_one_error(toolbox, tiny, monkeypatch, make_script):
    """The error names every unavailable program with its attempted sources, and each fix once."""
    old = make_script("bin/tiny", "echo tiny 1.1.0")
    other = replace(tiny, name="other", builds={"other": GoBuild("tiny", "example.test/tiny")}, release=None)
    monkeypatch.setenv("PATH", str(old.parent))
    with pytest.raises(ToolError) as raised:
        toolbox(tiny, other, path=old.parent).ensure()
    problem, fix = raised.value.problem, raised.value.fix
    assert "compiling tiny 1.2.3 needs Go" in problem
    assert f"{old} has version 1.1.0; accepted are >=1.2, <1.3" in problem
    assert "127.0.0.1:1 cannot be reached" in problem
    assert "compiling other 1.2.3 needs Go" in problem
    assert "the vendor publishes no release" in problem
    assert fix == "install Go 1.24.0 or newer and put it on PATH (https://go.dev/dl/)"


def test_cache_that_is_not_writable_is_rejected(tmp_path, tiny):
    """A cache that is not writable is rejected with its path and the variable that changes it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolError, match=r"file/tools cannot be written: .*\n  fix: .*EKS_LAB_HOME"):
        Toolbox(tmp_path / "file" / "tools", programs=[tiny])


def test_default_cache(monkeypatch, tmp_path):
    """The cache is in EKS_LAB_HOME, by default in the user's cache folder from XDG_CACHE_HOME."""
    monkeypatch.setenv("EKS_LAB_HOME", str(tmp_path / "home"))
    assert default_cache() == tmp_path / "home" / "tools"
    monkeypatch.delenv("EKS_LAB_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache() == tmp_path / "xdg" / "eks-identity-lab" / "tools"


@pytest.fixture
def command(tmp_path, make_script):
    """Run `python -m lab.tools` on a machine with every program."""
    for name, output in FAKE_OUTPUT.items():
        make_script(f"bin/{name}", f"echo '{output}'")

    def command(home):
        environment = {**os.environ, "PATH": str(tmp_path / "bin"), "EKS_LAB_HOME": str(home)}
        return subprocess.run(
            [sys.executable, "-m", "lab.tools"], env=environment, capture_output=True, text=True, check=False
        )

    return command


def test_command_lists_programs(command, tmp_path):
    """The command lists each program with version, range, source and path, and the folder for PATH."""
    completed = command(tmp_path / "home")
    assert completed.returncode == 0, completed.stderr
    rows = {line.split()[0]: line for line in completed.stdout.splitlines() if line.strip()}
    for program in CATALOGUE:
        row = rows[program.name]
        assert FAKE_OUTPUT[program.name].strip('"}').rsplit("v", 1)[-1].split(" ")[-1].split('"')[-1] in row
        assert str(program.versions) in row
        assert " path " in row
        assert str(tmp_path / "bin" / program.name) in row
    bin_folder = Path(rows["export"].removeprefix("export PATH=").removesuffix(":$PATH"))
    assert {path.name for path in bin_folder.iterdir()} == set(FAKE_OUTPUT)


def test_command_prints_errors(command, tmp_path):
    """The command ends with 1 and prints the fix to standard error."""
    (tmp_path / "home").write_text("")
    completed = command(tmp_path / "home")
    assert completed.returncode == 1
    assert "EKS_LAB_HOME" in completed.stderr
    assert completed.stdout == ""


def test_modules_of_later_programs_are_downloaded_in_parallel(toolbox, modules, tiny, make_script, monkeypatch):
    """While one program is compiled, Go lists the packages of the next one, which downloads its modules."""
    (modules / "later").mkdir()
    for name in ("go.mod", "go.sum", "main.go"):
        (modules / "later" / name).write_text((modules / "tiny" / name).read_text().replace("tiny", "later"))
    requests = modules / "requests"
    go = make_script("go/go", f'echo "$PWD $*" >> {requests}', "exit 1")
    monkeypatch.setenv("PATH", f"{go.parent}:{os.environ['PATH']}")
    built = {"later": GoBuild("later", "example.test/later")}
    later = replace(tiny, name="later", builds=built, copies={}, companion_probes={})
    with pytest.raises(ToolError, match="tiny"):
        toolbox(tiny, later).ensure()
    for attempt in Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.05), reraise=True):
        with attempt:
            assert "/later list -mod=readonly -deps example.test/later" in requests.read_text()
