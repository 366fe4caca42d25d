"""Deletions by the lab's aws plugin, at the lab's AWS, while somebody else deletes the same objects."""

import threading

import pytest

from lab.plugins.aws.lifecycle import Lifecycle
from lab.plugins.aws.resource_specs.iam import ROLE
from lab.plugins.aws.resource_specs.iam_users import GROUP_MEMBERSHIP
from lab.plugins.aws.session import Clients, Settings

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
TRUST = """{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"""


@pytest.fixture
def clients(environment, cloud, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Clients(Settings({"region": cloud.region}))


@pytest.fixture
def iam(aws):
    """Another writer's client."""
    return aws("iam")


@pytest.fixture
def role(iam):
    """Name of a role with an attached policy."""
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="reader", PolicyArn=READ_ONLY)
    return "reader"


def interfere(clients, event, act):
    """Act once, when the plugin's own client is at this event."""
    left = [act]

    def handler(**_):
        if left:
            left.pop()()

    clients.client("iam").meta.events.register(event, handler)


def names_of_roles(iam):
    return [each["RoleName"] for each in iam.list_roles()["Roles"]]


def test_policy_that_is_detached_meanwhile_does_not_end_the_deletion_of_its_role(clients, iam, role):
    """After an interrupted replacement the engine deletes a role and its attachment at once: the role must be gone."""
    interfere(
        clients,
        "before-call.iam.DetachRolePolicy",
        lambda: iam.detach_role_policy(RoleName=role, PolicyArn=READ_ONLY),
    )
    Lifecycle(ROLE, clients, threading.Event()).delete(role, {"name": role, "forceDetachPolicies": True})
    assert role not in names_of_roles(iam)


def test_role_is_deleted_when_its_policy_is_detached(clients, iam, role):
    """IAM rejects the deletion while the role has a policy, and the plugin tries again, as the official one does."""
    rejected = []
    interfere(
        clients,
        "after-call.iam.DeleteRole",
        lambda: rejected.append(iam.detach_role_policy(RoleName=role, PolicyArn=READ_ONLY)),
    )
    Lifecycle(ROLE, clients, threading.Event()).delete(role, {"name": role})
    assert len(rejected) == 1
    assert role not in names_of_roles(iam)


def test_members_are_removed_when_one_of_them_is_gone(clients, iam):
    """A user that is deleted meanwhile leaves the others no members."""
    iam.create_group(GroupName="readers")
    for user in ("one", "two"):
        iam.create_user(UserName=user)
    iam.add_user_to_group(GroupName="readers", UserName="two")
    iam.delete_user(UserName="one")
    membership = {"group": "readers", "users": ["one", "two"], "name": "readers"}
    Lifecycle(GROUP_MEMBERSHIP, clients, threading.Event()).delete("readers", membership)
    assert iam.get_group(GroupName="readers")["Users"] == []
