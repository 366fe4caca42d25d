"""Service accounts that are made, adopted, or left alone, seen with kubectl."""

from __future__ import annotations

import json

import pytest
from lab_program import refused
from pods_program import Pods, Stack

from lab.scenarios.clients import LabClients

CLUSTER = "irsa"
ROLE = "arn:aws:iam::123456789012:role/of-others"
PROGRAM = """
cluster = eks.Cluster("clu", {"name": said["cluster"]})
args = {"cluster": cluster.connection, "namespace": "default", "service_account": "theirs", "role_name": "adopting"}
eks.WorkloadIdentity("adopting", {**args, **said["workload"]}, pulumi.ResourceOptions(providers=[cluster.provider]))
"""


@pytest.fixture
def pods(running_lab, tools):
    return Pods(LabClients(running_lab, tools.bin), CLUSTER)


@pytest.fixture
def provider(pods):
    with pods.vouched_for() as arn:
        yield arn


@pytest.fixture
def stack(running_lab, tools, tmp_path, provider):
    stack = Stack(tmp_path / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


@pytest.fixture
def theirs(pods):
    """A service account of somebody else, annotated with another role, as eksctl leaves it."""
    metadata = {
        "name": "theirs",
        "namespace": "default",
        "annotations": {"team": "shop", "eks.amazonaws.com/role-arn": ROLE},
        "labels": {"app.kubernetes.io/managed-by": "eksctl"},
    }
    document = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    pods.kubectl("apply", "--server-side", "--field-manager=eksctl", "-f", "-", stdin=json.dumps(document))
    yield
    pods.kubectl("delete", "serviceaccount", "theirs")


def metadata(pods):
    found = json.loads(pods.kubectl("get", "serviceaccount", "theirs", "-o", "json"))["metadata"]
    return found.get("annotations", {}), found.get("labels", {})


def settings(provider, **other):
    return {"cluster": CLUSTER, "workload": {"oidc_provider_arn": provider, **other}}


def test_an_adopted_service_account_keeps_what_others_wrote(stack, pods, provider, theirs):
    """Its role is ours while it is adopted; destroyed, only what we wrote is gone, and the rest is as it was."""
    adopt = settings(provider, service_account_management="adopt", token_expiration=3600, labels={"ours": "yes"})
    stack.up(adopt)
    annotations, labels = metadata(pods)
    assert annotations["eks.amazonaws.com/role-arn"] == "arn:aws:iam::123456789012:role/adopting"
    assert annotations["eks.amazonaws.com/token-expiration"] == "3600"
    assert (annotations["team"], labels["app.kubernetes.io/managed-by"], labels["ours"]) == ("shop", "eksctl", "yes")
    assert ":assumed-role/adopting/" in pods.who("adopted", "theirs")
    stack.stack.destroy()
    assert metadata(pods) == ({"team": "shop"}, {"app.kubernetes.io/managed-by": "eksctl"})


def test_one_that_is_there_is_refused_where_it_is_to_be_made(stack, provider, theirs):
    """Nothing is taken over by accident: the preview refuses it, and nothing of it changes."""
    assert "set service_account_management to adopt" in refused(stack.say(settings(provider)).up)


def test_one_that_is_left_alone_is_not_looked_at(stack, pods, provider, theirs):
    """With `none` only the role is made, and the service account stays to the letter."""
    stack.up(settings(provider, service_account_management="none"))
    assert metadata(pods)[0] == {"team": "shop", "eks.amazonaws.com/role-arn": ROLE}
    arn = "arn:aws:iam::123456789012:role/adopting"
    assert pods.assume(arn, pods.token("theirs")) == "works"
