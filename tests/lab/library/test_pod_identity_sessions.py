"""Sessions of pods: their tags, session policies and conditions of trust policies, seen by what AWS lets pods do."""

from __future__ import annotations

import json

import pytest
from lab_program import refused
from pods_program import ACCOUNT, Pods, Stack

from lab.principals import client
from lab.scenarios.clients import LabClients

CLUSTER = "irsa"
BUCKETS = {"mine": "sessions-mine", "other": "sessions-other"}
PROGRAM = """
cluster = eks.Cluster("clu", {"name": said["cluster"]})
for name, settings in said["workloads"].items():
    irsa = {"oidc_provider_arn": said["provider"]} if settings.get("mode") == "irsa" else {}
    made = eks.WorkloadIdentity(name, {
        "cluster": cluster.connection, "namespace": "default", "service_account": name, "role_name": name,
        "mode": "pod-identity", **irsa, **settings,
    }, pulumi.ResourceOptions(providers=[cluster.provider]))
    if name in said["attached"]:
        aws.iam.RolePolicy(name, role=made.role_name, policy=said["attached"][name])
"""
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
"""A policy that needs the tags, attached beside the library, which would reject it."""
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
SAID = {
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
def said(pods):
    """What the program reads."""
    with pods.vouched_for() as arn:
        yield {**SAID, "provider": arn}


@pytest.fixture(scope="module")
def stack(said, running_lab, tools, tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    stack.up(said)
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


def reads(key):
    return "s3", "cp", f"s3://{BUCKETS['mine']}/{key}", "-"


def test_a_session_has_the_tags_of_its_pod(may, pods):
    """What the role may do depends on cluster and namespace: the pod reads the objects of its own namespace alone."""
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
def test_a_policy_that_needs_session_tags_is_rejected_in_the_preview(stack, said, settings, fix):
    """The pods of this very workload would be denied, by a change of mode as well as by disable_session_tags."""
    changed = {"tagged": {"statements": BY_TAG, **settings}}
    shown = refused(stack.say({**said, "workloads": {**said["workloads"], **changed}}).preview)
    assert "statements[0].conditions[0].variable: 'aws:PrincipalTag/kubernetes-namespace'" in shown
    assert (
        f"statements[1].resources[0]: 'arn:aws:s3:::{BUCKETS['mine']}/${{aws:PrincipalTag/kubernetes-namespace}}/*'"
        in shown
    )
    assert fix in shown


def test_conditions_of_a_trust_policy_decide_who_has_the_role(pods, stack):
    """Pod Identity compares organization, account and cluster, IRSA the address; other calls are denied."""
    assert ":assumed-role/tagged/" in pods.who("tagged", "tagged")
    assert "foreign" not in pods.who("foreign", "foreign").partition("assumed-role/")[2]
    arns = {name: f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("near", "far")}
    verdicts = {name: pods.assume(arn, pods.token(name)) for name, arn in arns.items()}
    assert verdicts == {"near": "works", "far": "AccessDenied"}


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


def test_both_change_in_place(stack, said, may, pods):
    """Tags come back where nobody says that they are off, a wider policy widens, and no association is a new one."""
    names = ("untagged", "narrow")
    before = [association(pods, name)["associationId"] for name in names]
    wide = {"untagged": {"statements": ANY_QUEUE}, "narrow": {**NARROW, "session_policy": EVERYTHING}}
    steps = stack.steps({**said, "workloads": {**said["workloads"], **wide}})
    assert steps == [("update", "PodIdentityAssociation")] * 2
    assert [association(pods, name)["associationId"] for name in names] == before
    assert may("untagged", *lists("mine")) == "works"
    assert may("narrow", *lists("other")) == "works"
    assert may("narrow", "iam", "list-users") == "AccessDenied"
