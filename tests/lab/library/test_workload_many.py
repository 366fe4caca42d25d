"""Roles for many service accounts and many clusters, each option of theirs seen through `aws iam`."""

from __future__ import annotations

import json

import pytest
from lab_program import refused
from pods_program import ACCOUNT, Pods, Stack, get_role

from lab.scenarios.clients import LabClients

PROGRAM = """
for name, settings in said["roles"].items():
    pulumi.export(name, eks.IrsaRole(name, {"role_name": name, **settings}).arns)
cluster = eks.Cluster("clu", {"name": said["cluster"]})
boundary = aws.iam.Policy("boundary", name="boundary", policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
args = {"cluster": cluster.connection, "namespace": "default", "permissions_boundary": boundary.arn}
eks.WorkloadIdentity("many", {**args, **said["workload"]}, pulumi.ResourceOptions(providers=[cluster.provider]))
"""
HOST = "oidc.eks.ap-northeast-1.amazonaws.com/id"
MORE = [f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}/{str(number) * 32}" for number in range(5)]
OWN = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}],
}
WORKLOAD = {
    "service_account": "first",
    "more_service_accounts": [{"namespace": "kube-public", "name": "second"}],
    "role_name_prefix": "many-",
    "path": "/team/",
    "max_session_duration": 7200,
    "description": "two service accounts",
    "tags": {"team": "shop"},
    "policies": ["AmazonS3ReadOnlyAccess"],
    "inline_policies": {"own": json.dumps(OWN)},
    "statements": [
        {
            "actions": ["ec2:DescribeInstances"],
            "resources": ["*"],
            "conditions": [{"test": "StringEquals", "variable": "aws:RequestedRegion", "values": ["eu-west-1"]}],
        }
    ],
    "policy_templates": [{"name": "external-dns", "hosted_zone_arns": ["arn:aws:route53:::hostedzone/Z1"]}],
    "assume_role_arns": ["arn:aws:iam::210987654321:role/chained"],
}


@pytest.fixture(scope="module")
def world(running_lab, tools):
    return LabClients(running_lab, tools.bin)


@pytest.fixture(scope="module")
def both(world):
    """Two clusters, and the ARNs of the account's OIDC providers for them."""
    first, second = Pods(world, "eks-clu"), Pods(world, "irsa")
    with first.vouched_for() as one, second.vouched_for() as other:
        yield (first, one), (second, other)


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, both):
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


@pytest.fixture(scope="module")
def accounts(both):
    """Service accounts in both clusters."""
    names = ("one", "two", "three", "batch-1", "other")
    for pods, _ in both:
        pods.kubectl("create", "-f", "-", stdin=json.dumps(service_accounts(names)))
    yield
    for pods, _ in both:
        pods.kubectl("delete", "serviceaccount", *names)


def service_accounts(names):
    items = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}} for name in names]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def subjects(*names):
    return [{"namespace": "default", "name": name} for name in names]


@pytest.fixture(scope="module")
def rejected(stack, both):
    """What a preview says of one role, or of a workload, that cannot be."""

    def preview(roles=(), **workload):
        workload = {"service_account": "first", "oidc_provider_arn": both[0][1], **workload}
        return refused(stack.say({"cluster": "eks-clu", "roles": dict(roles), "workload": workload}).preview)

    return preview


@pytest.fixture(scope="module")
def no_room(rejected, both):
    every = [*(arn for _, arn in both), *MORE]
    return rejected({"split": {"oidc_provider_arns": every, "subjects": subjects("one")}})


@pytest.fixture(scope="module")
def fitting(no_room):
    """How many clusters the refusal says that one trust policy has room for."""
    return int(no_room.partition("set oidc_provider_arns_by_role with at most ")[2].partition(" ")[0])


@pytest.fixture(scope="module")
def said(both, fitting):
    """What the program reads, with what the refusal asked for."""
    (_, one), (_, other) = both
    every = [one, other, *MORE]
    by_role = {f"r{start}": every[start : start + fitting] for start in range(0, len(every), fitting)}
    roles = {
        "shared": {"oidc_provider_arns": [one, other], "subjects": subjects("one", "two")},
        "split": {"oidc_provider_arns_by_role": by_role, "subjects": subjects("one")},
        "wild": {"oidc_provider_arns": [one], "subjects": subjects("batch-*"), "allow_wildcards": True},
    }
    return {"cluster": "eks-clu", "roles": roles, "workload": {**WORKLOAD, "oidc_provider_arn": one}}


