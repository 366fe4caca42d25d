"""service_account_management: created, adopted and unmanaged service accounts, verified with kubectl."""

from __future__ import annotations

import json

import pytest

from lab.scenarios.clients import LabClients
from support.access_program import expect_error
from support.workload_program import Pods, Stack

CLUSTER = "irsa"
ROLE = "arn:aws:iam::123456789012:role/of-others"
PROGRAM = """
cluster = eks.Cluster("clu", {"name": config["cluster"]})
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
for name, settings in config["workloads"].items():
    args = {"cluster": cluster.connection, "namespace": "default", "service_account": name, "role_name": name}
    eks.WorkloadIdentity(name, {**args, "oidc_provider_arn": config["provider"], **settings}, on_cluster)
"""
ADOPTED = {"service_account_management": "adopt", "token_expiration": 3600, "labels": {"ours": "yes"}}
WORKLOADS = {"adopted": ADOPTED, "deleted": ADOPTED, "unmanaged": {"service_account_management": "none"}}


@pytest.fixture(scope="module")
def pods(running_lab, tools):
    return Pods(LabClients(running_lab, tools.bin), CLUSTER)


@pytest.fixture(scope="module")
def accounts_of_eksctl(pods):
    """Existing service accounts with field manager eksctl and the annotation of another role."""
    names = ("adopted", "deleted", "unmanaged", "existing")
    annotations = {"team": "shop", "eks.amazonaws.com/role-arn": ROLE}
    labels = {"app.kubernetes.io/managed-by": "eksctl"}
    common = {"namespace": "default", "annotations": annotations, "labels": labels}
    items = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, **common}} for name in names]
    document = {"apiVersion": "v1", "kind": "List", "items": items}
    pods.kubectl("apply", "--server-side", "--field-manager=eksctl", "-f", "-", stdin=json.dumps(document))
    yield
    pods.kubectl("delete", "serviceaccount", "--ignore-not-found", *names)


@pytest.fixture(scope="module")
def config(pods):
    """The config of the program."""
    with pods.oidc_provider() as arn:
        yield {"cluster": CLUSTER, "provider": arn, "workloads": WORKLOADS}


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, accounts_of_eksctl, config):
    """The workloads; destroyed by the last test, or here if that fails."""
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    stack.up(config)
    yield stack
    if stack.resources():
        stack.stack.destroy()


def metadata(pods, name):
    document = json.loads(pods.kubectl("get", "serviceaccount", name, "-o", "json"))["metadata"]
    return document.get("annotations", {}), document.get("labels", {})


def service_accounts(pods):
    return pods.kubectl("get", "serviceaccounts", "-o", "jsonpath={.items[*].metadata.name}").split()


def test_create_of_an_existing_service_account_is_rejected(stack, config, pods):
    """The preview rejects an existing service account without adopt, and does not change it."""
    before = metadata(pods, "existing")
    created = {**config, "workloads": {**WORKLOADS, "existing": {}}}
    assert "set service_account_management to adopt" in expect_error(stack.configure(created).preview)
    assert metadata(pods, "existing") == before


def test_adoption_of_a_missing_service_account_is_rejected(stack, config, pods):
    """The update rejects it, and the kubernetes plugin does not create the service account."""
    missing = {**config, "workloads": {**WORKLOADS, "missing": ADOPTED}}
    error = expect_error(stack.configure(missing).up)
    assert "service_account: 'default/missing'" in error
    assert "must exist: service_account_management is adopt" in error
    assert "missing" not in service_accounts(pods)
    stack.up(config)


def test_fixes_of_a_missing_adopted_service_account_work(stack, config, pods):
    """It is adopted once it exists, and with `create` the update creates it."""
    pods.kubectl("create", "serviceaccount", "missing")
    stack.up({**config, "workloads": {**WORKLOADS, "missing": ADOPTED}})
    stack.up(config)
    pods.kubectl("delete", "serviceaccount", "missing")
    stack.up({**config, "workloads": {**WORKLOADS, "missing": {}}})
    assert "missing" in service_accounts(pods)
    stack.up(config)
    assert "missing" not in service_accounts(pods)


def test_unmanaged_service_account_is_not_changed(stack, pods):
    """With `none` only the role is created, and the service account keeps its annotations."""
    assert metadata(pods, "unmanaged")[0] == {"team": "shop", "eks.amazonaws.com/role-arn": ROLE}
    arn = "arn:aws:iam::123456789012:role/unmanaged"
    assert pods.assume(arn, pods.token("unmanaged")) == "works"


def test_refresh_forgets_an_adopted_service_account_that_was_deleted(stack, pods):
    """The kubernetes plugin would create it when the component is destroyed: a refresh removes it from the state."""
    pods.kubectl("delete", "serviceaccount", "deleted")
    stack.stack.refresh()
    assert not [
        each for each in stack.resources() if each["urn"].endswith("ServiceAccountPatch::deleted-default.deleted")
    ]


def test_adopted_service_account_keeps_fields_of_other_writers(stack, pods):
    """The update sets the role annotation; destroy removes only the component's fields, and creates no account."""
    annotations, labels = metadata(pods, "adopted")
    assert annotations["eks.amazonaws.com/role-arn"] == "arn:aws:iam::123456789012:role/adopted"
    assert annotations["eks.amazonaws.com/token-expiration"] == "3600"
    assert (annotations["team"], labels["app.kubernetes.io/managed-by"], labels["ours"]) == ("shop", "eksctl", "yes")
    assert ":assumed-role/adopted/" in pods.caller_arn("adopted", "adopted")
    stack.stack.destroy()
    assert metadata(pods, "adopted") == ({"team": "shop"}, {"app.kubernetes.io/managed-by": "eksctl"})
    assert "deleted" not in service_accounts(pods)
