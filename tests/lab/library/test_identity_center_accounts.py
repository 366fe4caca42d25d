"""A permission set of Identity Center whose role is in another account than the cluster: by the role's ARN alone."""

from __future__ import annotations

import json

import pytest
from lab_program import refused
from pods_program import ACCOUNT, OTHER_ACCOUNT, Stack

from lab.principals import client
from lab.scenarios.clients import LabClients

CLUSTER = "irsa"
PATH = "/aws-reserved/sso.amazonaws.com/ap-northeast-1/"
NAME = "AWSReservedSSO_Guest_0123456789abcdef"
ARN = f"arn:aws:iam::{OTHER_ACCOUNT}:role{PATH}{NAME}"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}
PROGRAM = """
cluster = eks.Cluster("clu", {"name": said["cluster"]})
eks.ClusterAccess("guests", {
    "cluster": cluster.connection, "group": "guests", "principals": [said["guest"]],
    "rbac_roles": [{"name": "guests", "rules": [{"resources": ["nodes"], "verbs": ["list"]}]}],
}, pulumi.ResourceOptions(providers=[cluster.provider]))
"""


@pytest.fixture(scope="module")
def guest(running_lab):
    """The role, made in the other account as Identity Center makes it; gone after the tests."""
    iam = client(running_lab, "iam", "other-admin")
    iam.create_role(RoleName=NAME, Path=PATH, AssumeRolePolicyDocument=json.dumps(TRUST))
    yield
    iam.delete_role(RoleName=NAME)


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, guest):
    stack = Stack(tmp_path_factory.mktemp("guests") / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


@pytest.mark.parametrize("account", [{"account_id": OTHER_ACCOUNT}, {}], ids=["said", "unsaid"])
def test_by_its_name_it_is_refused_in_the_preview(account, stack, guest):
    """No other account's IAM is asked: said which account, how to find the ARN there is said too."""
    said = refused(stack.say({"cluster": CLUSTER, "guest": {"permission_set": "Guest", **account}}).preview)
    if not account:
        assert f"must be assigned to account {ACCOUNT}" in said
        assert "or set arn" in said
        return
    assert f"roles are looked up in the cluster's account {ACCOUNT} alone" in said
    assert "give the role's arn in place of permission_set" in said
    assert f"`aws iam list-roles --path-prefix /aws-reserved/sso.amazonaws.com/` in account {OTHER_ACCOUNT}" in said


def test_by_its_arn_it_enters(stack, guest, running_lab, tools):
    """The command that the refusal names shows the ARN; its entry has it whole, and kubectl works by it."""
    world = LabClients(running_lab, tools.bin)
    listing = ("iam", "list-roles", "--path-prefix", "/aws-reserved/sso.amazonaws.com/", "--query", "Roles[].Arn")
    assert json.loads(world.aws(*listing, principal="other-admin").stdout) == [ARN]
    stack.up({"cluster": CLUSTER, "guest": {"arn": ARN}})
    world.update_kubeconfig(CLUSTER, "lab-admin")
    kubeconfig = world.environment("lab-admin")["KUBECONFIG"]
    nodes = world.run("kubectl", f"--kubeconfig={kubeconfig}", f"--context={CLUSTER}", "get", "nodes", principal=ARN)
    assert nodes.verdict == "works"
    secrets = world.run(
        "kubectl", f"--kubeconfig={kubeconfig}", f"--context={CLUSTER}", "get", "secrets", principal=ARN
    )
    assert secrets.verdict == "Forbidden"
