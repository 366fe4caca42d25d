"""Roles for many service accounts and many clusters, with all options, verified with `aws iam`."""

from __future__ import annotations

import json

import pytest

from lab.scenarios.clients import LabClients
from support.access_program import expect_error
from support.workload_program import ACCOUNT, Pods, Stack, get_role

PROGRAM = """
for name, settings in config["roles"].items():
    pulumi.export(name, eks.IrsaRole(name, {"role_name": name, **settings}).arns)
cluster = eks.Cluster("clu", {"name": config["cluster"]})
boundary = aws.iam.Policy("boundary", name="boundary", policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
args = {"cluster": cluster.connection, "namespace": "default", "permissions_boundary": boundary.arn}
eks.WorkloadIdentity("many", {**args, **config["workload"]}, pulumi.ResourceOptions(providers=[cluster.provider]))
"""
HOST = "oidc.eks.ap-northeast-1.amazonaws.com/id"
OTHER_PROVIDERS = [f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}/{str(number) * 32}" for number in range(5)]
INLINE_POLICY = {
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
    "inline_policies": {"own": json.dumps(INLINE_POLICY)},
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
def clients(running_lab, tools):
    return LabClients(running_lab, tools.bin)


@pytest.fixture(scope="module")
def clusters(clients):
    """The pods of two clusters, and the ARNs of the account's OIDC providers for them."""
    first, second = Pods(clients, "eks-clu"), Pods(clients, "irsa")
    with first.oidc_provider() as first_arn, second.oidc_provider() as second_arn:
        yield (first, first_arn), (second, second_arn)


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, clusters):
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


@pytest.fixture(scope="module")
def accounts(clusters):
    """Service accounts in clusters clusters."""
    names = ("one", "two", "three", "batch-1", "other")
    for pods, _ in clusters:
        pods.kubectl("create", "-f", "-", stdin=json.dumps(service_accounts(names)))
    yield
    for pods, _ in clusters:
        pods.kubectl("delete", "serviceaccount", *names)


def service_accounts(names):
    items = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}} for name in names]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def subjects(*names):
    return [{"namespace": "default", "name": name} for name in names]


@pytest.fixture(scope="module")
def rejection(stack, clusters):
    """Return a function that previews an invalid role or workload, and returns the error."""

    def preview(roles=(), **workload):
        workload = {"service_account": "first", "oidc_provider_arn": clusters[0][1], **workload}
        return expect_error(stack.configure({"cluster": "eks-clu", "roles": dict(roles), "workload": workload}).preview)

    return preview


@pytest.fixture(scope="module")
def size_error(rejection, clusters):
    """The error of a preview of a trust policy with too many clusters."""
    arns = [*(arn for _, arn in clusters), *OTHER_PROVIDERS]
    return rejection({"split": {"oidc_provider_arns": arns, "subjects": subjects("one")}})


@pytest.fixture(scope="module")
def fitting(size_error):
    """The number of clusters that fit into one trust policy, from the error."""
    return int(size_error.partition("in place of oidc_provider_arns, with at most ")[2].partition(" ")[0])


@pytest.fixture(scope="module")
def config(clusters, fitting):
    """The config of the program, with the fix of the error applied."""
    (_, first), (_, second) = clusters
    arns = [first, second, *OTHER_PROVIDERS]
    by_role = {f"r{start}": arns[start : start + fitting] for start in range(0, len(arns), fitting)}
    roles = {
        "shared": {"oidc_provider_arns": [first, second], "subjects": subjects("one", "two")},
        "split": {"oidc_provider_arns_by_role": by_role, "subjects": subjects("one")},
        "wild": {"oidc_provider_arns": [first], "subjects": subjects("batch-*"), "allow_wildcards": True},
    }
    return {"cluster": "eks-clu", "roles": roles, "workload": {**WORKLOAD, "oidc_provider_arn": first}}


@pytest.fixture(scope="module")
def preview_output(stack, config):
    return stack.configure(config).preview().stdout


