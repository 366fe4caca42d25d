"""Edits of lists in a program, made by the engine: nothing that is still declared is detached or deleted."""

from __future__ import annotations

import json
import os
import random
import secrets

import pytest
from lab_program import Cluster, refused
from pods_program import ACCOUNT, Stack

from lab.interfaces import AuthenticationMode

NAME = "names"
PROGRAM = """
trust = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{said['account']}:root"}}]})
document = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}]})
policies = {name: aws.iam.Policy(f"p-{name}", name=name, path="/names/", policy=document) for name in said["policies"]}
people = {name: aws.iam.Role(f"r-{name}", name=name, assume_role_policy=trust) for name in said["people"]}
accounts = {name: pulumi.Output.from_input(name).apply(str) for name in said["accounts"]}


def arn(made, kind, path, item):
    name, form = item
    literal = f"arn:aws:iam::{said['account']}:{kind}{path}{name}"
    return literal if form == "plain" else made[name].arn


def account(item):
    name, form = item
    return {"namespace": "default", "name": name if form == "plain" else accounts[name]}


cluster = eks.Cluster("clu", {"name": said["cluster"]})
on = pulumi.ResourceOptions(providers=[cluster.provider], depends_on=[*policies.values(), *people.values()])
first, *more = [account(item) for item in said["bound"]]
eks.WorkloadIdentity(
    "w",
    {
        "cluster": cluster.connection,
        "namespace": first["namespace"],
        "service_account": first["name"],
        "more_service_accounts": more,
        "mode": "pod-identity",
        "role_name": "names-w",
        "policies": [arn(policies, "policy", "/names/", item) for item in said["attached"]],
    },
    on,
)
eks.ClusterAccess(
    "a",
    {
        "cluster": cluster.connection,
        "access_policies": [{"policy": "AmazonEKSViewPolicy"}],
        "principals": [{"arn": arn(people, "role", "/", item)} for item in said["entered"]],
    },
    on,
)
looker = {"name": "looker", "rules": [{"resources": ["pods"], "verbs": ["get"]}]}
for name, roles in said["looking"].items():
    args = {"cluster": cluster.connection, "group": name, "rbac_roles": [looker] if roles else [{"name": "view"}]}
    arn = f"arn:aws:iam::{said['account']}:user/{name}"
    eks.ClusterAccess(name, {**args, "principals": [{"arn": arn}]}, on)
"""
POLICIES, PEOPLE, ACCOUNTS = (
    ("names-read", "names-queue", "names-topic"),
    ("ann", "bob", "eve"),
    ("one", "two", "three"),
)
POLICY = "AccessPolicyAssociation"
LOOKING = {"first": True, "second": False}
"""The groups of two more declarations, and which of them has a role of its own."""


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    return Cluster(running_lab, tools, NAME, AuthenticationMode.API, tmp_path_factory.mktemp(NAME))


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, cluster):
    """The stack; destroyed by the test that says so, or here where that failed."""
    stack = Stack(tmp_path_factory.mktemp("project"), running_lab, tools, PROGRAM)
    for name in LOOKING:
        cluster.user(name)
    yield stack
    if stack.resources():
        stack.stack.destroy()


def declared(attached, entered, bound, without=()):
    """What the program reads; `without` are policies and people that it does not create."""
    return {
        "account": ACCOUNT,
        "cluster": NAME,
        "policies": [name for name in POLICIES if name not in without],
        "people": [name for name in PEOPLE if name not in without],
        "accounts": ACCOUNTS,
        "attached": attached,
        "entered": entered,
        "bound": bound,
        "looking": LOOKING,
    }


def outputs(*names):
    return [(name, "output") for name in names]


def in_aws(cluster):
    """What IAM, EKS and Kubernetes have, but for what is not the program's."""
    attached = cluster.iam.list_attached_role_policies(RoleName="names-w")["AttachedPolicies"]
    associations = cluster.eks.list_pod_identity_associations(clusterName=NAME)["associations"]
    listed = json.loads(cluster.kubectl("get", "serviceaccounts", "-n", "default", "-o", "json").stdout)["items"]
    people = [arn for arn in cluster.entries() if arn.rpartition("/")[2] in PEOPLE]
    assert all(cluster.policies(arn) == ["AmazonEKSViewPolicy"] for arn in people)
    return {
        "attached": sorted(policy["PolicyName"] for policy in attached),
        "entered": sorted(arn.rpartition("/")[2] for arn in people),
        "associated": sorted(one["serviceAccount"] for one in associations),
        "accounts": sorted(one["metadata"]["name"] for one in listed if one["metadata"]["name"] != "default"),
    }


