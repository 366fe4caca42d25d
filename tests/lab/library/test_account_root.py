"""The account root in a cluster: it is the root user there, by either way in, and never everybody in the account."""

from __future__ import annotations

import json

import pytest
from pods_program import ACCOUNT, Stack

from lab.principals import client
from lab.scenarios.clients import LabClients

ENTRIES, AWS_AUTH = "irsa", "eks-clu"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
SOMEBODY = "root-somebody"
SAID = {ENTRIES: "access-entry", AWS_AUTH: "aws-auth"}
PROGRAM = """
for name, access_method in said.items():
    cluster = eks.Cluster(name, {"name": name})
    eks.ClusterAccess(name, {
        "cluster": cluster.connection, "group": "rooted", "access_method": access_method,
        "principals": [{"arn": "arn:aws:iam::123456789012:root"}],
        "rbac_roles": [{"name": "rooted", "rules": [{"resources": ["nodes"], "verbs": ["list"]}]}],
    }, pulumi.ResourceOptions(providers=[cluster.provider]))
"""


@pytest.fixture(scope="module")
def world(running_lab, tools):
    """With a user who may do everything in AWS, and nothing in the clusters."""
    iam, world = client(running_lab, "iam"), LabClients(running_lab, tools.bin)
    iam.create_user(UserName=SOMEBODY)
    iam.attach_user_policy(UserName=SOMEBODY, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    for cluster in SAID:
        for principal in ("root", SOMEBODY):
            world.update_kubeconfig(cluster, principal)
    yield world
    iam.detach_user_policy(UserName=SOMEBODY, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    for key in iam.list_access_keys(UserName=SOMEBODY)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=SOMEBODY, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=SOMEBODY)


@pytest.fixture(scope="module")
def stack(world, tools, tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("project") / "project", world.home, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


@pytest.fixture(scope="module")
def warned(stack, world):
    """What the preview says; after it, both accesses are made."""
    for cluster in SAID:
        assert world.kubectl(cluster, "get", "nodes", principal="root").verdict == "Unauthorized"
    said = stack.say(SAID).preview().stdout
    stack.up(SAID)
    return said


@pytest.mark.parametrize("cluster", SAID)
def test_the_root_user_enters_and_nobody_else_of_the_account(cluster, warned, world):
    """With its group, whose role says what it may do; a user of the account is as unknown as before."""
    shown = world.kubectl(cluster, "auth", "whoami", "-o", "json", principal="root")
    user = json.loads(shown.stdout)["status"]["userInfo"]
    assert (user["username"], user["extra"]["canonicalArn"]) == ("root", [ROOT])
    assert "rooted" in user["groups"]
    assert world.kubectl(cluster, "get", "nodes", principal="root").verdict == "works"
    assert world.kubectl(cluster, "get", "secrets", principal="root").verdict == "Forbidden"
    assert world.kubectl(cluster, "get", "nodes", principal=SOMEBODY).verdict == "Unauthorized"


def test_the_preview_says_whom_it_means(warned):
    """Read as everybody, as in a trust policy, it would let in nobody who works there: the way to let them is said."""
    for cluster in SAID:
        assert f'ClusterAccess "{cluster}"' in warned
    assert f"{ROOT} is the root user alone, not everybody in account {ACCOUNT}" in warned


def test_eks_has_an_entry_for_it(warned, world):
    """As for a user: of type STANDARD, with the ARN as it is."""
    found = client(world.home, "eks").describe_access_entry(clusterName=ENTRIES, principalArn=ROOT)["accessEntry"]
    assert (found["type"], found["kubernetesGroups"], found["username"]) == ("STANDARD", ["rooted"], "root")


def test_nodes_have_entries_of_their_roles(world):
    """EKS takes no root user for any other type than STANDARD."""
    answer = world.aws("eks", "create-access-entry", "--cluster-name", ENTRIES, "--principal-arn", ROOT, "--type=EC2")
    assert "InvalidParameterException" in answer.stderr
    assert "must be a role" in answer.stderr
