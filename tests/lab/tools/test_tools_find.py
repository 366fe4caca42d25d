"""Programs on PATH: which is taken, why another is not, and how seldom they are run."""

import os

import pytest

from lab.tools.find import VersionMemory, search


@pytest.fixture
def memory(tmp_path):
    return VersionMemory(tmp_path / "versions.json")


@pytest.fixture
def install(tmp_path, make_script):
    """Put a `tiny` of some version, which counts its runs, and what belongs beside it into a folder of PATH."""

    def install(folder: str, version: str, *, helper: bool = True):
        place = tmp_path / folder
        runs = tmp_path / f"{folder}-runs"
        make_script(f"{folder}/tiny", f"echo run >> {runs}", f"echo tiny {version}")
        if helper:
            make_script(f"{folder}/tiny-helper", "echo helping")
        return place

    return install


def test_found(tiny, install, memory):
    """A program whose version fits is taken, with what lies beside it."""
    place = install("bin", "1.2.9")
    found = search(tiny, [place], memory).found
    assert found is not None
    assert found.version == "1.2.9"
    assert found.files == {"tiny": place / "tiny", "tiny-helper": place / "tiny-helper"}


def test_not_fitting(tiny, install, memory):
    """A program whose version does not fit is not taken, and the reason names file, version and range."""
    place = install("bin", "1.3.0")
    searched = search(tiny, [place], memory)
    assert searched.found is None
    assert searched.rejected == (f"{place}/tiny is 1.3.0, wanted is >=1.2, <1.3",)


def test_later_on_path(tiny, install, memory):
    """An old program in front does not hide one behind it that fits."""
    old, new = install("old", "1.1.0"), install("new", "1.2.0")
    searched = search(tiny, [old, new], memory)
    assert searched.found is not None
    assert searched.found.files["tiny"] == new / "tiny"
    assert len(searched.rejected) == 1


def test_companion_missing(tiny, install, memory):
    """A program without what belongs beside it is not taken, and the reason names what is missing."""
    place = install("bin", "1.2.0", helper=False)
    searched = search(tiny, [place], memory)
    assert searched.found is None
    assert searched.rejected == (f"{place}/tiny has no tiny-helper beside it",)


def test_companion_beside_the_real_file(tiny, install, memory, tmp_path):
    """Where PATH holds a link to the program alone, its companions are found beside what it links to."""
    place = install("cellar", "1.2.0")
    linked = tmp_path / "bin"
    linked.mkdir()
    (linked / "tiny").symlink_to(place / "tiny")
    found = search(tiny, [linked], memory).found
    assert found is not None
    assert found.files["tiny-helper"] == place / "tiny-helper"


def test_absent(tiny, tmp_path, memory):
    """A program that is nowhere on PATH is not found, and nothing was rejected."""
    searched = search(tiny, [tmp_path, tmp_path / "missing"], memory)
    assert (searched.found, searched.rejected) == (None, ())


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["echo tiny unversioned"], "says no version: exit code 0, 'tiny unversioned'"),
        (["echo broken >&2", "exit 3"], "says no version: exit code 3, 'broken'"),
    ],
)
def test_no_version(tiny, make_script, memory, lines, reason):
    """A program that names no version is not taken, and the reason shows what it said."""
    path = make_script("bin/tiny", *lines)
    assert search(tiny, [path.parent], memory).rejected == (f"{path} {reason}",)


def test_not_a_program_of_this_machine(tiny, tmp_path, memory):
    """A file that this machine cannot run is not taken."""
    path = tmp_path / "tiny"
    path.write_bytes(b"\x7fELF of another kind")
    path.chmod(0o755)
    (reason,) = search(tiny, [tmp_path], memory).rejected
    assert reason.startswith(f"{path} cannot be run: Exec format error")


def test_not_executable(tiny, install, memory):
    """A file without its run bit is no program."""
    place = install("bin", "1.2.0")
    (place / "tiny").chmod(0o644)
    assert search(tiny, [place], memory).found is None


def test_asked_once(tiny, install, tmp_path):
    """A program is run once, not once each time it is looked for."""
    place = install("bin", "1.2.0")
    for _ in range(3):
        found = search(tiny, [place], VersionMemory(tmp_path / "versions.json")).found
        assert found is not None
        assert found.version == "1.2.0"
    assert (tmp_path / "bin-runs").read_text() == "run\n"


def test_silence_is_remembered(tiny, tmp_path, make_script):
    """A program that ran well and named no version is not run again either."""
    runs = tmp_path / "runs"
    make_script("bin/tiny", f"echo run >> {runs}", "echo tiny unversioned")
    reasons = {search(tiny, [tmp_path / "bin"], VersionMemory(tmp_path / "versions.json")).rejected for _ in range(2)}
    assert len(reasons) == 1
    assert runs.read_text() == "run\n"


def test_asked_again_after_a_change(tiny, install, tmp_path):
    """A program that was replaced is asked again."""
    memory = VersionMemory(tmp_path / "versions.json")
    search(tiny, [install("bin", "1.2.0")], memory)
    found = search(tiny, [install("bin", "1.2.11")], memory).found
    assert found is not None
    assert found.version == "1.2.11"


def test_asked_again_after_a_touch(tiny, install, tmp_path):
    """A program of the same size but another time is asked again."""
    memory = VersionMemory(tmp_path / "versions.json")
    place = install("bin", "1.2.1")
    search(tiny, [place], memory)
    install("bin", "1.2.2")
    os.utime(place / "tiny", ns=(0, 0))
    found = search(tiny, [place], memory).found
    assert found is not None
    assert found.version == "1.2.2"


@pytest.mark.parametrize("content", ["", "no json", "[]", '{"x": 1}'])
def test_memory_broken(tiny, install, tmp_path, content):
    """A broken memory is as good as none."""
    (tmp_path / "versions.json").write_text(content)
    assert search(tiny, [install("bin", "1.2.0")], VersionMemory(tmp_path / "versions.json")).found
