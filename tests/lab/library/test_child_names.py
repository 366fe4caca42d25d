"""Edits of lists in a program: the engine detaches and deletes nothing that is still declared."""

from __future__ import annotations

import json
import os
import random
import secrets
from pathlib import Path

import pytest

from lab.interfaces import AuthenticationMode
from support.access_program import Cluster, expect_error
from support.workload_program import ACCOUNT, Stack

NAME = "names"
PROGRAM = Path(__file__).with_name("child_names_program.py")
POLICIES, ROLES, ACCOUNTS = (
    ("names-read", "names-queue", "names-topic"),
    ("ann", "bob", "eve"),
    ("one", "two", "three"),
)
POLICY = "AccessPolicyAssociation"
GROUPS = {"first": True, "second": False}
"""The groups of two more ClusterAccess components, and whether each creates its own ClusterRole."""


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    return Cluster(running_lab, tools, NAME, AuthenticationMode.API, tmp_path_factory.mktemp(NAME))


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, cluster):
    """The stack; destroyed by the last test, or here if that fails."""
    stack = Stack(tmp_path_factory.mktemp("project"), running_lab, tools, PROGRAM)
    for name in GROUPS:
        cluster.user(name)
    yield stack
    if stack.resources():
        stack.stack.destroy()


def declared(attached, principals, service_accounts, without=()):
    """Return what the program reads; `without` are policies and roles that it does not create."""
    return {
        "account": ACCOUNT,
        "cluster": NAME,
        "policies": [name for name in POLICIES if name not in without],
        "roles": [name for name in ROLES if name not in without],
        "accounts": ACCOUNTS,
        "attached": attached,
        "principals": principals,
        "service_accounts": service_accounts,
        "groups": GROUPS,
    }


def outputs(*names):
    return [(name, "output") for name in names]


def resources_in_aws(cluster):
    """Return the attachments, entries, associations and service accounts in IAM, EKS and Kubernetes."""
    attached = cluster.iam.list_attached_role_policies(RoleName="names-w")["AttachedPolicies"]
    associations = cluster.eks.list_pod_identity_associations(clusterName=NAME)["associations"]
    accounts = json.loads(cluster.kubectl("get", "serviceaccounts", "-n", "default", "-o", "json").stdout)["items"]
    names = [account["metadata"]["name"] for account in accounts]
    principals = [arn for arn in cluster.entries() if arn.rpartition("/")[2] in ROLES]
    assert all(cluster.policies(arn) == ["AmazonEKSViewPolicy"] for arn in principals)
    return {
        "attached": sorted(policy["PolicyName"] for policy in attached),
        "principals": sorted(arn.rpartition("/")[2] for arn in principals),
        "associated": sorted(association["serviceAccount"] for association in associations),
        "accounts": sorted(name for name in names if name != "default"),
    }


def expected(config, *by_hand):
    keys = ("attached", "principals", "service_accounts")
    attached, principals, accounts = (sorted(name for name, _ in config[key]) for key in keys)
    attached = sorted([*attached, *by_hand])
    return {"attached": attached, "principals": principals, "associated": accounts, "accounts": accounts}


def test_removed_list_items_keep_the_other_resources(cluster, stack):
    """The first of three Outputs is removed from each list with its policy and role, and another becomes a literal.

    A policy that was attached manually remains.
    """
    stack.steps(declared(outputs(*POLICIES), outputs(*ROLES), outputs(*ACCOUNTS)))
    manual = cluster.iam.create_policy(PolicyName="by-hand", PolicyDocument=json.dumps(ANYTHING))["Policy"]["Arn"]
    cluster.iam.attach_role_policy(RoleName="names-w", PolicyArn=manual)
    config = declared(
        [("names-topic", "output"), ("names-queue", "plain")],
        [("eve", "plain"), ("bob", "output")],
        [("three", "output"), ("two", "plain")],
        without=["names-read", "ann"],
    )
    steps = stack.steps(config)
    assert resources_in_aws(cluster) == expected(config, "by-hand")
    assert {step for step, _ in steps} == {"delete", "update"}
    # The inputs of the guard list the principals, and a dynamic provider has the config.
    assert {kind for step, kind in steps if step == "update"} == {"LockoutGuard", "pulumi-python"}
    assert sorted(kind for step, kind in steps if step == "delete") == [
        *("AccessEntry", POLICY, "PodIdentityAssociation", "Policy", "Role", "RolePolicyAttachment", "ServiceAccount")
    ]


ANYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
}


def test_random_edits_of_lists_keep_declared_resources(cluster, stack):
    """After each update AWS has what is declared; a second update changes nothing."""
    seed = int(os.environ.get("EKS_IDENTITY_SEED") or secrets.randbits(32))
    print(f"EKS_IDENTITY_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    generator = random.Random(seed)  # noqa: S311 - no secret

    def sample(names, least):
        names = generator.sample(names, generator.randint(least, len(names)))
        return [(name, generator.choice(("plain", "output"))) for name in names]

    for _ in range(3):
        config = declared(sample(POLICIES, 0), sample(ROLES, 1), sample(ACCOUNTS, 1))
        stack.steps(config)
        assert resources_in_aws(cluster) == expected(config, "by-hand"), f"seed {seed}"
    assert stack.steps(config) == [], f"seed {seed}"


def exists(cluster):
    return any(role["RoleName"] == "names-w" for role in cluster.iam.list_roles()["Roles"])


def test_cluster_role_moved_to_another_component_is_rejected(cluster, stack):
    """The engine would create it under the new name and delete it under the old one, so the preview rejects it."""
    moved = {**declared([], outputs(*ROLES), outputs(*ACCOUNTS)), "groups": {"first": False, "second": True}}
    error = expect_error(stack.configure(moved).preview)
    assert "roles[].name: 'looker'" in error
    assert "must not name an existing ClusterRole" in error
    assert cluster.kubectl("get", "clusterrole", "looker").returncode == 0


def test_destroy_deletes_a_role_with_a_manually_attached_policy(cluster, stack):
    """Destroy deletes all resources of the program, and keeps the policy of another writer."""
    assert exists(cluster)
    manual = f"arn:aws:iam::{ACCOUNT}:policy/by-hand"
    stack.stack.destroy()
    remaining = {policy["PolicyName"] for policy in cluster.iam.list_policies(Scope="Local")["Policies"]}
    assert not exists(cluster)
    assert remaining & {*POLICIES, "by-hand"} == {"by-hand"}
    cluster.iam.delete_policy(PolicyArn=manual)
