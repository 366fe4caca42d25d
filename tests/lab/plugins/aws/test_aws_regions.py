"""The argument `region` of regional resources and functions, as pulumi_aws 7 has it."""

import json

import pulumi
import pulumi_aws as sdk
import pytest
from pulumi import automation

HERE, THERE = "ap-northeast-1", "us-east-1"
TYPES = ("bucket", "group", "template", "cluster")


def program(version):
    """Without a region, with the provider's own, with another one, and with one on a role."""
    region = {2: {"region": HERE}, 3: {"region": THERE}}.get(version, {})
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "eks.amazonaws.com"}}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    role = sdk.iam.Role("role", name="regions", assume_role_policy=trust)
    sdk.s3.Bucket("bucket", **region)
    group = sdk.ec2.SecurityGroup("group", **region)
    sdk.ec2.LaunchTemplate("template", instance_type="t3.micro", **region)
    subnets = sdk.ec2.get_subnets_output(**region).ids
    cluster = sdk.eks.Cluster(
        "cluster", name="regions", role_arn=role.arn, vpc_config={"subnet_ids": subnets}, **region
    )
    pulumi.export("group", sdk.ec2.get_security_group_output(id=group.id, **region).arn)
    pulumi.export("cluster", sdk.eks.get_cluster_output(name=cluster.name, **region).arn)
    if version == 4:
        asked = {"assumeRolePolicy": trust, "region": HERE}
        pulumi.CustomResource(
            "aws:iam/role:Role", "other", asked, pulumi.ResourceOptions(version=sdk._utilities.get_version())
        )


@pytest.fixture(scope="module")
def life(new_history):
    history = new_history(program)
    made = history.up(1)
    return history, {"made": made, "outputs": history.outputs, "named": history.up(2), "moved": history.up(3)}


def operations(steps):
    return {name: steps[name].operation for name in TYPES}


def test_the_region_is_an_output(life):
    """That of the provider, where the program names none; the one that it names after that."""
    assert {life[0].resources()[name]["outputs"]["region"] for name in TYPES} == {THERE}
    assert f":{HERE}:" in life[1]["outputs"]["group"]


def test_naming_the_region_that_a_resource_is_in_changes_nothing(life):
    """Neither shown as a change nor as a replacement."""
    assert operations(life[1]["named"]) == dict.fromkeys(TYPES, "same")


def test_another_region_replaces(life, aws):
    """Nothing is left in the first region, and functions answer about the second."""
    assert operations(life[1]["moved"]) == dict.fromkeys(TYPES, "replace")
    assert life[1]["moved"]["cluster"].replaced_for == ["region"]
    assert aws("eks").list_clusters()["clusters"] == []
    assert all(f":{THERE}:" in life[0].outputs[name] for name in ("group", "cluster"))


def test_iam_has_no_regions(life):
    """The argument is refused, as the official plugin's schema refuses it."""
    with pytest.raises(automation.CommandError, match="aws:iam/role:Role has no property region"):
        life[0].preview(4)
