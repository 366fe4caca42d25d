"""An environment whose settings take an old cluster from aws-auth to access entries."""

import io
import json

import pytest
import yaml
from deployed_environment import LAB_ACCOUNT, DeployedEnvironment, add, project
from rich.console import Console

from lab.clusters import ensure_clusters
from lab.interfaces import AuthenticationMode
from lab.progress import Timeline

OLD = f"arn:aws:iam::{LAB_ACCOUNT}:user/moving/old-hand"
LOST = "210987654321"
"""An account of `mapAccounts`, which no access entry can be for."""


@pytest.fixture(scope="module")
def environment(running_lab, tools, tmp_path_factory):
    """A cluster that reads aws-auth alone, with a person in it, and the settings that move it."""
    ensure_clusters(running_lab, {"moving": AuthenticationMode.CONFIG_MAP}, Timeline(Console(file=io.StringIO())))
    folder = project(tmp_path_factory.mktemp("project"), tools)
    look = {"name": "moving-look", "rules": [{"resources": ["nodes"], "verbs": ["get", "list"]}]}
    newcomer = {"cluster": "moving", "group": "look", "rbac_roles": [look], "principals": [{"user": "moving-newcomer"}]}
    migration = {"target_mode": "API", "accept_loss_of": [LOST]}
    add(folder, "moving", {"clusters": {"moving": {"migration": migration}}, "access": {"newcomers": newcomer}})
    moving = DeployedEnvironment(running_lab, tools, "moving", folder)
    moving.aws("iam", "create-user", "--user-name", "old-hand", "--path", "/moving/")
    moving.aws("iam", "create-user", "--user-name", "moving-newcomer")
    kubeconfig = folder / "by-hand"
    done = moving.run("aws", "eks", "update-kubeconfig", "--name", "moving", "--kubeconfig", str(kubeconfig))
    assert done.returncode == 0, done.stderr
    moving.by_hand = kubeconfig.read_text()
    users = [{"userarn": OLD, "username": "old-hand", "groups": ["system:masters"]}]
    data = {"mapUsers": yaml.safe_dump(users), "mapAccounts": yaml.safe_dump([LOST])}
    patch = ("patch", "configmap", "aws-auth", "-n", "kube-system", "--patch", json.dumps({"data": data}))
    assert moving.kubectl_with(moving.by_hand, *patch).returncode == 0
    return moving


def mode(environment):
    cluster = environment.aws("eks", "describe-cluster", "--name", "moving")["cluster"]
    return cluster["accessConfig"]["authenticationMode"]


def test_a_preview_shows_the_plan(environment):
    """Before anything changes, each mapping is shown with the access entry that it becomes, and what is left behind."""
    shown = environment.stack.preview(config_file=str(environment.settings))
    said = shown.stdout + shown.stderr
    assert "moving, authentication mode CONFIG_MAP" in said
    assert f"mapUsers[0] → access entry of {OLD}" in said
    assert f"mapAccounts[0]: not migrated, {LOST}" in said
    assert mode(environment) == "CONFIG_MAP"


def test_the_cluster_reads_access_entries_in_the_end(environment):
    """Those of aws-auth come in as before, those of the settings too, and the stack says what was done."""
    environment.update()
    assert mode(environment) == environment.outputs["clusters"]["moving"]["authentication_mode"] == "API"
    assert "yes" in environment.kubectl("moving", "auth", "can-i", "delete", "nodes", principal="old-hand")
    assert "NAME" in environment.kubectl("moving", "get", "nodes", principal="moving-newcomer")
    said = environment.outputs["migrations"]["moving"]
    assert said["not_migrated"] == [LOST]
    assert any(OLD in line for line in said["plan"])
    assert environment.update() == []


def test_whoever_was_moved_stays_when_the_environment_goes(environment):
    """A destroy takes out what the settings let in, and leaves the mode and those who came in by aws-auth before."""
    environment.pipeline("destroy")
    assert environment.resources() == []
    assert mode(environment) == "API"
    entries = environment.aws("eks", "list-access-entries", "--cluster-name", "moving")["accessEntries"]
    assert OLD in entries
    assert not [arn for arn in entries if arn.endswith("/moving-newcomer")]
