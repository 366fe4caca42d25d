"""The command `make outdated`: pins with data of the package index and of Go's module proxy."""

import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from lab.tools import outdated
from lab.tools.outdated import Pin, newest, python_pins

LOCK = "tiny-lib==1.10.0 \\\n    --hash=sha256:00\n# via -r requirements.txt\nother==2.0\n"


@pytest.fixture
def index(server):
    """A package index with upload times."""

    def page(path, versions, files):
        uploaded = [{"filename": name, "upload-time": at} for name, at in files.items()]
        server.files[path] = json.dumps({"versions": versions, "files": uploaded}).encode()

    page(
        "/simple/tiny-lib/",
        ["1.2.0", "1.10.0", "2.0rc1", "2013-02-16"],
        {
            "tiny_lib-1.10.0-py3-none-any.whl": "2025-01-02T03:04:05.6Z",
            "tiny-lib-1.10.0.tar.gz": "2025-01-02T03:05:05Z",
            "tiny_lib-1.2.0.tar.gz": "2020-01-01T00:00:00Z",
        },
    )
    page("/simple/other/", ["2.0"], {"other-2.0.tar.gz": "2026-11-01T00:00:00Z"})
    return f"{server.url}/simple/"


def test_pins_of_lock_files(index):
    """A pin has the time of its first file, and the newest version that is no pre-release."""
    other, tiny = python_pins([LOCK], index)
    assert tiny == Pin("tiny-lib", "1.10.0", datetime(2025, 1, 2, 3, 4, 5, 600_000, UTC), "1.10.0")
    now = datetime(2026, 11, 29, tzinfo=UTC)
    assert [pin.is_older(timedelta(days=365), now) for pin in (other, tiny)] == [False, True]


def test_newest_version_of_pre_releases():
    """The newest version is a pre-release if there are only pre-releases."""
    assert newest(["1.0a1", "1.0rc2", "1.0b3"]) == "1.0rc2"


def test_pins_of_go_modules(monkeypatch):
    """The Go modules of compiled programs are listed, their dependencies are not."""
    module = {"Version": "v1.0.0", "Time": "2024-01-01T00:00:00Z"}
    monkeypatch.setattr(outdated, "_go", lambda _command, _folder: json.dumps(module))
    names = {pin.name for pin in outdated.go_pins()}
    assert {"k8s.io/kubernetes", "github.com/pulumi/pulumi-kubernetes/provider/v4"} <= names
    assert {name for name in names if name.startswith("k8s.io/")} == {"k8s.io/kubernetes"}


def test_command_prints_table_and_count(index, monkeypatch, tmp_path, capsys):
    """The command prints a table, and the number of old pins and of all pins."""
    for name in outdated.LOCKS:
        (tmp_path / name).write_text(LOCK)
    monkeypatch.setattr(outdated, "REPOSITORY", tmp_path)
    monkeypatch.setattr(outdated, "go_pins", list)
    monkeypatch.setenv("UV_DEFAULT_INDEX", index)
    outdated.main()
    printed = capsys.readouterr()
    assert "tiny-lib" in printed.out
    assert printed.err == "1 of 2 pins are older than a year\n"


def test_failing_go_raises(monkeypatch):
    """A module proxy that does not respond ends the command with an error."""
    monkeypatch.setattr(outdated, "_go", _fail)
    with pytest.raises(subprocess.CalledProcessError):
        list(outdated.go_pins())


def _fail(command, _folder):
    raise subprocess.CalledProcessError(1, command)
