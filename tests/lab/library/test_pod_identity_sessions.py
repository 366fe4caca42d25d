"""What an association says of its pods' sessions, seen by what AWS lets the pods do."""

from __future__ import annotations

import json

import pytest
from pods_program import Pods, Stack

from lab.principals import client
from lab.stories.world import World

CLUSTER = "irsa"
BUCKETS = {"mine": "sessions-mine", "other": "sessions-other"}
PROGRAM = """
cluster = eks.Cluster("clu", {"name": said["cluster"]})
for name, settings in said["workloads"].items():
    eks.WorkloadIdentity(name, {
        "cluster": cluster.connection, "namespace": "default", "service_account": name, "role_name": name,
        "mode": "pod-identity", **settings,
    }, pulumi.ResourceOptions(providers=[cluster.provider]))
"""
BY_TAG = [
    {
        "actions": ["s3:ListBucket"],
        "resources": [f"arn:aws:s3:::{BUCKETS['mine']}"],
        "conditions": [
            {"test": "StringEquals", "variable": "aws:PrincipalTag/kubernetes-namespace", "values": ["default"]},
            {"test": "StringEquals", "variable": "aws:PrincipalTag/eks-cluster-name", "values": [CLUSTER]},
        ],
    }
]
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
SAID = {
    "cluster": CLUSTER,
    "workloads": {
        "tagged": {"statements": BY_TAG},
        "untagged": {"statements": BY_TAG, "disable_session_tags": True},
        "narrow": NARROW,
    },
}


@pytest.fixture(scope="module")
def pods(running_lab, tools):
    s3 = client(running_lab, "s3")
    for name in BUCKETS.values():
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    yield Pods(World(running_lab, tools.bin), CLUSTER)
    for name in BUCKETS.values():
        s3.delete_bucket(Bucket=name)


@pytest.fixture(scope="module")
def stack(pods, running_lab, tools, tmp_path_factory):
    """The workloads; a second update finds nothing to do."""
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    stack.up(SAID)
    assert stack.steps(SAID) == []
    yield stack
    stack.stack.destroy()


@pytest.fixture
def may(stack, pods):
    """What AWS answers a new pod of the service account: `works`, or the refusal."""

    def ask(account, *command):
        said = pods.run(f"{account}-asks", account, *command)
        return "AccessDenied" if "AccessDenied" in said or "not authorized" in said else "works"

    return ask


def lists(bucket):
    return "s3api", "list-objects-v2", "--bucket", BUCKETS[bucket]


def association(pods, account):
    eks = client(pods.world.home, "eks")
    (found,) = eks.list_pod_identity_associations(clusterName=CLUSTER, serviceAccount=account)["associations"]
    shown = eks.describe_pod_identity_association(clusterName=CLUSTER, associationId=found["associationId"])
    return shown["association"]


def test_a_session_has_the_tags_of_its_pod(may):
    """What the role may do depends on cluster and namespace, and the pod is in both."""
    assert may("tagged", *lists("mine")) == "works"


def test_a_session_has_no_tags_where_they_are_off(may, pods):
    """The same policy allows it nothing, and the session is the role's all the same."""
    assert association(pods, "untagged")["disableSessionTags"] is True
    assert ":assumed-role/untagged/" in pods.who("untagged", "untagged")
    assert may("untagged", *lists("mine")) == "AccessDenied"


def test_a_session_policy_narrows_the_role(may):
    """What both allow, and neither what the role alone allows, nor what the policy alone does."""
    assert may("narrow", *lists("mine")) == "works"
    assert may("narrow", *lists("other")) == "AccessDenied"
    assert may("narrow", "sqs", "list-queues") == "AccessDenied"
    assert may("narrow", "iam", "list-users") == "AccessDenied"


def test_both_change_in_place(stack, may, pods):
    """Tags come back where nobody says that they are off, a wider policy widens, and no association is a new one."""
    names = ("untagged", "narrow")
    before = [association(pods, name)["associationId"] for name in names]
    wide = {"untagged": {"statements": BY_TAG}, "narrow": {**NARROW, "session_policy": EVERYTHING}}
    steps = stack.steps({**SAID, "workloads": {**SAID["workloads"], **wide}})
    assert steps == [("update", "PodIdentityAssociation")] * 2
    assert [association(pods, name)["associationId"] for name in names] == before
    assert may("untagged", *lists("mine")) == "works"
    assert may("narrow", *lists("other")) == "works"
    assert may("narrow", "iam", "list-users") == "AccessDenied"
