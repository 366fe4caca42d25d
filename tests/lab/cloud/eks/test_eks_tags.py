"""Tags of all that EKS gives an ARN."""

import pytest
from eks_constants import ACCOUNT, QUICK


def test_every_resource_takes_tags(lab, client, make_cluster, node_role, pod_role):
    """Clusters, node groups, add-ons, access entries and associations can be tagged, and show their tags themselves."""
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
def test_arns_that_are_refused(refused, arn, code):
    """An unknown resource is a 404 and an ARN of another service a 400, under the names of the tagging calls."""
    assert refused("list_tags_for_resource", resourceArn=arn)[0] == code
    assert refused("tag_resource", resourceArn=arn, tags={"a": "b"})[0] == code
    assert refused("untag_resource", resourceArn=arn, tagKeys=["a"])[0] == code
