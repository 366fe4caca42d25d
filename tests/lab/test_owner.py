"""A lab that belongs to a process: a script, a CI job, a test run."""

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


def test_a_lab_ends_with_its_owner(home, tools):
    """However its owner ends, a lab stops, with all that it runs, and nothing of it stays on the disk."""
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
    assert not [left for left in home.folder.parent.iterdir() if left.name.startswith(home.name)]


def test_an_owner_that_is_not_there(home):
    """A process that has ended already owns nothing: no lab is started for it."""
    done = subprocess.Popen(["true"])
    done.wait()
    command = [sys.executable, "-m", "lab", "--lab", home.name, "up", "--owner", str(done.pid)]
    refused = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert f"no process {done.pid}" in refused.stderr
    assert home.running() is None
