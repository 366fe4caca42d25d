"""Folders of links in the cache: shared by runs with the same programs, and removed when they are unused."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.tools.files import UNUSED_SECONDS, link_folder

PROGRAM = Path(shutil.which("sleep") or "")


@pytest.fixture
def cache(tmp_path):
    return tmp_path


@pytest.fixture
def folder_of(cache):
    """Return the folder with `count` links, last requested `age` seconds ago."""

    def folder_of(count, age=0.0):
        folder = link_folder(cache, "bin", {f"program-{number}": PROGRAM for number in range(count)})
        last_request = time.time() - age
        os.utime(folder, (last_request, last_request))
        return folder

    return folder_of


def test_runs_with_the_same_programs_share_one_folder(folder_of):
    """The folder's name is derived from the links, which run the programs."""
    folder = folder_of(2)
    assert folder_of(2) == folder != folder_of(1)
    assert sorted(link.name for link in folder.iterdir()) == ["program-0", "program-1"]
    assert (folder / "program-0").readlink() == PROGRAM


def test_folder_is_removed_after_a_week_without_a_request(folder_of):
    """A younger one stays, and so does an old one that a run requests again."""
    old, young, requested = (folder_of(2, UNUSED_SECONDS + 60), folder_of(3, UNUSED_SECONDS - 60), folder_of(1))
    assert not old.exists()
    assert young.exists()
    assert folder_of(1, UNUSED_SECONDS + 60) == folder_of(1) == requested
    assert requested.exists()


def test_folder_of_a_running_program_stays(folder_of):
    """A lab may run for more than a week. Its folder is removed once it has ended."""
    used = folder_of(1)
    arguments = [sys.executable, "-c", "import time; time.sleep(60)", str(used / "program-0")]
    daemon = subprocess.Popen(arguments)
    folder_of(1, UNUSED_SECONDS + 60)
    folder_of(2)
    assert used.exists()
    daemon.kill()
    daemon.wait()
    folder_of(2)
    assert not used.exists()


def test_other_folders_of_the_cache_stay(cache, folder_of):
    """Only folders of links are removed, not the programs, however old they are."""
    others = [cache / name for name in ("bin-of-mine", "etcd-3.6.1-linux-amd64-0123456789ab", "node-0123456789ab")]
    for other in others:
        other.mkdir()
        os.utime(other, (0, 0))
    folder_of(1)
    assert all(other.exists() for other in others)


def test_runs_at_once_do_not_remove_a_requested_folder(folder_of, cache):
    """One run requests an unused folder while others remove unused folders: it gets all links."""
    links = {f"program-{number}": PROGRAM for number in range(20)}
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            folder_of(20, UNUSED_SECONDS + 60)
            others = [pool.submit(folder_of, count) for count in (1, 2, 3)]
            requested = pool.submit(link_folder, cache, "bin", links)
            assert {link.name for link in requested.result().iterdir()} == links.keys()
            for other in others:
                other.result()
