"""The toolbox: each source in its turn, each program listed with how it was come by, every failure told at once."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tenacity import Retrying, stop_after_delay, wait_fixed

from lab.errors import ToolError
from lab.tools import Source, Toolbox, default_cache
from lab.tools.programs import CATALOGUE, GoBuild
from lab.tools.version_probe import ask

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
    """Progress as a list of its steps' beginnings and ends."""

    def __init__(self):
        self.steps = []

    def start(self, step):
        self.steps.append(step)

    def update(self, step, detail, done=0, total=None):
        assert step == self.steps[-1]
        assert detail
        assert total is None or 0 <= done <= total

    def end(self, step, detail):
        self.steps.append((step, detail.split()[0]))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def toolbox(cache, modules, tiny):
    """A toolbox for `tiny` alone, or for the programs that a test names."""

    def toolbox(*programs, path="", progress=None):
        return Toolbox(cache, progress, programs=programs or [tiny], modules=modules, path=str(path))

    return toolbox


@pytest.fixture
def on_path(make_script):
    """A folder of PATH with a `tiny` that fits."""
    make_script("bin/tiny-helper", "echo helping")
    return make_script("bin/tiny", "echo tiny 1.2.7").parent


def test_path_comes_first(toolbox, offered, on_path):
    """A program on PATH that fits is used, whatever the vendor offers."""
    (obtained,) = toolbox(offered(), path=on_path).ensure().obtained
    assert (obtained.source, obtained.path, obtained.found.version) == (Source.PATH, on_path / "tiny", "1.2.7")


def test_archive_comes_before_compiling(toolbox, offered, server, make_script):
    """Where PATH has none that fits, the vendor's archive is used, and the notes say what was wrong on PATH."""
    old = make_script("bin/tiny", "echo tiny 1.1.0")
    tools = toolbox(offered(), path=old.parent).ensure()
    (obtained,) = tools.obtained
    assert obtained.source is Source.ARCHIVE
    assert obtained.notes == (f"{old} is 1.1.0, wanted is >=1.2, <1.3",)
    assert ask(tools.bin / "tiny", obtained.program.says) == "1.2.3"
    assert len(server.asked) == 2


def test_compiled_when_offline(toolbox, tiny):
    """Where the vendor cannot be reached either, the program is compiled, and the notes name the host."""
    tools = toolbox().ensure()
    (obtained,) = tools.obtained
    assert obtained.source is Source.COMPILED
    assert obtained.notes[0].startswith("no release archive: 127.0.0.1:1 cannot be reached")
    assert ask(tools.bin / "tiny", tiny.says) == "1.2.3"
    assert ask(tools.bin / "tiny-helper", tiny.companions_say["tiny-helper"]) == ""


def test_compiled_without_checksum(toolbox, offered, server):
    """An archive whose checksum is not published is left alone, and the program is compiled."""
    program = offered()
    server.publish("/checksums.txt", b"")
    (obtained,) = toolbox(program).ensure().obtained
    assert obtained.source is Source.COMPILED
    assert "names no checksum" in obtained.notes[0]


def test_corrupted_is_not_compiled_over(toolbox, offered, server, cache):
    """An archive that is not what the vendor published stops everything, and leaves nothing in the cache."""
    program = offered()
    name = server.files["/checksums.txt"].split()[1]
    server.publish("/checksums.txt", b"0" * 64 + b"  " + name)
    with pytest.raises(ToolError, match=r"is not what the vendor published: sha256 expected 0{64}, seen \w{64}"):
        toolbox(program).ensure()
    assert not list(cache.glob("*tiny-*"))


@pytest.mark.parametrize(
    ("version", "said"),
    [("1.3.0", "says that it is 1.3.0"), ("none", "does not run here: says no version: exit code 0, 'tiny none'")],
)
def test_made_but_wrong(toolbox, offered, cache, version, said):
    """What was made and says another version, or none, is not kept."""
    with pytest.raises(ToolError, match=said):
        toolbox(offered(version=version)).ensure()
    assert not list(cache.glob("*tiny-*"))


def test_cache_comes_second(toolbox, offered, server):
    """What was made once is found again, with where it once came from, and no progress is shown for it."""
    program = offered()
    toolbox(program).ensure()
    progress = Recorded()
    (obtained,) = toolbox(program, progress=progress).ensure().obtained
    assert obtained.source is Source.CACHE
    assert obtained.notes == (f"tiny came from {server.url}{server.asked[-1]}",)
    assert progress.steps == []


def test_progress(toolbox):
    """Making a program is one step, with a beginning, news that are in order, and an end."""
    progress = Recorded()
    toolbox(progress=progress).ensure()
    assert progress.steps == ["tiny 1.2.3", ("tiny 1.2.3", "compiled")]


def test_warm_run_starts_nothing(toolbox, tiny, on_path, monkeypatch):
    """A run that finds everything starts no process: neither for PATH nor for the cache."""
    other = replace(tiny, name="other", builds={"other": tiny.builds["tiny"]}, copies={}, companions_say={})
    toolbox(tiny, other, path=on_path).ensure()

    def started(*_, **__):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess.Popen, "__init__", started)
    sources = [each.source for each in toolbox(tiny, other, path=on_path).ensure().obtained]
    assert sources == [Source.PATH, Source.CACHE]


def test_own_links_are_not_the_users(toolbox, offered):
    """In a shell that has the toolbox's links on PATH, they do not count as programs of the user's."""
    program = offered()
    tools = toolbox(program).ensure()
    again = toolbox(program, path=tools.bin).ensure()
    assert again.obtained[0].source is Source.CACHE
    assert again.bin == tools.bin


