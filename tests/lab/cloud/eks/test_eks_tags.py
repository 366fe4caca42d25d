"""Tags of all EKS resources that have an ARN, and the ARNs that the tagging operations do not reach."""

import json

import pytest

from support.eks_constants import ACCOUNT, QUICK, REGION, trust

OTHER_ACCOUNT = "222222222222"
OTHER_REGION = "eu-west-1"


@pytest.fixture
def resource_arns(lab, client, make_cluster, node_role, pod_role):
    """Return the ARNs of a cluster and of a resource of each kind in it."""
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
    profile = client.create_fargate_profile(
        clusterName=name,
        fargateProfileName="fp",
        podExecutionRoleArn=lab.role("fargate", trust("eks-fargate-pods.amazonaws.com")),
        selectors=[{"namespace": "jobs"}],
    )["fargateProfile"]
    return [
        client.describe_cluster(name=name)["cluster"]["arn"],
        group["nodegroupArn"],
        addon["addonArn"],
        entry["accessEntry"]["accessEntryArn"],
        association["associationArn"],
        profile["fargateProfileArn"],
    ]


def tag_calls(client, arn):
    """Return the three tagging operations on `arn`."""
    return (
        lambda: client.list_tags_for_resource(resourceArn=arn),
        lambda: client.tag_resource(resourceArn=arn, tags={"stolen": "yes"}),
        lambda: client.untag_resource(resourceArn=arn, tagKeys=["team"]),
    )


def test_every_resource_supports_tags(client, resource_arns):
    """Clusters and all resources of a cluster can be tagged, and return their tags."""
    for arn in resource_arns:
        client.tag_resource(resourceArn=arn, tags={"team": "ops", "env": "lab"})
        client.untag_resource(resourceArn=arn, tagKeys=["env", "first"])
        assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "ops"}
    assert client.describe_cluster(name="eks-clu")["cluster"]["tags"] == {"team": "ops"}


def test_resource_tags_are_condition_keys(lab, client, resource_arns):
    """aws:ResourceTag has the tags of clusters, node groups, add-ons and Fargate profiles, and is missing without them.

    Source: Service Authorization Reference, which lists no other kind for ListTagsForResource.
    """
    condition = {"StringEquals": {"aws:ResourceTag/team": "ops"}}
    statement = {"Effect": "Allow", "Action": "eks:ListTagsForResource", "Resource": "*", "Condition": condition}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    by_tag = lab.client(**lab.user("by-tag", policy=policy))
    for arn in (resource_arns[0], resource_arns[1], resource_arns[2], resource_arns[5]):
        with pytest.raises(client.exceptions.ClientError, match="AccessDeniedException"):
            by_tag.list_tags_for_resource(resourceArn=arn)
        client.tag_resource(resourceArn=arn, tags={"team": "ops"})
        assert by_tag.list_tags_for_resource(resourceArn=arn)["tags"]["team"] == "ops"


def errors_of(calls, client):
    found = set()
    for call in calls:
        with pytest.raises(client.exceptions.ClientError) as raised:
            call()
        response = raised.value.response
        found.add((response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]))
    return found


def test_tag_calls_do_not_reach_other_accounts(lab, client, resource_arns):
    """An administrator of another account is denied on each kind of ARN, and changes nothing."""
    stranger = lab.client(**lab.user("stranger", account=OTHER_ACCOUNT))
    for arn in resource_arns:
        client.tag_resource(resourceArn=arn, tags={"team": "ops"})
        assert errors_of(tag_calls(stranger, arn), client) == {(403, "AccessDeniedException")}, arn
        assert client.list_tags_for_resource(resourceArn=arn)["tags"]["team"] == "ops"
        assert "stolen" not in client.list_tags_for_resource(resourceArn=arn)["tags"]


