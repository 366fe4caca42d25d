"""Program with the argument `region` of regional resources, which pulumi_aws 7 added."""

import json

import pulumi
import pulumi_aws as sdk

PROVIDER_REGION, OTHER_REGION = "ap-northeast-1", "us-east-1"
NAMES = ("far-bucket", "far-group", "far-template", "far-cluster")


def program(version):
    """Declare resources without a region, with the provider's, with another one, and a role with a region."""
    region = {2: {"region": PROVIDER_REGION}, 3: {"region": OTHER_REGION}}.get(version, {})
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "eks.amazonaws.com"}}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    role = sdk.iam.Role("far-role", name="regions", assume_role_policy=trust)
    sdk.s3.Bucket("far-bucket", **region)
    group = sdk.ec2.SecurityGroup("far-group", **region)
    sdk.ec2.LaunchTemplate("far-template", instance_type="t3.micro", **region)
    subnets = sdk.ec2.get_subnets_output(filters=[{"name": "default-for-az", "values": ["true"]}], **region).ids
    cluster = sdk.eks.Cluster(
        "far-cluster", name="regions", role_arn=role.arn, vpc_config={"subnet_ids": subnets}, **region
    )
    if version == 4:
        inputs = {"assumeRolePolicy": trust, "region": PROVIDER_REGION}
        pulumi.CustomResource(
            "aws:iam/role:Role", "far-other", inputs, pulumi.ResourceOptions(version=sdk._utilities.get_version())
        )
    return {
        "group": sdk.ec2.get_security_group_output(id=group.id, **region).arn,
        "cluster": sdk.eks.get_cluster_output(name=cluster.name, **region).arn,
    }
