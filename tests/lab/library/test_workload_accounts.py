"""Three ways of a pod into another account, side by side, and what stands in the way of a wrong one."""

from __future__ import annotations

import pytest
from lab_program import refused
from pods_program import ACCOUNT, OTHER_ACCOUNT, Pods, Stack, get_role, other_account

from lab.scenarios.clients import LabClients

CLUSTER = "irsa"
PROGRAM = """
there = aws.Provider("there", region="ap-northeast-1", profile="default", shared_credentials_files=[said["other"]])
cluster = eks.Cluster("clu", {"name": said["cluster"]})
account = {"cluster": cluster.connection, "namespace": "default"}
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
in_other = pulumi.ResourceOptions(providers=[there])

# Registered there.
provider = eks.OidcProvider("there", {"issuer": cluster.issuer}, in_other)
args = {"service_account": "registered", "role_name": "registered", "oidc_provider_arn": provider.arn}
eks.WorkloadIdentity("registered", {**account, **args},
                     pulumi.ResourceOptions(providers=[cluster.provider, *([there] if said["made_there"] else [])]))

# Chained.
name = f"arn:aws:iam::{said['there']}:role/chained"
args = {"service_account": "chaining", "oidc_provider_arn": said["provider"], "assume_role_arns": [name]}
workload = eks.WorkloadIdentity("chaining", {**account, **args, "role_name": "chaining"}, on_cluster)
args = {"role_name": "chained", "trusted_role_arns": [workload.role_arn], "external_id": "shop-1"}
eks.ChainedRole("chained", args, in_other)

# A target role of the association.
subjects = [{"namespace": "default", "name": "targeting"}]
name = f"arn:aws:iam::{said['there']}:role/target"
args = {"role_name": "source", "cluster_arns": [cluster.arn], "subjects": subjects, "assume_role_arns": [name]}
source = eks.PodIdentityRole("source", args)
args = {"role_name": "target", "cluster_arns": [cluster.arn], "subjects": said["subjects"]}
target = eks.ChainedRole("target", {**args, "trusted_role_arns": [source.arn]}, in_other)
args = {"mode": "pod-identity", "role_arn": source.arn, "target_role_arn": target.arn, "service_account": "targeting"}
eks.WorkloadIdentity("targeting", {**account, **args}, on_cluster)
"""


@pytest.fixture(scope="module")
def pods(running_lab, tools):
    return Pods(LabClients(running_lab, tools.bin), CLUSTER)


@pytest.fixture(scope="module")
def said(running_lab, pods):
    """What the program reads."""
    of = {"cluster": CLUSTER, "there": OTHER_ACCOUNT, "other": other_account(running_lab), "made_there": True}
    with pods.vouched_for() as provider:
        yield {**of, "provider": provider, "subjects": [{"namespace": "default", "name": "targeting"}]}


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, said):
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    stack.up(said)
    yield stack
    stack.stack.destroy()


def test_by_a_provider_that_is_registered_there(stack, said, pods):
    """The role is made in the other account, and the pod is that role, without a role of its own account."""
    assert f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/registered/" in pods.who("registered", "registered")
    assert get_role(pods.world, "registered", "other-admin")["Arn"] == f"arn:aws:iam::{OTHER_ACCOUNT}:role/registered"
    said_of_it = refused(stack.say({**said, "made_there": False}).preview)
    assert f"must be of account {ACCOUNT}, in which the aws provider creates the role" in said_of_it
    assert f"pass an aws provider of account {OTHER_ACCOUNT} in opts.providers" in said_of_it


def test_by_a_role_that_the_pods_role_takes_on(stack, pods):
    """The chained role trusts the pod's role alone, and only with the external id that was agreed on."""
    chained = f"arn:aws:iam::{OTHER_ACCOUNT}:role/chained"
    command = ("sts", "assume-role", "--role-arn", chained, "--role-session-name", "pod", "--query")
    shown = (*command, "AssumedRoleUser.Arn", "--output", "text")
    given = pods.run("chaining", "chaining", *shown, "--external-id", "shop-1").strip()
    assert given == f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/chained/pod"
    assert "AccessDenied" in pods.run("without", "chaining", *shown)


def test_by_a_target_role_of_the_association(stack, said, pods):
    """EKS takes the target role on with the external id of cluster and service account, which its trust asks for."""
    assert f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/target/" in pods.who("targeting", "targeting")
    (statement,) = get_role(pods.world, "target", "other-admin")["AssumeRolePolicyDocument"]["Statement"]
    external_id = f"ap-northeast-1/{ACCOUNT}/{CLUSTER}/default/targeting"
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": external_id}}
    stack.up({**said, "subjects": [{"namespace": "default", "name": "another"}]})
    assert "AccessDenied" in pods.who("refused", "targeting")
