"""Fixtures that play the README of an example in the lab's shell, and check that nothing of it is left."""

import shutil
from pathlib import Path

import pytest

from lab.environment import process_environment
from lab.scenarios.clients import LabClients
from support import transcript
from support.lab_inventory import inventory
from support.warm_programs import link_virtual_environment

REPOSITORY = Path(__file__).resolve().parents[3]
EVERY_README_HAS = (
    "preview",
    "up --yes --skip-preview",
    "up --yes --skip-preview --expect-no-changes",
    "destroy --yes",
)
"""The commands that the README of every example has."""


@pytest.fixture(scope="package")
def running_lab(fresh_lab):
    """A lab of the examples' own: other tests change the authentication mode of clusters, which cannot change back.

    It is removed after the last example: two more clusters would take processor time from all tests after them.
    """
    with fresh_lab() as lab_dir:
        yield lab_dir


@pytest.fixture
def world(running_lab, tools):
    return LabClients(running_lab, tools.bin)


@pytest.fixture(scope="session")
def repository(tools, tmp_path_factory):
    """The repository with copies of the examples, and programs that run as forks."""
    folder = tmp_path_factory.mktemp("repository")
    for path in REPOSITORY.iterdir():
        if path.name not in {".venv", ".git", "examples"}:
            (folder / path.name).symlink_to(path)
    shutil.copytree(REPOSITORY / "examples", folder / "examples", ignore=shutil.ignore_patterns("node_modules"))
    link_virtual_environment(folder / ".venv", tools)
    return folder


@pytest.fixture
def play(world, tools, running_lab, repository, tmp_path):
    """Return a function that plays the README of an example from its first command to its last.

    It runs in the lab's shell and the repository by default; `shell` and `folder` replace them.
    """
    played = []

    def run(name, *, shell=None, folder=repository):
        example = folder / "examples" / name
        readme = (example / "README.md").read_text()
        for command in EVERY_README_HAS:
            assert f"$ pulumi -C examples/{name} {command}" in readme
        played.append(example)
        before = inventory(world)
        # A HOME of its own keeps caches of clients apart; labs are in the cache folder of the real one.
        own = {"HOME": str(tmp_path), "EKS_LAB_HOME": str(running_lab.root)}
        environment = process_environment(running_lab, tools.bin) if shell is None else shell
        transcript.play(example / "README.md", environment | own, folder)
        assert inventory(world) == before

    yield run
    for example in played:
        for command in (("destroy", "--skip-preview"), ("stack", "rm", "--preserve-config", "--force")):
            world.run("pulumi", "-C", str(example), *command, "--stack", "lab", "--yes", "--non-interactive")
