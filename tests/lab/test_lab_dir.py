"""The lab's folder: names, permissions, rejected folders, and the cleanup after a killed lab."""

import os
import stat

import psutil
import pytest

from lab.errors import StateError, UsageError
from lab.lab_dir import LabDir, State


def test_lab_of_an_older_version_has_unconfined_pods(tmp_path):
    """A daemon that wrote no `pods.json` does not confine pods."""
    assert not LabDir("old", tmp_path).read_pod_confinement().is_active


def state(**changes) -> State:
    process = psutil.Process()
    values = {
        "pid": process.pid,
        "created": process.create_time(),
        "instance": "0123abcd",
        "account": "123456789012",
        "region": "ap-northeast-1",
        "proxy_url": "http://127.0.0.1:1",
        "ca_file": "/missing/ca.crt",
    }
    return State(**values | changes)


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "..", "-a", "a" * 33, "a b"])
def test_invalid_lab_names_are_rejected(name, tmp_path):
    """A lab name that is no portable folder name is rejected."""
    with pytest.raises(UsageError, match="lab name") as raised:
        LabDir(name, tmp_path)
    assert raised.value.fix


def test_lab_folder_is_private(tmp_path):
    """Only the user can read the lab's folder and its state."""
    home = LabDir("one", tmp_path)
    home.prepare()
    home.write_state(state())
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((home.folder / "lab.json").stat().st_mode) == 0o600


def test_running_lab_has_its_state(tmp_path):
    """A lab with a live daemon is running, and has the written state."""
    home = LabDir("one", tmp_path)
    home.prepare()
    home.write_state(state())
    assert home.running() == state()
    assert not home.is_stale


@pytest.mark.parametrize("changes", [{"pid": 2**22 + 1}, {"created": 1.0}], ids=["no process", "another process"])
def test_lab_without_its_daemon_is_stale(tmp_path, changes):
    """A lab is not running if its daemon has ended or its process id belongs to another process."""
    home = LabDir("one", tmp_path)
    home.prepare()
    home.write_state(state(**changes))
    assert home.running() is None
    assert home.is_stale
    with pytest.raises(UsageError, match="not running") as raised:
        home.require_running()
    assert raised.value.fix == "run `python -m lab --lab one up`"


def test_clear_keeps_logs_on_request(tmp_path):
    """`clear` removes all files, except the logs with `keep_logs`."""
    home = LabDir("one", tmp_path)
    home.prepare()
    home.write_state(state())
    home.logs.mkdir()
    (home.logs / "daemon.log").write_text("last words")
    home.clear(keep_logs=True)
    assert [file.name for file in home.folder.rglob("*")] == ["logs", "daemon.log"]
    home.clear()
    assert not home.folder.exists()


def test_folder_that_is_not_writable_is_rejected(tmp_path):
    """A cache folder that is not writable is rejected with its path and the variable that changes it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be written") as raised:
        LabDir("one", tmp_path / "file").prepare()
    assert "EKS_LAB_HOME" in raised.value.fix


def test_full_disk_is_rejected(tmp_path, monkeypatch):
    """A disk with too little free space is rejected before the lab starts."""
    usage = os.statvfs(tmp_path)
    monkeypatch.setattr("lab.lab_dir.MIN_FREE_DISK", usage.f_blocks * usage.f_frsize * 2)
    with pytest.raises(StateError, match="MiB are free") as raised:
        LabDir("one", tmp_path).prepare()
    assert "EKS_LAB_HOME" in raised.value.fix


def test_state_of_another_version(tmp_path):
    """A state file of another version raises an error with a fix."""
    home = LabDir("one", tmp_path)
    home.prepare()
    (home.folder / "lab.json").write_text('{"pid": 1}')
    with pytest.raises(StateError, match="was not written by this version"):
        home.running()


@pytest.mark.parametrize("written", [state(pid=2**22 + 1), None], ids=["daemon killed", "killed while it started"])
def test_leftovers_of_a_killed_lab_are_removed(tmp_path, written):
    """A killed lab's files are removed, but not the logs that `down` keeps, nor while a command holds the lock."""
    home = LabDir("one", tmp_path)
    home.prepare()
    (home.folder / "pki").mkdir()
    if written:
        home.write_state(written)
    with home.lock():
        home.remove_leftovers()
        assert home.is_stale
    home.remove_leftovers()
    assert list((tmp_path / "labs").iterdir()) == []
    home.prepare()
    home.logs.mkdir()
    assert not home.is_stale
    home.remove_leftovers()
    assert home.logs.is_dir()


def test_removed_lab_is_not_stale(tmp_path):
    """A lab that another command removes while a lab starts is ignored."""
    removed = LabDir("one", tmp_path)
    removed.prepare()
    (removed.folder / "pki").mkdir()
    removed.clear()
    assert not removed.is_stale
    removed.remove_leftovers()
    assert not removed.folder.exists()
