"""States of earlier releases: each previews without a replacement, a deletion or a new resource.

`EKS_IDENTITY_RELEASE=0.2.0 python -m pytest tests/lab/test_stored_states.py` stores a release's state, once, before the
release is published. A later rename of a component or a child needs an alias, or this test fails. Values of the lab's
cluster are placeholders in the stored state, because each lab has its own.
"""

import json
import os
from pathlib import Path

import pytest
from pulumi import automation

from lab.principals import client
from support.lab_project import LabProject, write_project

STATES = Path(__file__).parent / "states"
RELEASE = os.environ.get("EKS_IDENTITY_RELEASE", "")
UNCHANGED = {automation.OpType.SAME, automation.OpType.UPDATE, automation.OpType.READ, automation.OpType.REFRESH}
MACHINE_FIELDS = {"sourcePosition", "stackTrace"}
"""Fields of a state with paths of the machine that wrote it."""


@pytest.fixture
def project(running_lab, tools, tmp_path):
    folder = write_project(tmp_path / "project", "states", STATES / "program.py")
    project = LabProject(running_lab, tools, folder)
    yield project
    if RELEASE:
        project.stack.destroy()


@pytest.fixture
def placeholders(running_lab):
    """The values of the lab's cluster by the placeholders of stored states."""
    cluster = client(running_lab, "eks").describe_cluster(name="irsa")["cluster"]
    return {
        "@endpoint@": cluster["endpoint"],
        "@certificate-authority@": cluster["certificateAuthority"]["data"],
        "@issuer@": cluster["identity"]["oidc"]["issuer"].removeprefix("https://"),
    }


def without_machine_fields(value):
    if isinstance(value, dict):
        return {key: without_machine_fields(item) for key, item in value.items() if key not in MACHINE_FIELDS}
    return [without_machine_fields(item) for item in value] if isinstance(value, list) else value


if RELEASE:

    def test_state_of_a_release_is_stored(project, placeholders):
        """A second update of the program has no changes; then its state is written to the folder of states."""
        project.update()
        assert project.update() == []
        state = json.loads(project.pulumi("stack", "export", "--show-secrets"))["deployment"]
        text = json.dumps(without_machine_fields(state), indent=1, sort_keys=True)
        for placeholder, value in placeholders.items():
            text = text.replace(value, placeholder)
        (STATES / f"{RELEASE}.json").write_text(f"{text}\n")


@pytest.mark.parametrize("release", sorted(path.stem for path in STATES.glob("*.json")))
def test_state_of_an_earlier_release_previews_without_a_replacement(project, placeholders, release):
    """The program's components and their children keep their types, names and replacing inputs."""
    text = (STATES / f"{release}.json").read_text()
    for placeholder, value in placeholders.items():
        text = text.replace(placeholder, value)
    deployment = json.loads(text)
    project.stack.import_stack(automation.Deployment(version=3, deployment=deployment))
    steps = []

    def record(event):
        if event.resource_pre_event:
            metadata = event.resource_pre_event.metadata
            steps.append((metadata.op, metadata.urn))

    project.stack.preview(on_event=record)
    assert len(steps) >= len(deployment["resources"]) - 1
    assert [step for step in steps if step[0] not in UNCHANGED] == []
