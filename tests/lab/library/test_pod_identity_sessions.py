"""Pod Identity sessions: session tags, session policies and trust policy conditions, verified by calls of pods."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.principals import client
from lab.scenarios.clients import LabClients
from support.access_program import expect_error
from support.workload_program import ACCOUNT, Pods, Stack

CLUSTER = "irsa"
BUCKETS = {"mine": "sessions-mine", "other": "sessions-other"}
PROGRAM = Path(__file__).with_name("pod_identity_sessions_program.py")
BY_TAG = [
    {
        "actions": ["s3:ListBucket"],
        "resources": [f"arn:aws:s3:::{BUCKETS['mine']}"],
        "conditions": [
            {"test": "StringEquals", "variable": "aws:PrincipalTag/kubernetes-namespace", "values": ["default"]},
            {"test": "StringEquals", "variable": "aws:PrincipalTag/eks-cluster-name", "values": [CLUSTER]},
        ],
    },
    {
        "actions": ["s3:GetObject"],
        "resources": [f"arn:aws:s3:::{BUCKETS['mine']}/${{aws:PrincipalTag/kubernetes-namespace}}/*"],
    },
]
ATTACHED = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "default"}},
            }
        ],
    }
)
"""A policy that needs session tags, attached without the library, which would reject it."""
ANY_BUCKET = [{"actions": ["s3:ListBucket"], "resources": ["*"]}, {"actions": ["sqs:ListQueues"], "resources": ["*"]}]
ONE_BUCKET = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKETS['mine']}"},
            {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"},
        ],
    }
)
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
NARROW = {"statements": ANY_BUCKET, "disable_session_tags": True, "session_policy": ONE_BUCKET}


def where(test, variable, *values):
    return {"test": test, "variable": variable, "values": list(values)}


OF_THE_CLUSTER = [
    where("StringEquals", "aws:SourceOrgId", "${aws:ResourceOrgId}"),
    where("StringEquals", "aws:SourceAccount", ACCOUNT),
    where("ArnLike", "aws:SourceArn", f"arn:aws:eks:*:{ACCOUNT}:cluster/{CLUSTER}"),
    where("StringEquals", "aws:RequestTag/kubernetes-namespace", "default"),
]
OF_ANOTHER_ORGANIZATION = [where("StringEquals", "aws:SourceOrgID", "o-another000")]
ANY_QUEUE = [{"actions": ["sqs:ListQueues"], "resources": ["*"]}]
CONFIG = {
    "cluster": CLUSTER,
    "attached": {"untagged": ATTACHED},
    "workloads": {
        "tagged": {"statements": BY_TAG, "trust_conditions": OF_THE_CLUSTER},
        "untagged": {"statements": ANY_QUEUE, "disable_session_tags": True},
        "narrow": NARROW,
        "foreign": {"statements": ANY_QUEUE, "trust_conditions": OF_ANOTHER_ORGANIZATION},
        "near": {"mode": "irsa", "trust_conditions": [where("IpAddress", "aws:SourceIp", "127.0.0.0/8")]},
        "far": {"mode": "irsa", "trust_conditions": [where("IpAddress", "aws:SourceIp", "203.0.113.0/24")]},
    },
}


@pytest.fixture(scope="module")
def pods(running_lab, tools):
    s3 = client(running_lab, "s3")
    for name in BUCKETS.values():
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    for key in ("default/x", "other/x"):
        s3.put_object(Bucket=BUCKETS["mine"], Key=key, Body=key.encode())
    yield Pods(LabClients(running_lab, tools.bin), CLUSTER)
    for key in ("default/x", "other/x"):
        s3.delete_object(Bucket=BUCKETS["mine"], Key=key)
    for name in BUCKETS.values():
        s3.delete_bucket(Bucket=name)


@pytest.fixture(scope="module")
def config(pods):
    """The config of the program."""
    with pods.oidc_provider() as arn:
        yield {**CONFIG, "provider": arn}


@pytest.fixture(scope="module")
def stack(config, running_lab, tools, tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    stack.up(config)
    yield stack
    stack.stack.destroy()


@pytest.fixture
def may(stack, pods):
    """Return a function that runs `aws` in a new pod of the service account, and returns `works` or `AccessDenied`."""

    def run(account, *command):
        output = pods.run(f"{account}-asks", account, *command)
        return "AccessDenied" if "AccessDenied" in output or "not authorized" in output else "works"

    return run


def lists(bucket):
    return "s3api", "list-objects-v2", "--bucket", BUCKETS[bucket]


def association(pods, account):
    eks = client(pods.clients.home, "eks")
    (summary,) = eks.list_pod_identity_associations(clusterName=CLUSTER, serviceAccount=account)["associations"]
    response = eks.describe_pod_identity_association(clusterName=CLUSTER, associationId=summary["associationId"])
    return response["association"]


def reads(key):
    return "s3", "cp", f"s3://{BUCKETS['mine']}/{key}", "-"


def test_session_tags_restrict_a_pod_to_its_namespace(may, pods):
    """The policy compares session tags of cluster and namespace, so that a pod reads only its namespace's objects."""
    assert may("tagged", *lists("mine")) == "works"
    assert pods.run("tagged-reads", "tagged", *reads("default/x")).strip() == "default/x"
    assert "403" in pods.run("tagged-reads-other", "tagged", *reads("other/x"))


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        ({"mode": "irsa", "keep_pod_identity": True}, "set mode to pod-identity"),
        ({"disable_session_tags": True}, "remove disable_session_tags"),
    ],
)
def test_policy_that_needs_missing_session_tags_is_rejected_at_preview(stack, config, settings, fix):
    """A change to IRSA and disable_session_tags both remove the tags, so that AWS would deny the pods."""
    changed = {"tagged": {"statements": BY_TAG, **settings}}
    error = expect_error(stack.configure({**config, "workloads": {**config["workloads"], **changed}}).preview)
    assert "statements[0].conditions[0].variable: 'aws:PrincipalTag/kubernetes-namespace'" in error
    assert (
        f"statements[1].resources[0]: 'arn:aws:s3:::{BUCKETS['mine']}/${{aws:PrincipalTag/kubernetes-namespace}}/*'"
        in error
    )
    assert fix in error