def test_tag_calls_do_not_reach_other_regions_and_partitions(lab, client, resource_arns):
    """A call in another Region, and an ARN of another Region, is a 404 for each kind of ARN; of a partition a 400."""
    elsewhere = lab.client(region=OTHER_REGION)
    for arn in resource_arns:
        assert errors_of(tag_calls(elsewhere, arn), client) == {(404, "NotFoundException")}, arn
        other = arn.replace(REGION, OTHER_REGION)
        assert errors_of(tag_calls(client, other), client) == {(404, "NotFoundException")}, other
        for partition in ("aws-cn", "aws-us-gov"):
            other = arn.replace("arn:aws:", f"arn:{partition}:")
            assert errors_of(tag_calls(client, other), client) == {(400, "BadRequestException")}, other
        assert "stolen" not in client.list_tags_for_resource(resourceArn=arn)["tags"]


@pytest.mark.parametrize(
    "arn",
    [
        "x",
        "arn:aws:s3:::bucket",
        f"arn:aws:eks:{REGION}:{ACCOUNT}:",
        f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster",
        f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/",
        f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/a/b",
        f"arn:aws:eks:{REGION}:{ACCOUNT}:pod/eks-clu",
        f"arn:aws:eks:{REGION}:12345:cluster/eks-clu",
        f"arn:aws:eks::{ACCOUNT}:cluster/eks-clu",
    ],
)
def test_tag_calls_reject_malformed_arns(client, make_cluster, arn):
    """Text that is not the ARN of an EKS resource is a 400."""
    make_cluster()
    assert errors_of(tag_calls(client, arn), client) == {(400, "BadRequestException")}


def test_tag_calls_on_missing_resources(client, make_cluster):
    """The ARN of a resource that does not exist is a 404."""
    make_cluster()
    for path in ("cluster/nope", "nodegroup/eks-clu/ng/1", "addon/eks-clu/x/1", "podidentityassociation/eks-clu/a-1"):
        arn = f"arn:aws:eks:{REGION}:{ACCOUNT}:{path}"
        assert errors_of(tag_calls(client, arn), client) == {(404, "NotFoundException")}, arn


def test_tag_calls_follow_the_callers_policy(lab, client, resource_arns):
    """A user may tag only the resources that its policy names."""
    cluster, nodegroup, *_ = resource_arns
    statement = {"Effect": "Allow", "Action": "eks:*Tag*", "Resource": cluster}
    user = lab.client(**lab.user("tagger", policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})))
    user.tag_resource(resourceArn=cluster, tags={"team": "ops"})
    assert errors_of(tag_calls(user, nodegroup), client) == {(403, "AccessDeniedException")}


@pytest.mark.parametrize(
    ("tags", "message_part"),
    [
        ({"aws:team": "x"}, "the prefix aws: is reserved"),
        ({"AWS:team": "x"}, "the prefix aws: is reserved"),
        ({"team": "aws:x"}, "the prefix aws: is reserved"),
        ({"k" * 129: "x"}, "length less than or equal to 128"),
        ({"team": "x" * 257}, "length less than or equal to 256"),
        ({"te#am": "x"}, "must be letters, numbers, spaces"),
        ({"team": "x#"}, "must be letters, numbers, spaces"),
        ({f"tag-{number}": "x" for number in range(51)}, "length less than or equal to 50"),
        ({}, "length greater than or equal to 1"),
    ],
)
def test_invalid_tags_are_rejected(client, make_cluster, expect_error, tags, message_part):
    """Tag keys and values that AWS reserves or does not allow are rejected, by TagResource and by every creation."""
    name = make_cluster()
    arn = client.describe_cluster(name=name)["cluster"]["arn"]
    code, message = expect_error("tag_resource", resourceArn=arn, tags=tags)
    assert (code, message_part in message) == ("BadRequestException", True), message
    code, message = expect_error("create_addon", clusterName=name, addonName="coredns", tags=tags)
    assert (code, message_part in message) == ("InvalidParameterException", True), message
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {}


def test_resource_has_at_most_fifty_tags(client, make_cluster, expect_error):
    """TagResource rejects tags beyond the fiftieth, and keeps those that exist."""
    name = make_cluster()
    arn = client.describe_cluster(name=name)["cluster"]["arn"]
    client.tag_resource(resourceArn=arn, tags={f"tag-{number}": "x" for number in range(50)})
    assert expect_error("tag_resource", resourceArn=arn, tags={"one-more": "x"})[0] == "BadRequestException"
    assert len(client.list_tags_for_resource(resourceArn=arn)["tags"]) == 50
