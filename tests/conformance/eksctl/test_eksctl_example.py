"""Example 08 with the real eksctl, and the resources that its script creates without eksctl."""

import os
import re
import shutil
from pathlib import Path

import pytest

from lab.environment import process_environment
from support import transcript
from support.eksctl_clients import ACCOUNT, ANNOTATION
from support.lab_inventory import inventory

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = Path("examples/08-existing-eksctl-cluster")
SCRIPT = str(EXAMPLE / "create-eksctl-resources.sh")
DIFFERENT = {"CreateDate", "CreationTime", "RoleId", "StackId", "creationTimestamp", "resourceVersion", "time", "uid"}
"""Members with an ID or a time."""


@pytest.fixture
def repository(tmp_path):
    """The repository with a copy of the example, into which Pulumi writes."""
    for path in REPOSITORY.iterdir():
        if path.name not in {".git", "examples"}:
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(REPOSITORY / EXAMPLE, tmp_path / EXAMPLE)
    return tmp_path


@pytest.fixture
def shell(clients, tools, eksctl, tmp_path_factory):
    """The environment of the lab's shell, with eksctl on PATH."""
    environment = process_environment(clients.home, tools.bin)
    path = os.pathsep.join([environment["PATH"], str(eksctl.parent)])
    home = str(tmp_path_factory.mktemp("home"))
    return environment | {"PATH": path, "HOME": home, "EKS_LAB_HOME": str(clients.home.root)}


def test_example_adopts_what_eksctl_created(clients, shell, repository):
    """Each command of the example's README prints what the README shows, and none of its resources is left."""
    before = inventory(clients)
    transcript.play(repository / EXAMPLE / "README.md", shell, repository)
    assert inventory(clients) == before
    assert clients.stack_names() == []


def test_script_creates_what_eksctl_creates(clients, shell, new_cluster):
    """Without eksctl the example's script creates the same provider, stack, role, service account and mapping.

    Its managers of aws-auth are compared too: a mapping of the library must not take fields from eksctl.
    """
    by_eksctl, by_script = new_cluster(), new_cluster()
    for cluster, variables in ((by_eksctl, {"PATH": shell["PATH"]}), (by_script, {})):
        clients.update_kubeconfig(cluster, "lab-admin")
        result = clients.run("bash", SCRIPT, cluster, **variables)
        assert result.worked, result.stderr
        assert ('created serviceaccount "default/reports"' in result.stdout) == (cluster == by_eksctl)
    expected, found = created(clients, by_eksctl), created(clients, by_script)
    assert {key: value for key, value in found.items() if value != expected[key]} == {}, expected


def created(clients, cluster):
    """Return what the script created for a cluster, without the names that differ between clusters."""
    described = clients.query("eks", "describe-cluster", "--name", cluster)["cluster"]
    issuer = described["identity"]["oidc"]["issuer"].removeprefix("https://")
    provider = ("--open-id-connect-provider-arn", f"{ACCOUNT}:oidc-provider/{issuer}")
    stack = f"eksctl-{cluster}-addon-iamserviceaccount-default-reports"
    account = clients.read(cluster, "serviceaccount", "reports", "--show-managed-fields")["metadata"]
    config_map = clients.read(cluster, "configmap", "aws-auth", "-n", "kube-system", "--show-managed-fields")
    role = account["annotations"][ANNOTATION].rpartition("/")[2]
    found = {
        "provider": clients.query("iam", "get-open-id-connect-provider", *provider),
        "stack": clients.query("cloudformation", "describe-stacks", "--stack-name", stack)["Stacks"][0],
        "template": clients.query("cloudformation", "get-template", "--stack-name", stack),
        "role": clients.query("iam", "get-role", "--role-name", role)["Role"],
        "policies": clients.query("iam", "list-attached-role-policies", "--role-name", role),
        "service account": account,
        "aws-auth": clients.mappings(cluster),
        "managers of aws-auth": [entry["manager"] for entry in config_map["metadata"]["managedFields"]],
    }
    return _without_names(found, {issuer: "ISSUER", role: "ROLE", stack: "STACK", cluster: "CLUSTER"})


def _without_names(value, names):
    """Return a document with other names, without IDs and times, and with its lists in a fixed order."""
    if isinstance(value, dict):
        members = {_without_names(key, names): _without_names(member, names) for key, member in value.items()}
        return {key: member for key, member in members.items() if key not in DIFFERENT}
    if isinstance(value, list):
        return sorted((_without_names(element, names) for element in value), key=str)
    if isinstance(value, str):
        return re.sub("|".join(map(re.escape, names)), lambda match: names[match[0]], value)
    return value
