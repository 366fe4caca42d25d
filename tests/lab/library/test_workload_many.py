"""Roles for many service accounts and many clusters, each option of theirs seen through `aws iam`."""

from __future__ import annotations

import json

import pytest
from lab_program import refused
from pods_program import ACCOUNT, Pods, Stack, get_role

from lab.scenarios.clients import LabClients

PROGRAM = """
eks.IrsaRole("shared", {"role_name": "shared", **said})
"""
WORKLOAD = """
cluster = eks.Cluster("clu", {"name": said["cluster"]})
boundary = aws.iam.Policy("boundary", name="boundary", policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
args = {"cluster": cluster.connection, "namespace": "default", "permissions_boundary": boundary.arn}
eks.WorkloadIdentity("many", {**args, **said["workload"]}, pulumi.ResourceOptions(providers=[cluster.provider]))
"""


@pytest.fixture
def world(running_lab, tools):
    return LabClients(running_lab, tools.bin)


@pytest.fixture
def both(world):
    """Two clusters, and the ARNs of the account's OIDC providers for them."""
    first, second = Pods(world, "eks-clu"), Pods(world, "irsa")
    with first.vouched_for() as one, second.vouched_for() as other:
        yield (first, one), (second, other)


@pytest.fixture
def run(running_lab, tools, tmp_path):
    made = []

    def start(program):
        made.append(Stack(tmp_path / f"project-{len(made)}", running_lab, tools, program))
        return made[-1]

    yield start
    for stack in made:
        stack.stack.destroy()


@pytest.fixture
def accounts(both):
    """Makes service accounts in both clusters; gone after the test."""
    made = []

    def make(*names):
        for pods, _ in both:
            for name in names:
                pods.kubectl("create", "serviceaccount", name)
                made.append((pods, name))

    yield make
    for pods, name in made:
        pods.kubectl("delete", "serviceaccount", name)


def test_one_role_of_many_clusters_and_service_accounts(run, both, accounts):
    """Each named service account of each named cluster has the role, and another one has not."""
    accounts("one", "two", "three")
    subjects = [{"namespace": "default", "name": name} for name in ("one", "two")]
    run(PROGRAM).up({"oidc_provider_arns": [arn for _, arn in both], "subjects": subjects})
    role = f"arn:aws:iam::{ACCOUNT}:role/shared"
    for pods, _ in both:
        assert [pods.assume(role, pods.token(name)) for name in ("one", "two", "three")] == [
            "works",
            "works",
            "AccessDenied",
        ]


def test_many_clusters_are_divided_among_roles(run, both, accounts):
    """Where one trust policy has no room, the preview says how many clusters fit, and so many have a role each."""
    accounts("one")
    host = "oidc.eks.ap-northeast-1.amazonaws.com/id"
    more = [f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}/{str(number) * 32}" for number in range(5)]
    given = {
        "oidc_provider_arns": [arn for _, arn in both] + more,
        "subjects": [{"namespace": "default", "name": "one"}],
    }
    said = refused(run(PROGRAM).say(given).preview)
    assert "must fit a trust policy of at most 2048 characters" in said
    fitting = int(said.partition("set oidc_provider_arns_by_role with at most ")[2].partition(" ")[0])
    every = given["oidc_provider_arns"]
    by_role = {f"r{start}": every[start : start + fitting] for start in range(0, len(every), fitting)}
    stack = run('pulumi.export("arns", eks.IrsaRole("split", {"role_name": "split", **said}).arns)')
    arns = stack.up({"oidc_provider_arns_by_role": by_role, "subjects": given["subjects"]})["arns"]
    assert set(arns) == set(given["oidc_provider_arns"])
    assert len(set(arns.values())) == -(-7 // fitting)
    for name in {arn.rpartition("/")[2] for arn in arns.values()}:
        document = get_role(both[0][0].world, name)["AssumeRolePolicyDocument"]
        assert len(json.dumps(document, separators=(",", ":"))) <= 2048
    for pods, provider in both:
        assert pods.assume(arns[provider], pods.token("one")) == "works"


def test_a_wildcard_says_who_gains(run, both, accounts):
    """It lets in what matches in every cluster, those made later too, and the preview says so."""
    stack = run(PROGRAM)
    given = {"oidc_provider_arns": [both[0][1]], "subjects": [{"namespace": "default", "name": "batch-*"}]}
    assert "set allow_wildcards to True if this is intended" in refused(stack.say(given).preview)
    said = stack.say({**given, "allow_wildcards": True}).preview().stdout
    assert "every service account that matches default/batch-* in every one of these clusters" in said
    stack.up({**given, "allow_wildcards": True})
    accounts("batch-1", "other")
    (pods, _), (elsewhere, _) = both
    role = f"arn:aws:iam::{ACCOUNT}:role/shared"
    assert pods.assume(role, pods.token("batch-1")) == "works"
    assert pods.assume(role, pods.token("other")) == "AccessDenied"
    assert elsewhere.assume(role, elsewhere.token("batch-1")) == "AccessDenied"


def test_every_option_of_a_role_is_seen_in_iam(run, both):
    """Path, boundary, session length, description, tags, managed, inline and typed policies, of every mode."""
    pods, provider = both[0]
    workload = {
        "service_account": "first",
        "more_service_accounts": [{"namespace": "kube-public", "name": "second"}],
        "oidc_provider_arn": provider,
        "role_name_prefix": "many-",
        "path": "/team/",
        "max_session_duration": 7200,
        "description": "two service accounts",
        "tags": {"team": "shop"},
        "policies": ["AmazonS3ReadOnlyAccess"],
        "inline_policies": {
            "own": json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}],
                }
            )
        },
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
    stack = run(WORKLOAD)
    stack.up({"cluster": "eks-clu", "workload": workload})
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


def test_a_misspelt_policy_is_refused_in_the_preview(run, both):
    """IAM is asked for AWS's own policies, and the name that was meant is said."""
    workload = {"service_account": "first", "oidc_provider_arn": both[0][1], "policies": ["AmazonS3ReadOnlyAcces"]}
    said = refused(run(WORKLOAD).say({"cluster": "eks-clu", "workload": workload}).preview)
    assert "did you mean AmazonS3ReadOnlyAccess?" in said
