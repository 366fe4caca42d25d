"""EC2 instances of node groups: DescribeInstances and GetInstanceProfile describe them with role and hop limit."""

import pytest

from support.eks_constants import QUICK


@pytest.fixture
def nodes(lab, client, make_cluster, node_role):
    """The ids of two nodes of a node group whose launch template has a hop limit of 1."""
    make_cluster()
    ec2 = lab.client("ec2")
    data = {"MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}}
    template = ec2.create_launch_template(LaunchTemplateName="one-hop", LaunchTemplateData=data)["LaunchTemplate"]
    target = {"clusterName": "eks-clu", "nodegroupName": "workers"}
    client.create_nodegroup(
        **target,
        nodeRole=node_role,
        subnets=lab.subnets(),
        scalingConfig={"minSize": 1, "maxSize": 3, "desiredSize": 2},
        launchTemplate={"id": template["LaunchTemplateId"]},
    )
    client.get_waiter("nodegroup_active").wait(**target, WaiterConfig=QUICK)
    yield [instance.instance_id for instance in lab.plane("eks-clu").list_instances("workers")]
    ec2.delete_launch_template(LaunchTemplateId=template["LaunchTemplateId"])


def described(ec2, **arguments):
    pages = ec2.get_paginator("describe_instances").paginate(**arguments)
    instances = [each for page in pages for reservation in page["Reservations"] for each in reservation["Instances"]]
    return {instance["InstanceId"]: instance for instance in instances}


def filters(**values):
    return [{"Name": name.replace("_", "-"), "Values": list(patterns)} for name, patterns in values.items()]


def test_node_instances_have_profile_hop_limit_and_tags(lab, client, nodes, node_role):
    """The instances of a node group have its hop limit and tags, and an instance profile with its role."""
    found = described(lab.client("ec2"), InstanceIds=nodes)
    assert sorted(found) == sorted(nodes)
    for instance in found.values():
        assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert {"Key": "kubernetes.io/cluster/eks-clu", "Value": "owned"} in instance["Tags"]
    (arn,) = {instance["IamInstanceProfile"]["Arn"] for instance in found.values()}
    profile = lab.client("iam").get_instance_profile(InstanceProfileName=arn.rpartition("/")[2])["InstanceProfile"]
    assert (profile["Arn"], [role["Arn"] for role in profile["Roles"]]) == (arn, [node_role])
    client.delete_nodegroup(clusterName="eks-clu", nodegroupName="workers")
    client.get_waiter("nodegroup_deleted").wait(clusterName="eks-clu", nodegroupName="workers", WaiterConfig=QUICK)
    assert described(lab.client("ec2"), Filters=filters(instance_id=nodes)) == {}
    iam = lab.client("iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_instance_profile(InstanceProfileName=arn.rpartition("/")[2])


def test_node_instances_are_described_with_other_instances_and_by_filter(lab, nodes):
    """Without ids, and with filters, DescribeInstances has the instances of nodes and those of RunInstances."""
    ec2 = lab.client("ec2")
    own = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    try:
        assert {*nodes, own} <= described(ec2).keys()
        assert set(described(ec2, InstanceIds=[nodes[0], own])) == {nodes[0], own}
        assert set(described(ec2, Filters=filters(instance_id=[nodes[1], own]))) == {nodes[1], own}
        tag = {"Name": "tag:aws:eks:cluster-name", "Values": ["eks-*"]}
        assert set(described(ec2, Filters=[tag])) == set(nodes)
        assert described(ec2, Filters=[tag, *filters(instance_state_name=["stopped"])]) == {}
        assert set(described(ec2, Filters=filters(tag_key=["eks:nodegroup-name"]))) == set(nodes)
        assert set(nodes).isdisjoint(described(ec2, Filters=filters(image_id=["ami-12c6146b"])))
    finally:
        ec2.terminate_instances(InstanceIds=[own])


def test_missing_instance_is_an_error(lab, nodes):
    """An id of no instance is an error, also beside the id of a node."""
    ec2 = lab.client("ec2")
    with pytest.raises(ec2.exceptions.ClientError, match=r"InvalidInstanceID\.NotFound"):
        ec2.describe_instances(InstanceIds=[nodes[0], "i-0123456789abcdef0"])
