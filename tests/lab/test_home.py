"""The lab's folder: names, places, what is refused and what is left behind."""

import os
import stat

import psutil
import pytest

from lab.errors import StateError, UsageError
from lab.lab_dir import LabDir, State


def state(**changes) -> State:
    here = psutil.Process()
    values = {
        "pid": here.pid,
        "created": here.create_time(),
        "instance": "0123abcd",
        "account": "123456789012",
        "region": "ap-northeast-1",
        "proxy_url": "http://127.0.0.1:1",
        "ca_file": "/nowhere/ca.crt",
    }
    return State(**values | changes)


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "..", "-a", "a" * 33, "a b"])
def test_names_that_are_no_folder(name, tmp_path):
    """A lab's name is refused where it could not be one folder's name everywhere."""
    with pytest.raises(UsageError, match="lab name") as refused:
        LabDir(name, tmp_path)
    assert refused.value.fix


def test_only_the_user_reads(tmp_path):
    """The lab's folder and its state can be read by the user alone."""
    home = LabDir("one", tmp_path)
    home.prepare()
    home.write_state(state())
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((home.folder / "lab.json").stat().st_mode) == 0o600


def test_a_running_lab_is_found(tmp_path):
    """A lab whose process lives is running; its state is what was written."""
    home = LabDir("one", tmp_path)
    home.prepare()
    home.write_state(state())
    assert home.running() == state()
    assert not home.killed


@pytest.mark.parametrize("changes", [{"pid": 2**22 + 1}, {"created": 1.0}], ids=["no process", "another process"])
def test_a_killed_lab_is_found(tmp_path, changes):
    """A process that is gone, or whose id was given to another one, is no running lab."""
    home = LabDir("one", tmp_path)
    home.prepare()
    home.write_state(state(**changes))
    assert home.running() is None
    assert home.killed
    with pytest.raises(UsageError, match="not running") as refused:
        home.require_running()
    assert refused.value.fix == "python -m lab --lab one up"


def test_clear_keeps_logs_if_asked(tmp_path):
    """`down` keeps the logs, `reset` keeps nothing."""
    home = LabDir("one", tmp_path)
    home.prepare()
    home.write_state(state())
    home.logs.mkdir()
    (home.logs / "daemon.log").write_text("last words")
    home.clear(keep_logs=True)
    assert [file.name for file in home.folder.rglob("*")] == ["logs", "daemon.log"]
    home.clear()
    assert not home.folder.exists()


def test_a_place_that_cannot_be_written(tmp_path):
    """A cache folder that cannot be written is named, with the way to another one."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be written") as refused:
        LabDir("one", tmp_path / "file").prepare()
    assert "EKS_LAB_HOME" in refused.value.fix


def test_a_full_disk(tmp_path, monkeypatch):
    """A disk with too little room is refused before anything is started."""
    usage = os.statvfs(tmp_path)
    monkeypatch.setattr("lab.lab_dir.LEAST_DISK", usage.f_blocks * usage.f_frsize * 2)
    with pytest.raises(StateError, match="MiB are free") as refused:
        LabDir("one", tmp_path).prepare()
    assert "EKS_LAB_HOME" in refused.value.fix


def test_state_of_another_version(tmp_path):
    """A state file that this version did not write is an error with a way out, not a crash."""
    home = LabDir("one", tmp_path)
    home.prepare()
    (home.folder / "lab.json").write_text('{"pid": 1}')
    with pytest.raises(StateError, match="not what this version"):
        home.running()


@pytest.mark.parametrize("written", [state(pid=2**22 + 1), None], ids=["daemon killed", "killed while it started"])
def test_leftovers_go(tmp_path, written):
    """What a killed lab left is removed; not what `down` keeps, nor anything under the hands of a command."""
    home = LabDir("one", tmp_path)
    home.prepare()
    (home.folder / "pki").mkdir()
    if written:
        home.write_state(written)
    with home.lock():
        home.remove_leftovers()
        assert home.killed
    home.remove_leftovers()
    assert list((tmp_path / "labs").iterdir()) == []
    home.prepare()
    home.logs.mkdir()
    assert not home.killed
    home.remove_leftovers()
    assert home.logs.is_dir()
