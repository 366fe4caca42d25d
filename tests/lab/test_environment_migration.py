"""An environment whose settings migrate an existing cluster from aws-auth to access entries."""

import io
import json

import pytest
import yaml
from rich.console import Console

from lab.clusters import ensure_clusters
from lab.interfaces import AuthenticationMode
from lab.progress import Timeline
from support.deployed_environment import LAB_ACCOUNT, DeployedEnvironment, add_environment, project

OLD = f"arn:aws:iam::{LAB_ACCOUNT}:user/moving/old-hand"
LOST = "210987654321"
"""An account in `mapAccounts`, for which there is no access entry."""


@pytest.fixture(scope="module")
def environment(running_lab, tools, tmp_path_factory):
    """A cluster with authentication mode CONFIG_MAP and one mapped user, and the settings that migrate it."""
    ensure_clusters(running_lab, {"moving": AuthenticationMode.CONFIG_MAP}, Timeline(Console(file=io.StringIO())))
    folder = project(tmp_path_factory.mktemp("project"), tools)
    viewer_role = {"name": "moving-viewer", "rules": [{"resources": ["nodes"], "verbs": ["get", "list"]}]}
    newcomer = {
        "cluster": "moving",
        "group": "viewers",
        "rbac_roles": [viewer_role],
        "principals": [{"user": "moving-newcomer"}],
    }
    migration = {"target_mode": "API", "accept_loss_of": [LOST]}
    add_environment(
        folder, "moving", {"clusters": {"moving": {"migration": migration}}, "access": {"newcomers": newcomer}}
    )
    moving = DeployedEnvironment(running_lab, tools, "moving", folder)
    moving.aws("iam", "create-user", "--user-name", "old-hand", "--path", "/moving/")
    moving.aws("iam", "create-user", "--user-name", "moving-newcomer")
    kubeconfig = folder / "by-hand"
    result = moving.run("aws", "eks", "update-kubeconfig", "--name", "moving", "--kubeconfig", str(kubeconfig))
    assert result.returncode == 0, result.stderr
    moving.by_hand = kubeconfig.read_text()
    users = [{"userarn": OLD, "username": "old-hand", "groups": ["system:masters"]}]
    data = {"mapUsers": yaml.safe_dump(users), "mapAccounts": yaml.safe_dump([LOST])}
    patch = ("patch", "configmap", "aws-auth", "-n", "kube-system", "--patch", json.dumps({"data": data}))
    assert moving.kubectl_with(moving.by_hand, *patch).returncode == 0
    return moving


def mode(environment):
    cluster = environment.aws("eks", "describe-cluster", "--name", "moving")["cluster"]
    return cluster["accessConfig"]["authenticationMode"]


def test_migration_preview_shows_the_plan(environment):
    """The preview lists the access entry for each mapping, and the mappings that are not migrated."""
    preview = environment.stack.preview(config_file=str(environment.settings))
    output = preview.stdout + preview.stderr
    assert "moving, authentication mode CONFIG_MAP" in output
    assert f"mapUsers[0] → access entry of {OLD}" in output
    assert f"mapAccounts[0]: not migrated, {LOST}" in output
    assert mode(environment) == "CONFIG_MAP"


def test_migration_ends_with_access_entries(environment):
    """Users from aws-auth keep their access, users in the settings get it, and the stack outputs have the plan."""
    environment.update()
    assert mode(environment) == environment.outputs["clusters"]["moving"]["authentication_mode"] == "API"
    assert "yes" in environment.kubectl("moving", "auth", "can-i", "delete", "nodes", principal="old-hand")
    assert "NAME" in environment.kubectl("moving", "get", "nodes", principal="moving-newcomer")
    outputs = environment.outputs["migrations"]["moving"]
    assert outputs["not_migrated"] == [LOST]
    assert any(OLD in line for line in outputs["plan"])
    assert environment.update() == []


def test_migrated_entries_remain_after_destroy(environment):
    """A destroy deletes access entries of the settings, and keeps migrated entries and the authentication mode."""
    environment.pipeline("destroy")
    assert environment.resources() == []
    assert mode(environment) == "API"
    entries = environment.aws("eks", "list-access-entries", "--cluster-name", "moving")["accessEntries"]
    assert OLD in entries
    assert not [arn for arn in entries if arn.endswith("/moving-newcomer")]
