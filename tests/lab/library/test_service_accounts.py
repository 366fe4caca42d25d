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
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
for name, settings in said["workloads"].items():
    args = {"cluster": cluster.connection, "namespace": "default", "service_account": name, "role_name": name}
    eks.WorkloadIdentity(name, {**args, "oidc_provider_arn": said["provider"], **settings}, on_cluster)
"""
ADOPTED = {"service_account_management": "adopt", "token_expiration": 3600, "labels": {"ours": "yes"}}
SETTINGS = {"adopted": ADOPTED, "alone": {"service_account_management": "none"}}


@pytest.fixture(scope="module")
def pods(running_lab, tools):
    return Pods(LabClients(running_lab, tools.bin), CLUSTER)


@pytest.fixture(scope="module")
def theirs(pods):
    """Service accounts of somebody else, annotated with another role, as eksctl leaves them."""
    names = ("adopted", "alone", "taken")
    annotations = {"team": "shop", "eks.amazonaws.com/role-arn": ROLE}
    labels = {"app.kubernetes.io/managed-by": "eksctl"}
    of = {"namespace": "default", "annotations": annotations, "labels": labels}
    items = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, **of}} for name in names]
    document = {"apiVersion": "v1", "kind": "List", "items": items}
    pods.kubectl("apply", "--server-side", "--field-manager=eksctl", "-f", "-", stdin=json.dumps(document))
    yield
    pods.kubectl("delete", "serviceaccount", *names)


@pytest.fixture(scope="module")
def said(pods):
    """What the program reads."""
    with pods.vouched_for() as arn:
        yield {"cluster": CLUSTER, "provider": arn, "workloads": SETTINGS}


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, theirs, said):
    """The workloads; destroyed by the test that says so, or here where that failed."""
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    stack.up(said)
    yield stack
    if stack.resources():
        stack.stack.destroy()


def metadata(pods, name):
    found = json.loads(pods.kubectl("get", "serviceaccount", name, "-o", "json"))["metadata"]
    return found.get("annotations", {}), found.get("labels", {})


def test_one_that_is_there_is_refused_where_it_is_to_be_made(stack, said, pods):
    """Nothing is taken over by accident: the preview refuses it, and nothing of it changes."""
    before = metadata(pods, "taken")
    made_here = {**said, "workloads": {**SETTINGS, "taken": {}}}
    assert "set service_account_management to adopt" in refused(stack.say(made_here).preview)
    assert metadata(pods, "taken") == before


def test_one_that_is_left_alone_is_not_looked_at(stack, pods):
    """With `none` only the role is made, and the service account stays to the letter."""
    assert metadata(pods, "alone")[0] == {"team": "shop", "eks.amazonaws.com/role-arn": ROLE}
    arn = "arn:aws:iam::123456789012:role/alone"
    assert pods.assume(arn, pods.token("alone")) == "works"


def test_an_adopted_service_account_keeps_what_others_wrote(stack, pods):
    """Its role is ours while it is adopted; destroyed, only what we wrote is gone, and the rest is as it was."""
    annotations, labels = metadata(pods, "adopted")
    assert annotations["eks.amazonaws.com/role-arn"] == "arn:aws:iam::123456789012:role/adopted"
    assert annotations["eks.amazonaws.com/token-expiration"] == "3600"
    assert (annotations["team"], labels["app.kubernetes.io/managed-by"], labels["ours"]) == ("shop", "eksctl", "yes")
    assert ":assumed-role/adopted/" in pods.who("adopted", "adopted")
    stack.stack.destroy()
    assert metadata(pods, "adopted") == ({"team": "shop"}, {"app.kubernetes.io/managed-by": "eksctl"})
