"""A permission set of Identity Center whose role is in another account: only the role's ARN grants access."""

from __future__ import annotations

import json

import pytest

from lab.principals import client
from lab.scenarios.clients import LabClients
from support.access_program import expect_error
from support.workload_program import ACCOUNT, OTHER_ACCOUNT, Stack

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
cluster = eks.Cluster("clu", {"name": config["cluster"]})
eks.ClusterAccess("guests", {
    "cluster": cluster.connection, "group": "guests", "principals": [config["guest"]],
    "rbac_roles": [{"name": "guests", "rules": [{"resources": ["nodes"], "verbs": ["list"]}]}],
}, pulumi.ResourceOptions(providers=[cluster.provider]))
"""


@pytest.fixture(scope="module")
def guest(running_lab):
    """The role in the other account with Identity Center's name and path, deleted after the tests."""
    iam = client(running_lab, "iam", "other-admin")
    iam.create_role(RoleName=NAME, Path=PATH, AssumeRolePolicyDocument=json.dumps(TRUST))
    yield
    iam.delete_role(RoleName=NAME)


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, guest):
    stack = Stack(tmp_path_factory.mktemp("guests") / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


@pytest.mark.parametrize("account", [{"account_id": OTHER_ACCOUNT}, {}], ids=["account", "no account"])
def test_permission_set_of_another_account_is_rejected_at_preview(account, stack, guest):
    """Only the cluster's account is queried; with account_id, the error has the command that shows the ARN."""
    guest = {"permission_set": "Guest", **account}
    error = expect_error(stack.configure({"cluster": CLUSTER, "guest": guest}).preview)
    if not account:
        assert f"must be assigned to account {ACCOUNT}" in error
        assert "or set arn" in error
        return
    assert f"must be the cluster's account {ACCOUNT}: only its IAM is queried" in error
    assert "pass the role's arn instead of permission_set" in error
    assert f"`aws iam list-roles --path-prefix /aws-reserved/sso.amazonaws.com/` in account {OTHER_ACCOUNT}" in error


def test_role_arn_of_another_account_grants_access(stack, guest, running_lab, tools):
    """The command of the fix shows the ARN; the access entry has it unchanged, and kubectl has access with it."""
    clients = LabClients(running_lab, tools.bin)
    listing = ("iam", "list-roles", "--path-prefix", "/aws-reserved/sso.amazonaws.com/", "--query", "Roles[].Arn")
    assert json.loads(clients.aws(*listing, principal="other-admin").stdout) == [ARN]
    stack.up({"cluster": CLUSTER, "guest": {"arn": ARN}})
    clients.update_kubeconfig(CLUSTER, "lab-admin")
    kubeconfig = clients.environment("lab-admin")["KUBECONFIG"]
    nodes = clients.run("kubectl", f"--kubeconfig={kubeconfig}", f"--context={CLUSTER}", "get", "nodes", principal=ARN)
    assert nodes.verdict == "works"
    secrets = clients.run(
        "kubectl", f"--kubeconfig={kubeconfig}", f"--context={CLUSTER}", "get", "secrets", principal=ARN
    )
    assert secrets.verdict == "Forbidden"
