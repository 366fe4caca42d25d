"""A new cluster with a Fargate profile: the profile, its pod execution role, and the access entry of that role."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.principals import client
from support.lab_project import LabProject, write_project

CLUSTER = "serverless"
PROGRAM = Path(__file__).with_name("fargate_program.py")


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory):
    """A project for this module, destroyed at the end."""
    project = LabProject(running_lab, tools, write_project(tmp_path_factory.mktemp("project"), "fargate", PROGRAM))
    yield project
    project.stack.destroy()
    assert CLUSTER not in client(running_lab, "eks").list_clusters()["clusters"]
    assert not client(running_lab, "iam").list_roles(PathPrefix="/fargate/")["Roles"]


@pytest.fixture(scope="module")
def profile(stack, running_lab):
    """The profile as EKS describes it, after a second update without changes."""
    stack.stack.up()
    assert stack.stack.up().summary.resource_changes.keys() == {"same"}
    eks = client(running_lab, "eks")
    (name,) = eks.list_fargate_profiles(clusterName=CLUSTER)["fargateProfileNames"]
    return eks.describe_fargate_profile(clusterName=CLUSTER, fargateProfileName=name)["fargateProfile"]


def test_fargate_profile_has_the_selectors(profile):
    """The profile has the selectors of the option, which has pulumi_eks's names."""
    assert profile["selectors"] == [{"namespace": "jobs", "labels": {"size": "small"}}]
    assert profile["status"] == "ACTIVE"


def test_fargate_role_has_the_role_settings(profile, running_lab):
    """The pod execution role has prefix, path, boundary and tags of the cluster's role settings."""
    arn = profile["podExecutionRoleArn"]
    assert ":role/fargate/fargate-" in arn
    role = client(running_lab, "iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(":policy/fargate-boundary")
    assert {"Key": "team", "Value": "shop"} in role["Tags"]


def test_fargate_role_has_an_access_entry(profile, running_lab):
    """EKS creates the access entry, of type FARGATE_LINUX."""
    eks = client(running_lab, "eks")
    entry = eks.describe_access_entry(clusterName=CLUSTER, principalArn=profile["podExecutionRoleArn"])["accessEntry"]
    assert (entry["type"], entry["username"]) == ("FARGATE_LINUX", "system:node:{{SessionName}}")