def test_relative_folders_are_left_out(toolbox, offered, on_path, monkeypatch):
    """A folder of PATH that is relative is not searched: it means another place in another folder."""
    monkeypatch.chdir(on_path.parent)
    (obtained,) = toolbox(offered(), path="bin:").ensure().obtained
    assert obtained.source is Source.ARCHIVE


def test_links_of_two_runs(toolbox, offered, on_path):
    """A run with another PATH gets links of its own; those of the first go on pointing where they did."""
    ours, theirs = toolbox(offered()).ensure(), toolbox(path=on_path).ensure()
    assert ours.bin != theirs.bin
    assert (ours.bin / "tiny").resolve() == ours.obtained[0].path.resolve()
    assert (theirs.bin / "tiny").resolve() == on_path / "tiny"


def test_link_lost(toolbox, offered):
    """A link that was taken away or turned elsewhere is put back."""
    program = offered()
    tools = toolbox(program).ensure()
    (tools.bin / "tiny").unlink()
    (tools.bin / "tiny-helper").unlink()
    (tools.bin / "tiny-helper").symlink_to("/nowhere")
    toolbox(program).ensure()
    assert (tools.bin / "tiny").resolve() == tools.obtained[0].path.resolve()
    assert (tools.bin / "tiny-helper").exists()


def test_all_failures_at_once(toolbox, tiny, monkeypatch, make_script):
    """Programs that can be had from nowhere are all named, with what was tried for each, and each way out once."""
    old = make_script("bin/tiny", "echo tiny 1.1.0")
    other = replace(tiny, name="other", builds={"other": GoBuild("tiny", "example.test/tiny")}, releases=())
    monkeypatch.setenv("PATH", str(old.parent))
    with pytest.raises(ToolError) as raised:
        toolbox(tiny, other, path=old.parent).ensure()
    problem, fix = raised.value.problem, raised.value.fix
    assert "compiling tiny 1.2.3 needs Go" in problem
    assert f"{old} is 1.1.0, wanted is >=1.2, <1.3" in problem
    assert "127.0.0.1:1 cannot be reached" in problem
    assert "compiling other 1.2.3 needs Go" in problem
    assert "the vendor publishes none" in problem
    assert fix == "install Go 1.24.0 or newer and put it on PATH (https://go.dev/dl/)"


def test_cache_not_writable(tmp_path, tiny):
    """A cache that cannot be written is refused at once, by its name, with the variable that moves it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolError, match=r"file/tools cannot be written: .*\n  fix: .*EKS_LAB_HOME"):
        Toolbox(tmp_path / "file" / "tools", programs=[tiny])


def test_default_cache(monkeypatch, tmp_path):
    """The cache is under EKS_LAB_HOME, else in the user's cache folder as XDG_CACHE_HOME names it."""
    monkeypatch.setenv("EKS_LAB_HOME", str(tmp_path / "home"))
    assert default_cache() == tmp_path / "home" / "tools"
    monkeypatch.delenv("EKS_LAB_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache() == tmp_path / "xdg" / "eks-identity-lab" / "tools"


@pytest.fixture
def command(tmp_path, make_script):
    """`python -m lab.tools` on a machine that has every program."""
    for name, output in FAKE_OUTPUT.items():
        make_script(f"bin/{name}", f"echo '{output}'")

    def command(home):
        environment = {**os.environ, "PATH": str(tmp_path / "bin"), "EKS_LAB_HOME": str(home)}
        return subprocess.run(
            [sys.executable, "-m", "lab.tools"], env=environment, capture_output=True, text=True, check=False
        )

    return command


def test_command(command, tmp_path):
    """The command lists each program with version, range, source and path, and the folder to put on PATH."""
    done = command(tmp_path / "home")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    for program in CATALOGUE:
        row = rows[program.name]
        assert FAKE_OUTPUT[program.name].strip('"}').rsplit("v", 1)[-1].split(" ")[-1].split('"')[-1] in row
        assert str(program.fits) in row
        assert " path " in row
        assert str(tmp_path / "bin" / program.name) in row
    bin_folder = Path(rows["export"].removeprefix("export PATH=").removesuffix(":$PATH"))
    assert {path.name for path in bin_folder.iterdir()} == set(FAKE_OUTPUT)


def test_command_fails(command, tmp_path):
    """The command ends with 1 and the way out on standard error."""
    (tmp_path / "home").write_text("")
    done = command(tmp_path / "home")
    assert done.returncode == 1
    assert "EKS_LAB_HOME" in done.stderr
    assert done.stdout == ""


def test_modules_of_later_programs_are_downloaded_beside_the_first(toolbox, modules, tiny, make_script, monkeypatch):
    """While one program is compiled, Go lists what the next one needs, which downloads it."""
    (modules / "later").mkdir()
    for name in ("go.mod", "go.sum", "main.go"):
        (modules / "later" / name).write_text((modules / "tiny" / name).read_text().replace("tiny", "later"))
    asked = modules / "asked"
    go = make_script("go/go", f'echo "$PWD $*" >> {asked}', "exit 1")
    monkeypatch.setenv("PATH", f"{go.parent}:{os.environ['PATH']}")
    built = {"later": GoBuild("later", "example.test/later")}
    later = replace(tiny, name="later", builds=built, copies={}, companions_say={})
    with pytest.raises(ToolError, match="tiny"):
        toolbox(tiny, later).ensure()
    for attempt in Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.05), reraise=True):
        with attempt:
            assert "/later list -mod=readonly -deps example.test/later" in asked.read_text()
