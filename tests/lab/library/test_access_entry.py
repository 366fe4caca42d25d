"""Access entries that may be there already, on a cluster of the lab, seen with the vendor's clients."""

from __future__ import annotations

import uuid

import pytest
from lab_program import ACCOUNT, REGION, Cluster, Program, refused

from lab.interfaces import AuthenticationMode

ADMIN = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    mode = AuthenticationMode.API_AND_CONFIG_MAP
    return Cluster(running_lab, tools, "entries", mode, tmp_path_factory.mktemp("entries"))


@pytest.fixture
def program(running_lab, tools, tmp_path):
    return Program(tmp_path / "project", running_lab, tools)


@pytest.fixture
def user(cluster):
    """A new IAM user's ARN."""
    return cluster.user(f"person-{uuid.uuid4().hex[:8]}", "/people/")


def entry(arn, **other):
    return {"cluster_name": "entries", "region": REGION, "principal_arn": arn, "groups": ["operators"], **other}


def declared(arn, **other):
    return {"person": ("AccessEntry", entry(arn, **other))}


def test_an_entry_made_by_hand_is_taken_over_in_place(cluster, program, user):
    """The preview says what it had; then it says what is declared, and it is the same entry, with its policies."""
    by_hand = {"username": "by-hand", "kubernetesGroups": ["viewers"], "tags": {"made-by": "hand"}}
    cluster.eks.create_access_entry(clusterName="entries", principalArn=user, **by_hand)
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    scope = {"type": "namespace", "namespaces": ["default"]}
    cluster.eks.associate_access_policy(clusterName="entries", principalArn=user, policyArn=policy, accessScope=scope)
    before = cluster.entry(user)

    stack = program.declare(declared(user, tags={"team": "shop"}))
    shown = stack.preview()
    assert "had: type STANDARD, username 'by-hand', groups ['viewers']" in shown.stdout + shown.stderr
    assert "AmazonEKSViewPolicy (namespaces default)" in shown.stdout + shown.stderr
    up = stack.up()

    after = cluster.entry(user)
    name = user.rpartition("/")[2]
    assert (after["accessEntryArn"], after["createdAt"]) == (before["accessEntryArn"], before["createdAt"])
    assert (after["username"], after["kubernetesGroups"]) == (name, ["operators"])
    assert after["tags"] == {"made-by": "hand", "team": "shop"}
    assert cluster.policies(user) == ["AmazonEKSViewPolicy"]
    assert cluster.who(name) == f"{name} ['operators']"
    assert up.outputs["takes_over"].value.startswith("type STANDARD, username 'by-hand'")
    assert stack.preview().change_summary == {"same": 2}
    assert "made-by" not in program.state("person")["outputs"]["tags"]


def test_an_entry_is_made_changed_mended_and_deleted(cluster, program, user):
    """Where there is none it is made; a refresh sees what others did to it, and the next update mends that."""
    stack = program.declare(declared(user, tags={"team": "shop"}))
    stack.up()
    made = cluster.entry(user)
    assert (made["type"], made["kubernetesGroups"], made["tags"]) == ("STANDARD", ["operators"], {"team": "shop"})

    changes = program.declare(declared(user, groups=["viewers"], tags={"cost": "7"})).up()
    assert changes.summary.resource_changes == {"same": 1, "update": 1}
    assert (cluster.entry(user)["kubernetesGroups"], cluster.entry(user)["tags"]) == (["viewers"], {"cost": "7"})

    cluster.eks.update_access_entry(clusterName="entries", principalArn=user, kubernetesGroups=["intruders"])
    assert stack.refresh().summary.resource_changes == {"same": 1, "update": 1}
    stack.up()
    assert cluster.entry(user)["kubernetesGroups"] == ["viewers"]

    cluster.eks.delete_access_entry(clusterName="entries", principalArn=user)
    stack.refresh()
    stack.up()
    assert cluster.entry(user)["kubernetesGroups"] == ["viewers"]
    assert cluster.entry(user)["accessEntryArn"] != made["accessEntryArn"]

    stack.destroy()
    assert user not in cluster.entries()


def test_another_principal_is_another_entry(cluster, program, user):
    """A change of the principal makes the new entry before the old one goes."""
    program.declare(declared(user)).up()
    other = cluster.role(f"role-{uuid.uuid4().hex[:8]}", "/team/")
    assert program.declare(declared(other)).up().summary.resource_changes == {"same": 1, "replace": 1}
    assert cluster.entries() & {user, other} == {other}
    assert cluster.entry(other)["username"] == other.rpartition("/")[2] + ":{{SessionName}}"
    program.stack.destroy()


def test_a_preview_refuses_what_cannot_be_taken_over(cluster, program, user):
    """A node's entry has another type, which never changes; and what EKS would refuse is refused as early."""
    node = f"arn:aws:iam::{ACCOUNT}:role/eks-lab-node"
    stack = program.declare(declared(node))
    assert "this principal has one of type EC2_LINUX, for nodes (EKS)" in refused(stack.preview)
    program.declare(declared(user, groups=["system:masters"]))
    assert "associate the access policy AmazonEKSClusterAdminPolicy instead" in refused(stack.preview)
    assert cluster.entry(node)["type"] == "EC2_LINUX"


def test_the_callers_own_entry_goes_by_name_only(cluster, program):
    """The creator's own entry is no 409; its deletion is refused while it is their way in, and done when named."""
    before = cluster.entry(ADMIN)
    stack = program.declare(declared(ADMIN, groups=[]))
    stack.up()
    assert cluster.entry(ADMIN)["createdAt"] == before["createdAt"]
    assert cluster.policies(ADMIN) == ["AmazonEKSClusterAdminPolicy"]
    assert cluster.who("lab-admin") == "lab-admin []"

    said = refused(stack.destroy)
    assert "must keep the caller's rights in the cluster" in said
    assert "must keep an administrator in the cluster" in said
    assert ADMIN in cluster.entries()

    program.declare(declared(ADMIN, groups=[], allow_lockout_of=[ADMIN])).up()
    stack.destroy()
    assert ADMIN not in cluster.entries()
