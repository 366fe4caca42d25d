"""ClusterAccess of a role that the program replaces: EKS binds an entry to the role's unique id, not to its ARN."""

from __future__ import annotations

import json

import pytest

from lab.interfaces import AuthenticationMode
from support.access_program import ACCOUNT, Cluster, Watch, expect_error
from support.component_folder import PYTHONPATH
from support.workload_program import Stack

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}
PROGRAM = f"""
from pulumi.provider.experimental.util import camel_case

role = aws.iam.Role("replaced", name="replaced", path=config.get("path", "/"), description=config.get("description"),
                    assume_role_policy={json.dumps(json.dumps(TRUST))},
                    opts=pulumi.ResourceOptions(replacement_trigger=config["generation"], delete_before_replace=True))
cluster = eks.Cluster("clu", {{"name": config["cluster"]}})
access = {{
    "cluster": cluster.connection, "group": "replaced", "rbac_roles": [{{"name": "view"}}],
    "access_policies": [{{"policy": "AmazonEKSViewPolicy"}}],
    "principals": [{{"arn": config.get("arn") or role.arn.apply(lambda arn: arn)}}]}}
options = pulumi.ResourceOptions(providers=[cluster.provider])


def camel(value):
    if isinstance(value, list):
        return [camel(item) for item in value]
    return {{camel_case(key): camel(item) for key, item in value.items()}} if isinstance(value, dict) else value


if config.get("hosted"):  # as programs of other languages declare it
    pulumi.ComponentResource("eks-identity:index:ClusterAccess", "replaced", camel(access), options, remote=True)
else:
    eks.ClusterAccess("replaced", access, options)
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
    """Return the identity of a new session of the role in the cluster, and whether it can list pods."""
    with Watch(cluster, "role/replaced", "list", "pods") as watch:
        return watch.check_access()


@pytest.mark.parametrize("hosted", [False, True], ids=["Python", "other languages"])
def test_access_entry_of_a_replaced_role_is_replaced(stack, cluster, hosted):
    """The new role has the old name and ARN, and has access after the update."""
    config = {"cluster": cluster.name, "generation": "1", "hosted": hosted}
    stack.up(config)
    assert may_list_pods(cluster) == "replaced:watch ['replaced'] True"
    assert set(stack.configure(config).up().summary.resource_changes) == {"same"}
    steps = stack.steps({**config, "generation": "2"})
    assert ("create-replacement", "AccessEntry") in steps, steps
    assert may_list_pods(cluster) == "replaced:watch ['replaced'] True"
    assert cluster.policies(f"arn:aws:iam::{ACCOUNT}:role/replaced") == ["AmazonEKSViewPolicy"]


def test_literal_arn_of_a_replaced_role_is_rejected_at_preview(stack, cluster):
    """The preview rejects it when it creates or replaces the role, and accepts it while the role is kept."""
    # An interpreter of its own, as users have: a forked program has imported the library before the stack exists.
    stack.stack.workspace.env_vars |= PYTHONPATH
    literal = {"cluster": cluster.name, "generation": "1", "arn": f"arn:aws:iam::{ACCOUNT}:role/replaced"}

    def rejected(config):
        error = expect_error(stack.configure({**literal, **config}).preview)
        return 'fix:  pass the arn output of aws.iam.Role "replaced"' in error

    assert rejected({})
    stack.up({"cluster": cluster.name, "generation": "1"})
    stack.up(literal)
    assert set(stack.configure(literal).preview().change_summary) == {"same"}
    stack.configure({**literal, "description": "updated in place"}).preview()
    assert rejected({"generation": "2"})
    assert rejected({"path": "/team/"})
    assert may_list_pods(cluster) == "replaced:watch ['replaced'] True"
