"""A cluster that the stack creates with pulumi_eks: both access methods, workload identity, and a clean destroy."""

import json
from functools import partial
from pathlib import Path

import pytest
import yaml

from lab.principals import client
from support.lab_project import LabProject, write_project

PROGRAM = Path(__file__).with_name("new_cluster_program.py")


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory):
    """A project for this module, destroyed at the end."""
    project = LabProject(running_lab, tools, write_project(tmp_path_factory.mktemp("project"), "new-cluster", PROGRAM))
    yield project
    project.stack.destroy()
    assert "new" not in client(running_lab, "eks").list_clusters()["clusters"]
    assert "new-node" not in {role["RoleName"] for role in client(running_lab, "iam").list_roles()["Roles"]}


@pytest.fixture(scope="module")
def update(stack):
    """The stack's outputs after an update, and the changes of a second update."""
    stack.update()
    return stack.outputs, stack.update()


@pytest.fixture(scope="module")
def kubectl(stack, update):
    """kubectl on the new cluster, with the kubeconfig from the stack outputs."""
    return partial(stack.kubectl_with, update[0]["kubeconfig"])


def test_second_update_of_a_new_cluster_changes_nothing(update):
    """A second update has no changes: data of aws-auth by other writers is no difference."""
    assert update[1] == []


@pytest.mark.parametrize("method", ["aws-auth", "access-entry"])
def test_new_cluster_grants_access(kubectl, method):
    """A user has access by either method, with exactly the permissions of the role."""
    assert kubectl("get", "nodes", principal=f"by-{method}").returncode == 0
    assert "Forbidden" in kubectl("get", "secrets", principal=f"by-{method}").stderr


def test_aws_auth_keeps_node_roles_of_a_new_cluster(kubectl):
    """The mapping of a user is added to the node mappings that pulumi_eks wrote."""
    config_map = kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json")
    data = json.loads(config_map.stdout)["data"]
    assert [entry["rolearn"] for entry in yaml.safe_load(data["mapRoles"])] == [
        "arn:aws:iam::123456789012:role/new-node"
    ]
    assert [entry["userarn"] for entry in yaml.safe_load(data["mapUsers"])] == [
        "arn:aws:iam::123456789012:user/by-aws-auth"
    ]


def test_workload_identity_on_a_new_cluster(kubectl, update, stack):
    """A token of the workload's service account assumes its role, which trusts the new cluster's issuer."""
    token = kubectl("create", "token", "reader", "--audience", "sts.amazonaws.com").stdout.strip()
    session = ("--role-arn", update[0]["role"], "--role-session-name", "test", "--web-identity-token", token)
    assert stack.aws("sts", "assume-role-with-web-identity", *session)["Credentials"]
