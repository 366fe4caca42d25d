"""A lab with an owner process: a script, a CI job, a test run."""

import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest

from lab.lab_dir import LabDir
from lab.lifecycle import reset

pytestmark = pytest.mark.xdist_group("command-line")

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def home():
    home = LabDir(f"test-{uuid.uuid4().hex[:8]}")
    yield home
    reset(home)


def test_lab_ends_with_its_owner(home, tools):
    """When its owner is killed, a lab stops with all its processes, and its files are removed."""
    script = f'"{sys.executable}" -m lab --lab {home.name} up --cluster one=API --owner $$ && echo up && read -r'
    with subprocess.Popen(
        ["bash", "-c", script], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout.readline() == "up\n"
        daemon = psutil.Process(home.running().pid)
        family = [daemon, *daemon.children(recursive=True)]
        assert len(family) > 1
        owner.kill()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    assert not home.folder.exists()
    assert not [path for path in home.folder.parent.iterdir() if path.name.startswith(home.name)]


def test_owner_that_has_ended_is_rejected(home):
    """No lab is started for a process that has ended."""
    owner = subprocess.Popen(["true"])
    owner.wait()
    command = [sys.executable, "-m", "lab", "--lab", home.name, "up", "--owner", str(owner.pid)]
    completed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert completed.returncode == 2
    assert f"no process {owner.pid}" in completed.stderr
    assert home.running() is None
