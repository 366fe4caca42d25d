"""A new cluster whose pods run on Fargate: its profile, the role of those pods, and how that one is let in."""

from __future__ import annotations

import pytest
from lab_project import LabProject, write_project

from lab.principals import client

CLUSTER = "serverless"
PROGRAM = """
import json
import pulumi
import pulumi_aws as aws
import eks_identity as eks

boundary = aws.iam.Policy("boundary", name="fargate-boundary", policy=json.dumps({
    "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
cluster = eks.Cluster("serverless", {
    "name": "serverless",
    "create": {
        "fargate": {"selectors": [{"namespace": "jobs", "labels": {"size": "small"}}]},
        "skip_default_node_group": True,
    },
    "role_settings": {
        "role_name_prefix": "fargate-", "path": "/fargate/", "permissions_boundary": boundary.arn,
        "tags": {"team": "shop"},
    },
})
"""


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory):
    """A project of this test; what it made is destroyed."""
    project = LabProject(running_lab, tools, write_project(tmp_path_factory.mktemp("project"), "fargate", PROGRAM))
    yield project
    project.stack.destroy()
    assert CLUSTER not in client(running_lab, "eks").list_clusters()["clusters"]
    assert not client(running_lab, "iam").list_roles(PathPrefix="/fargate/")["Roles"]


@pytest.fixture(scope="module")
def profile(stack, running_lab):
    """The one profile, as EKS describes it; a second update finds nothing to do."""
    stack.stack.up()
    assert stack.stack.up().summary.resource_changes.keys() == {"same"}
    eks = client(running_lab, "eks")
    (name,) = eks.list_fargate_profiles(clusterName=CLUSTER)["fargateProfileNames"]
    return eks.describe_fargate_profile(clusterName=CLUSTER, fargateProfileName=name)["fargateProfile"]


def test_a_profile_takes_pulumi_ekss_own_settings(profile):
    """The selectors are those of the option, under pulumi_eks's own names."""
    assert profile["selectors"] == [{"namespace": "jobs", "labels": {"size": "small"}}]
    assert profile["status"] == "ACTIVE"


def test_its_pods_role_is_as_the_account_demands(profile, running_lab):
    """Prefix, path, boundary and tags, as every role that is made for a cluster."""
    arn = profile["podExecutionRoleArn"]
    assert ":role/fargate/fargate-" in arn
    role = client(running_lab, "iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(":policy/fargate-boundary")
    assert {"Key": "team", "Value": "shop"} in role["Tags"]


def test_eks_lets_its_nodes_in(profile, running_lab):
    """The entry is EKS's own, and of Fargate's type."""
    eks = client(running_lab, "eks")
    found = eks.describe_access_entry(clusterName=CLUSTER, principalArn=profile["podExecutionRoleArn"])["accessEntry"]
    assert (found["type"], found["username"]) == ("FARGATE_LINUX", "system:node:{{SessionName}}")
