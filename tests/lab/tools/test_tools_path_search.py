"""The search of PATH: accepted programs, reasons for rejection, and recorded versions."""

import os

import pytest

from lab.tools.path_search import VersionMemory, search


@pytest.fixture
def memory(tmp_path):
    return VersionMemory(tmp_path / "versions.json")


@pytest.fixture
def install(tmp_path, make_script):
    """Write a `tiny` of some version, which counts its runs, and its companion into a folder of PATH."""

    def install(folder: str, version: str, *, helper: bool = True):
        directory = tmp_path / folder
        runs = tmp_path / f"{folder}-runs"
        make_script(f"{folder}/tiny", f"echo run >> {runs}", f"echo tiny {version}")
        if helper:
            make_script(f"{folder}/tiny-helper", "echo helping")
        return directory

    return install


def test_accepted_version_is_found(tiny, install, memory):
    """A program in an accepted version is installation, with its companion."""
    directory = install("bin", "1.2.9")
    installation = search(tiny, [directory], memory).installation
    assert installation is not None
    assert installation.version == "1.2.9"
    assert installation.files == {"tiny": directory / "tiny", "tiny-helper": directory / "tiny-helper"}


def test_other_version_is_rejected(tiny, install, memory):
    """A program in another version is rejected, and the reason names file, version and range."""
    directory = install("bin", "1.3.0")
    result = search(tiny, [directory], memory)
    assert result.installation is None
    assert result.rejected == (f"{directory}/tiny has version 1.3.0; accepted are >=1.2, <1.3",)


def test_later_folder_of_path_is_searched(tiny, install, memory):
    """An old program in front does not hide an accepted one behind it."""
    old, new = install("old", "1.1.0"), install("new", "1.2.0")
    result = search(tiny, [old, new], memory)
    assert result.installation is not None
    assert result.installation.files["tiny"] == new / "tiny"
    assert len(result.rejected) == 1


def test_program_without_companion_is_rejected(tiny, install, memory):
    """A program without its companion is rejected, and the reason names the companion."""
    directory = install("bin", "1.2.0", helper=False)
    result = search(tiny, [directory], memory)
    assert result.installation is None
    assert result.rejected == (f"{directory}/tiny has no tiny-helper beside it",)


def test_companion_beside_the_link_target(tiny, install, memory, tmp_path):
    """If PATH has a link to the program only, its companions are found beside the link target."""
    directory = install("cellar", "1.2.0")
    linked = tmp_path / "bin"
    linked.mkdir()
    (linked / "tiny").symlink_to(directory / "tiny")
    installation = search(tiny, [linked], memory).installation
    assert installation is not None
    assert installation.files["tiny-helper"] == directory / "tiny-helper"


def test_program_not_on_path(tiny, tmp_path, memory):
    """A program that is not on PATH has no installation and no reason."""
    result = search(tiny, [tmp_path, tmp_path / "missing"], memory)
    assert (result.installation, result.rejected) == (None, ())


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["echo tiny unversioned"], "prints no version: exit code 0, 'tiny unversioned'"),
        (["echo broken >&2", "exit 3"], "prints no version: exit code 3, 'broken'"),
    ],
)
def test_program_without_version_is_rejected(tiny, make_script, memory, lines, reason):
    """A program that prints no version is rejected, and the reason shows its output."""
    path = make_script("bin/tiny", *lines)
    assert search(tiny, [path.parent], memory).rejected == (f"{path} {reason}",)


def test_program_of_another_platform_is_rejected(tiny, tmp_path, memory):
    """A file that this machine cannot run is rejected."""
    path = tmp_path / "tiny"
    path.write_bytes(b"\x7fELF of another kind")
    path.chmod(0o755)
    (reason,) = search(tiny, [tmp_path], memory).rejected
    assert reason.startswith(f"{path} cannot be run: Exec format error")


def test_file_without_execute_permission_is_ignored(tiny, install, memory):
    """A file without execute permission is no program."""
    directory = install("bin", "1.2.0")
    (directory / "tiny").chmod(0o644)
    assert search(tiny, [directory], memory).installation is None


def test_version_is_probed_once(tiny, install, tmp_path):
    """A program is run once, not at each search."""
    directory = install("bin", "1.2.0")
    for _ in range(3):
        installation = search(tiny, [directory], VersionMemory(tmp_path / "versions.json")).installation
        assert installation is not None
        assert installation.version == "1.2.0"
    assert (tmp_path / "bin-runs").read_text() == "run\n"


def test_missing_version_is_recorded(tiny, tmp_path, make_script):
    """A program that ran successfully and printed no version is not run again either."""
    runs = tmp_path / "runs"
    make_script("bin/tiny", f"echo run >> {runs}", "echo tiny unversioned")
    reasons = {search(tiny, [tmp_path / "bin"], VersionMemory(tmp_path / "versions.json")).rejected for _ in range(2)}
    assert len(reasons) == 1
    assert runs.read_text() == "run\n"


def test_replaced_program_is_probed_again(tiny, install, tmp_path):
    """A replaced program is probed again."""
    memory = VersionMemory(tmp_path / "versions.json")
    search(tiny, [install("bin", "1.2.0")], memory)
    installation = search(tiny, [install("bin", "1.2.11")], memory).installation
    assert installation is not None
    assert installation.version == "1.2.11"


def test_touched_program_is_probed_again(tiny, install, tmp_path):
    """A program of the same size with another modification time is probed again."""
    memory = VersionMemory(tmp_path / "versions.json")
    directory = install("bin", "1.2.1")
    search(tiny, [directory], memory)
    install("bin", "1.2.2")
    os.utime(directory / "tiny", ns=(0, 0))
    installation = search(tiny, [directory], memory).installation
    assert installation is not None
    assert installation.version == "1.2.2"


@pytest.mark.parametrize("content", ["", "no json", "[]", '{"x": 1}'])
def test_broken_version_file_is_ignored(tiny, install, tmp_path, content):
    """A broken file of versions is ignored."""
    (tmp_path / "versions.json").write_text(content)
    assert search(tiny, [install("bin", "1.2.0")], VersionMemory(tmp_path / "versions.json")).installation