def expected(said, *by_hand):
    attached, entered, bound = (sorted(name for name, _ in said[key]) for key in ("attached", "entered", "bound"))
    return {"attached": sorted([*attached, *by_hand]), "entered": entered, "associated": bound, "accounts": bound}


def test_list_entries_that_leave_take_nothing_else_with_them(cluster, stack):
    """The first of three Outputs goes, in each list, and with it the policy and the role that it is of; one of the
    others is written as a literal. What somebody attached by hand stays."""
    stack.steps(declared(outputs(*POLICIES), outputs(*PEOPLE), outputs(*ACCOUNTS)))
    hand = cluster.iam.create_policy(PolicyName="by-hand", PolicyDocument=json.dumps(ANYTHING))["Policy"]["Arn"]
    cluster.iam.attach_role_policy(RoleName="names-w", PolicyArn=hand)
    said = declared(
        [("names-topic", "output"), ("names-queue", "plain")],
        [("eve", "plain"), ("bob", "output")],
        [("three", "output"), ("two", "plain")],
        without=["names-read", "ann"],
    )
    steps = stack.steps(said)
    assert in_aws(cluster) == expected(said, "by-hand")
    assert {step for step, _ in steps} == {"delete", "update"}
    # The guard names the principals, and a dynamic provider has the config.
    assert {kind for step, kind in steps if step == "update"} == {"LockoutGuard", "pulumi-python"}
    assert sorted(kind for step, kind in steps if step == "delete") == [
        *("AccessEntry", POLICY, "PodIdentityAssociation", "Policy", "Role", "RolePolicyAttachment", "ServiceAccount")
    ]


ANYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
}


def test_random_edits_of_lists_leave_what_is_declared(cluster, stack):
    """After each update AWS has what is declared; the same program once more changes nothing."""
    seed = int(os.environ.get("EKS_IDENTITY_SEED") or secrets.randbits(32))
    print(f"EKS_IDENTITY_SEED={seed}")  # noqa: T201 - pytest shows it where this fails
    chosen = random.Random(seed)  # noqa: S311 - nothing secret

    def some(names, least):
        found = chosen.sample(names, chosen.randint(least, len(names)))
        return [(name, chosen.choice(("plain", "output"))) for name in found]

    for _ in range(3):
        said = declared(some(POLICIES, 0), some(PEOPLE, 1), some(ACCOUNTS, 1))
        stack.steps(said)
        assert in_aws(cluster) == expected(said, "by-hand"), f"seed {seed}"
    assert stack.steps(said) == [], f"seed {seed}"


def exists(cluster):
    return any(role["RoleName"] == "names-w" for role in cluster.iam.list_roles()["Roles"])


def test_role_that_moves_to_another_declaration_is_rejected_and_kept(cluster, stack):
    """The engine would create it under the new name and delete it under the old: the preview says how to move it."""
    moved = {**declared([], outputs(*PEOPLE), outputs(*ACCOUNTS)), "looking": {"first": False, "second": True}}
    said = refused(stack.say(moved).preview)
    assert "roles[].name: 'looker'" in said
    assert "must not name a ClusterRole that exists already" in said
    assert cluster.kubectl("get", "clusterrole", "looker").returncode == 0


def test_destroy_deletes_a_role_that_has_a_policy_attached_by_hand(cluster, stack):
    """Nothing of the program is left, and the policy that is somebody else's is."""
    assert exists(cluster)
    hand = f"arn:aws:iam::{ACCOUNT}:policy/by-hand"
    stack.stack.destroy()
    left = {policy["PolicyName"] for policy in cluster.iam.list_policies(Scope="Local")["Policies"]}
    assert not exists(cluster)
    assert left & {*POLICIES, "by-hand"} == {"by-hand"}
    cluster.iam.delete_policy(PolicyArn=hand)
