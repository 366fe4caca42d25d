"""An access entry is for one role, not for its ARN: a role that the program replaces keeps its access."""

from __future__ import annotations

import json

import pytest
from lab_program import ACCOUNT, Cluster, Watch
from pods_program import Stack

from lab.interfaces import AuthenticationMode

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}
PROGRAM = f"""
role = aws.iam.Role("replaced", name="replaced", assume_role_policy={json.dumps(json.dumps(TRUST))},
                    opts=pulumi.ResourceOptions(replacement_trigger=said["made"], delete_before_replace=True))
cluster = eks.Cluster("clu", {{"name": said["cluster"]}})
eks.ClusterAccess("replaced", {{
    "cluster": cluster.connection, "group": "replaced", "rbac_roles": [{{"name": "view"}}],
    "access_policies": [{{"policy": "AmazonEKSViewPolicy"}}],
    "principals": [{{"arn": role.arn.apply(lambda arn: arn)}}]}}, pulumi.ResourceOptions(providers=[cluster.provider]))
"""


@pytest.fixture
def cluster(running_lab, tools, tmp_path):
    return Cluster(running_lab, tools, "irsa", AuthenticationMode.API, tmp_path)


@pytest.fixture
def stack(running_lab, tools, tmp_path):
    stack = Stack(tmp_path / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


def may_list_pods(cluster):
    """Who a new session of the role is in the cluster, and whether it may list pods."""
    with Watch(cluster, "role/replaced", "list", "pods") as watch:
        return watch.ask()


def test_the_entry_of_a_replaced_role_is_replaced(stack, cluster):
    """The role comes back under its old name and ARN; after the update it has its access still."""
    said = {"cluster": cluster.name, "made": "first"}
    stack.up(said)
    assert may_list_pods(cluster) == "replaced:watch ['replaced'] True"
    assert set(stack.say(said).up().summary.resource_changes) == {"same"}
    steps = stack.steps({**said, "made": "again"})
    assert ("create-replacement", "AccessEntry") in steps, steps
    assert may_list_pods(cluster) == "replaced:watch ['replaced'] True"
    assert cluster.policies(f"arn:aws:iam::{ACCOUNT}:role/replaced") == ["AmazonEKSViewPolicy"]