def test_trust_conditions_restrict_the_role(pods, stack):
    """AWS evaluates organization, account and cluster for Pod Identity, and the address for IRSA."""
    assert ":assumed-role/tagged/" in pods.caller_arn("tagged", "tagged")
    assert "foreign" not in pods.caller_arn("foreign", "foreign").partition("assumed-role/")[2]
    arns = {name: f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("near", "far")}
    verdicts = {name: pods.assume(arn, pods.token(name)) for name, arn in arns.items()}
    assert verdicts == {"near": "works", "far": "AccessDenied"}


def test_disable_session_tags_removes_the_tags(may, pods):
    """Without tags the policy allows nothing, but the pod has the role."""
    assert association(pods, "untagged")["disableSessionTags"] is True
    assert ":assumed-role/untagged/" in pods.caller_arn("untagged", "untagged")
    assert may("untagged", *lists("mine")) == "AccessDenied"


def test_session_policy_restricts_the_role(may):
    """A session has only the permissions that both the role and the session policy allow."""
    assert may("narrow", *lists("mine")) == "works"
    assert may("narrow", *lists("other")) == "AccessDenied"
    assert may("narrow", "sqs", "list-queues") == "AccessDenied"
    assert may("narrow", "iam", "list-users") == "AccessDenied"


def test_session_tags_and_session_policy_change_in_place(stack, config, may, pods):
    """Tags return by default, a wider session policy grants more, and the associations keep their ids."""
    names = ("untagged", "narrow")
    before = [association(pods, name)["associationId"] for name in names]
    wide = {"untagged": {"statements": ANY_QUEUE}, "narrow": {**NARROW, "session_policy": EVERYTHING}}
    steps = stack.steps({**config, "workloads": {**config["workloads"], **wide}})
    assert steps == [("update", "PodIdentityAssociation")] * 2
    assert [association(pods, name)["associationId"] for name in names] == before
    assert may("untagged", *lists("mine")) == "works"
    assert may("narrow", *lists("other")) == "works"
    assert may("narrow", "iam", "list-users") == "AccessDenied"
