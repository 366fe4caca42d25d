"""Roles in another account: an OIDC provider in that account, a chained role, and a target role of an association."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.scenarios.clients import LabClients
from support.access_program import expect_error
from support.workload_program import ACCOUNT, OTHER_ACCOUNT, Pods, Stack, get_role, other_account

CLUSTER = "irsa"
PROGRAM = Path(__file__).with_name("workload_accounts_program.py")


@pytest.fixture(scope="module")
def pods(running_lab, tools):
    return Pods(LabClients(running_lab, tools.bin), CLUSTER)


@pytest.fixture(scope="module")
def config(running_lab, pods):
    """The config of the program."""
    credentials = {"account": OTHER_ACCOUNT, "credentials_file": other_account(running_lab), "pass_provider": True}
    with pods.oidc_provider() as provider:
        subjects = [{"namespace": "default", "name": "targeting"}]
        yield {**credentials, "cluster": CLUSTER, "provider": provider, "subjects": subjects}


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, config):
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    stack.up(config)
    yield stack
    stack.stack.destroy()


def test_pod_assumes_a_role_of_another_account_by_its_oidc_provider(stack, config, pods):
    """The role is created in the other account, and the pod assumes it directly with its token."""
    assert f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/registered/" in pods.caller_arn("registered", "registered")
    assert get_role(pods.clients, "registered", "other-admin")["Arn"] == f"arn:aws:iam::{OTHER_ACCOUNT}:role/registered"
    error = expect_error(stack.configure({**config, "pass_provider": False}).preview)
    assert f"must be of account {ACCOUNT}, in which the aws provider creates the role" in error
    assert f"pass an aws provider of account {OTHER_ACCOUNT} in opts.providers" in error


def test_pod_assumes_a_chained_role_of_another_account(stack, pods):
    """The chained role trusts only the pod's role, and only with the external id."""
    chained = f"arn:aws:iam::{OTHER_ACCOUNT}:role/chained"
    command = ("sts", "assume-role", "--role-arn", chained, "--role-session-name", "pod", "--query")
    assume_role = (*command, "AssumedRoleUser.Arn", "--output", "text")
    arn = pods.run("chaining", "chaining", *assume_role, "--external-id", "shop-1").strip()
    assert arn == f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/chained/pod"
    assert "AccessDenied" in pods.run("without", "chaining", *assume_role)


def test_pod_has_a_target_role_of_another_account_by_pod_identity(stack, config, pods):
    """EKS assumes the target role with an external id of cluster and service account that its trust policy requires."""
    assert f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/target/" in pods.caller_arn("targeting", "targeting")
    (statement,) = get_role(pods.clients, "target", "other-admin")["AssumeRolePolicyDocument"]["Statement"]
    external_id = f"ap-northeast-1/{ACCOUNT}/{CLUSTER}/default/targeting"
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": external_id}}
    stack.up({**config, "subjects": [{"namespace": "default", "name": "another"}]})
    assert "AccessDenied" in pods.caller_arn("denied", "targeting")