@pytest.fixture(scope="module")
def outputs(stack, config, preview_output, accounts):
    """The stack's outputs: for each IrsaRole, the role ARN of each cluster's OIDC provider."""
    return stack.up(config)


def test_one_role_for_many_clusters_and_service_accounts(outputs, clusters):
    """Each listed service account of each listed cluster can assume the role, and another one is denied."""
    role = f"arn:aws:iam::{ACCOUNT}:role/shared"
    for pods, _ in clusters:
        assert [pods.assume(role, pods.token(name)) for name in ("one", "two", "three")] == [
            "works",
            "works",
            "AccessDenied",
        ]


def test_clusters_are_divided_among_roles_by_trust_policy_size(size_error, fitting, outputs, clusters):
    """The error of a too large trust policy has the number of clusters that fit, and so many clusters share a role."""
    assert "must fit a trust policy of at most 2048 characters" in size_error
    arns = outputs["split"]
    assert set(arns) == {*OTHER_PROVIDERS, *(arn for _, arn in clusters)}
    assert len(set(arns.values())) == -(-7 // fitting)
    for name in {arn.rpartition("/")[2] for arn in arns.values()}:
        document = get_role(clusters[0][0].clients, name)["AssumeRolePolicyDocument"]
        assert len(json.dumps(document, separators=(",", ":"))) <= 2048
    for pods, provider in clusters:
        assert pods.assume(arns[provider], pods.token("one")) == "works"


def test_wildcard_subject_is_reported_at_preview(rejection, preview_output, outputs, clusters):
    """A wildcard must be allowed explicitly; the preview warns that it matches future service accounts too."""
    wildcard = {"oidc_provider_arns": [clusters[0][1]], "subjects": subjects("batch-*")}
    assert "set allow_wildcards to True if this is intended" in rejection({"wild": wildcard})
    assert "every service account that matches default/batch-* in every one of these clusters" in preview_output
    (pods, _), (other_pods, _) = clusters
    role = f"arn:aws:iam::{ACCOUNT}:role/wild"
    assert pods.assume(role, pods.token("batch-1")) == "works"
    assert pods.assume(role, pods.token("other")) == "AccessDenied"
    assert other_pods.assume(role, other_pods.token("batch-1")) == "AccessDenied"


def test_all_role_options_are_in_iam(outputs, clusters):
    """IAM has path, boundary, session duration, description, tags, and managed, inline and typed policies."""
    pods, _ = clusters[0]
    aws = pods.clients.aws
    listed = json.loads(aws("iam", "list-roles", "--path-prefix", "/team/").stdout)["Roles"]
    (name,) = [role["RoleName"] for role in listed if role["RoleName"].startswith("many-")]
    role = get_role(pods.clients, name)
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    assert (role["MaxSessionDuration"], role["Description"]) == (7200, "two service accounts")
    assert role["Tags"] == [{"Key": "team", "Value": "shop"}]
    attached = json.loads(aws("iam", "list-attached-role-policies", "--role-name", name).stdout)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonS3ReadOnlyAccess"]
    inline = json.loads(aws("iam", "list-role-policies", "--role-name", name).stdout)["PolicyNames"]
    assert sorted(inline) == ["external-dns", "own", "statements"]
    policy = json.loads(aws("iam", "get-role-policy", "--role-name", name, "--policy-name", "statements").stdout)
    actions = [statement["Action"] for statement in policy["PolicyDocument"]["Statement"]]
    assert actions == [["ec2:DescribeInstances"], ["sts:AssumeRole", "sts:TagSession"]]
    assert [
        pods.assume(role["Arn"], pods.token("first")),
        pods.assume(role["Arn"], pods.token("second", namespace="kube-public")),
    ] == ["works", "works"]


def test_unknown_managed_policy_is_rejected_at_preview(rejection):
    """The preview looks the name up among AWS's managed policies, and suggests a similar one."""
    assert "did you mean AmazonS3ReadOnlyAccess?" in rejection(policies=["AmazonS3ReadOnlyAcces"])