@pytest.fixture(scope="module")
def previewed(stack, said):
    return stack.say(said).preview().stdout


@pytest.fixture(scope="module")
def made(stack, said, previewed, accounts):
    """The stack's outputs: of each role for many clusters, the role of each."""
    return stack.up(said)


def test_one_role_of_many_clusters_and_service_accounts(made, both):
    """Each named service account of each named cluster has the role, and another one has not."""
    role = f"arn:aws:iam::{ACCOUNT}:role/shared"
    for pods, _ in both:
        assert [pods.assume(role, pods.token(name)) for name in ("one", "two", "three")] == [
            "works",
            "works",
            "AccessDenied",
        ]


def test_many_clusters_are_divided_among_roles(no_room, fitting, made, both):
    """Where one trust policy has no room, the preview says how many clusters fit, and so many have a role each."""
    assert "must fit a trust policy of at most 2048 characters" in no_room
    arns = made["split"]
    assert set(arns) == {*MORE, *(arn for _, arn in both)}
    assert len(set(arns.values())) == -(-7 // fitting)
    for name in {arn.rpartition("/")[2] for arn in arns.values()}:
        document = get_role(both[0][0].world, name)["AssumeRolePolicyDocument"]
        assert len(json.dumps(document, separators=(",", ":"))) <= 2048
    for pods, provider in both:
        assert pods.assume(arns[provider], pods.token("one")) == "works"


def test_a_wildcard_says_who_gains(rejected, previewed, made, both):
    """It lets in what matches in every cluster, those made later too, and the preview says so."""
    unsaid = {"oidc_provider_arns": [both[0][1]], "subjects": subjects("batch-*")}
    assert "set allow_wildcards to True if this is intended" in rejected({"wild": unsaid})
    assert "every service account that matches default/batch-* in every one of these clusters" in previewed
    (pods, _), (elsewhere, _) = both
    role = f"arn:aws:iam::{ACCOUNT}:role/wild"
    assert pods.assume(role, pods.token("batch-1")) == "works"
    assert pods.assume(role, pods.token("other")) == "AccessDenied"
    assert elsewhere.assume(role, elsewhere.token("batch-1")) == "AccessDenied"


def test_every_option_of_a_role_is_seen_in_iam(made, both):
    """Path, boundary, session length, description, tags, managed, inline and typed policies, of every mode."""
    pods, _ = both[0]
    aws = pods.world.aws
    listed = json.loads(aws("iam", "list-roles", "--path-prefix", "/team/").stdout)["Roles"]
    (name,) = [role["RoleName"] for role in listed if role["RoleName"].startswith("many-")]
    role = get_role(pods.world, name)
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    assert (role["MaxSessionDuration"], role["Description"]) == (7200, "two service accounts")
    assert role["Tags"] == [{"Key": "team", "Value": "shop"}]
    attached = json.loads(aws("iam", "list-attached-role-policies", "--role-name", name).stdout)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonS3ReadOnlyAccess"]
    inline = json.loads(aws("iam", "list-role-policies", "--role-name", name).stdout)["PolicyNames"]
    assert sorted(inline) == ["external-dns", "own", "statements"]
    found = json.loads(aws("iam", "get-role-policy", "--role-name", name, "--policy-name", "statements").stdout)
    actions = [statement["Action"] for statement in found["PolicyDocument"]["Statement"]]
    assert actions == [["ec2:DescribeInstances"], ["sts:AssumeRole", "sts:TagSession"]]
    assert [
        pods.assume(role["Arn"], pods.token("first")),
        pods.assume(role["Arn"], pods.token("second", namespace="kube-public")),
    ] == ["works", "works"]


def test_a_misspelt_policy_is_refused_in_the_preview(rejected):
    """IAM is asked for AWS's own policies, and the name that was meant is said."""
    assert "did you mean AmazonS3ReadOnlyAccess?" in rejected(policies=["AmazonS3ReadOnlyAcces"])
