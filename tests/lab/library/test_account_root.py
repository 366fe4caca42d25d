"""The account root ARN as a principal: it grants access to the root user only, by either access method."""

from __future__ import annotations

import json

import pytest

from lab.principals import client
from lab.scenarios.clients import LabClients
from support.workload_program import ACCOUNT, Stack

ENTRIES_CLUSTER, AWS_AUTH_CLUSTER = "irsa", "eks-clu"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
OTHER_USER = "root-other-user"
ACCESS_METHODS = {ENTRIES_CLUSTER: "access-entry", AWS_AUTH_CLUSTER: "aws-auth"}
PROGRAM = """
for name, access_method in config.items():
    cluster = eks.Cluster(name, {"name": name})
    eks.ClusterAccess(name, {
        "cluster": cluster.connection, "group": "rooted", "access_method": access_method,
        "principals": [{"arn": "arn:aws:iam::123456789012:root"}],
        "rbac_roles": [{"name": "rooted", "rules": [{"resources": ["nodes"], "verbs": ["list"]}]}],
    }, pulumi.ResourceOptions(providers=[cluster.provider]))
"""


@pytest.fixture(scope="module")
def clients(running_lab, tools):
    """Clients, and a user with all permissions in AWS and no access to the clusters."""
    iam, clients = client(running_lab, "iam"), LabClients(running_lab, tools.bin)
    iam.create_user(UserName=OTHER_USER)
    iam.attach_user_policy(UserName=OTHER_USER, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    for cluster in ACCESS_METHODS:
        for principal in ("root", OTHER_USER):
            clients.update_kubeconfig(cluster, principal)
    yield clients
    iam.detach_user_policy(UserName=OTHER_USER, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    for key in iam.list_access_keys(UserName=OTHER_USER)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=OTHER_USER, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=OTHER_USER)


@pytest.fixture(scope="module")
def stack(clients, tools, tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("project") / "project", clients.home, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


@pytest.fixture(scope="module")
def preview_output(stack, clients):
    """The output of the preview. The following update creates both accesses."""
    for cluster in ACCESS_METHODS:
        assert clients.kubectl(cluster, "get", "nodes", principal="root").verdict == "Unauthorized"
    output = stack.configure(ACCESS_METHODS).preview().stdout
    stack.up(ACCESS_METHODS)
    return output


@pytest.mark.parametrize("cluster", ACCESS_METHODS)
def test_account_root_grants_access_to_the_root_user_only(cluster, preview_output, clients):
    """The root user has its group and the permissions of its role; another user of the account has no access."""
    result = clients.kubectl(cluster, "auth", "whoami", "-o", "json", principal="root")
    user = json.loads(result.stdout)["status"]["userInfo"]
    assert (user["username"], user["extra"]["canonicalArn"]) == ("root", [ROOT])
    assert "rooted" in user["groups"]
    assert clients.kubectl(cluster, "get", "nodes", principal="root").verdict == "works"
    assert clients.kubectl(cluster, "get", "secrets", principal="root").verdict == "Forbidden"
    assert clients.kubectl(cluster, "get", "nodes", principal=OTHER_USER).verdict == "Unauthorized"


def test_account_root_warning_at_preview(preview_output):
    """The preview warns that the ARN is not every principal of the account, as it is in a trust policy."""
    for cluster in ACCESS_METHODS:
        assert f'ClusterAccess "{cluster}"' in preview_output
    assert f"{ROOT} is the root user alone, not every principal of account {ACCOUNT}" in preview_output


def test_account_root_has_a_standard_access_entry(preview_output, clients):
    """The access entry has type STANDARD and the unchanged ARN, as for a user."""
    response = client(clients.home, "eks").describe_access_entry(clusterName=ENTRIES_CLUSTER, principalArn=ROOT)
    entry = response["accessEntry"]
    assert (entry["type"], entry["kubernetesGroups"], entry["username"]) == ("STANDARD", ["rooted"], "root")


def test_account_root_has_no_node_entry(clients):
    """EKS rejects the root user in entries of other types than STANDARD."""
    options = ("--cluster-name", ENTRIES_CLUSTER, "--principal-arn", ROOT, "--type=EC2")
    result = clients.aws("eks", "create-access-entry", *options)
    assert "InvalidParameterException" in result.stderr
    assert "must be a role" in result.stderr
