"""Tags of all EKS resources that have an ARN."""

import pytest

from support.eks_constants import ACCOUNT, QUICK


def test_every_resource_supports_tags(lab, client, make_cluster, node_role, pod_role):
    """Clusters, node groups, add-ons, access entries and associations can be tagged, and return their tags."""
    name = make_cluster(tags={"first": "1"})
    group = client.create_nodegroup(clusterName=name, nodegroupName="ng", nodeRole=node_role, subnets=lab.subnets())[
        "nodegroup"
    ]
    client.get_waiter("nodegroup_active").wait(clusterName=name, nodegroupName="ng", WaiterConfig=QUICK)
    addon = client.create_addon(clusterName=name, addonName="coredns")["addon"]
    entry = client.describe_access_entry(clusterName=name, principalArn=f"arn:aws:iam::{ACCOUNT}:user/lab-admin")
    association = client.create_pod_identity_association(
        clusterName=name, namespace="default", serviceAccount="sa", roleArn=pod_role
    )["association"]
    for arn in (
        client.describe_cluster(name=name)["cluster"]["arn"],
        group["nodegroupArn"],
        addon["addonArn"],
        entry["accessEntry"]["accessEntryArn"],
        association["associationArn"],
    ):
        client.tag_resource(resourceArn=arn, tags={"team": "ops", "env": "lab"})
        client.untag_resource(resourceArn=arn, tagKeys=["env", "first"])
        assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "ops"}
    assert client.describe_cluster(name=name)["cluster"]["tags"] == {"team": "ops"}


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:eks:ap-northeast-1:123456789012:cluster/nope", "NotFoundException"),
        ("arn:aws:s3:::bucket", "BadRequestException"),
    ],
)
def test_tagging_an_invalid_arn_is_rejected(expect_error, arn, code):
    """An unknown resource is a 404 and an ARN of another service a 400, with the errors of the tagging operations."""
    assert expect_error("list_tags_for_resource", resourceArn=arn)[0] == code
    assert expect_error("tag_resource", resourceArn=arn, tags={"a": "b"})[0] == code
    assert expect_error("untag_resource", resourceArn=arn, tagKeys=["a"])[0] == code
