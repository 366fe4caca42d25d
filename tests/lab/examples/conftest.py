"""Runs an example as its README tells a reader to, in the lab's shell, and sees that nothing of it is left."""

import shutil
from pathlib import Path

import pytest
import transcript
from inventory import inventory
from warm_programs import link_virtual_environment

from lab.environment import process_environment
from lab.scenarios.clients import LabClients

REPOSITORY = Path(__file__).resolve().parents[3]
PROMISED = ("preview", "up --yes --skip-preview", "up --yes --skip-preview --expect-no-changes", "destroy --yes")
"""What the README of every example has its reader run."""


@pytest.fixture(scope="package")
def running_lab(fresh_lab):
    """The examples' own: other tests change the mode of clusters, and there is no way back.

    It goes with the last example: two more clusters would take processor time from all tests after them.
    """
    with fresh_lab() as home:
        yield home


@pytest.fixture
def world(running_lab, tools):
    return LabClients(running_lab, tools.bin)


@pytest.fixture(scope="session")
def repository(tools, tmp_path_factory):
    """The repository as its reader has it, with copies of the examples, and programs that run as forks."""
    folder = tmp_path_factory.mktemp("repository")
    for found in REPOSITORY.iterdir():
        if found.name not in {".venv", ".git", "examples"}:
            (folder / found.name).symlink_to(found)
    shutil.copytree(REPOSITORY / "examples", folder / "examples", ignore=shutil.ignore_patterns("node_modules"))
    link_virtual_environment(folder / ".venv", tools)
    return folder


@pytest.fixture
def play(world, tools, running_lab, repository, tmp_path):
    """Plays the README of an example from its first command to its last, in the lab's shell or in another that its
    reader begins in.
    """
    played = []

    def run(name, *, shell=None):
        example = repository / "examples" / name
        said = (example / "README.md").read_text()
        for words in PROMISED:
            assert f"$ pulumi -C examples/{name} {words}" in said
        played.append(example)
        before = inventory(world)
        # A home of its own, so that no client's cache carries over; labs are in the real one's cache folder.
        own = {"HOME": str(tmp_path), "EKS_LAB_HOME": str(running_lab.root)}
        environment = process_environment(running_lab, tools.bin) if shell is None else shell
        transcript.play(example / "README.md", environment | own, repository)
        assert inventory(world) == before

    yield run
    for example in played:
        for left in (("destroy", "--skip-preview"), ("stack", "rm", "--preserve-config", "--force")):
            world.run("pulumi", "-C", str(example), *left, "--stack", "lab", "--yes", "--non-interactive")
