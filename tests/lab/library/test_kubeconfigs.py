"""Kubeconfigs of a cluster that is there, in the hands of kubectl: as oneself, as a role, by a profile."""

from __future__ import annotations

import configparser
import json

import pytest
from pods_program import ACCOUNT, Stack

from lab.principals import client, folder_of, prepare
from lab.scenarios.clients import LabClients

CLUSTER = "irsa"
ROLE = "kube-operator"
MAY, MAY_NOT = "kube-may", "kube-may-not"
PROFILE = "kube-ops"
USER = f"arn:aws:iam::{ACCOUNT}:user/"
PROGRAM = """
cluster = eks.Cluster("clu", {"name": said["cluster"]})
role = aws.iam.Role("operator", name=said["role"], assume_role_policy=json.dumps({
    "Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": said["trusted"]}, "Action": "sts:AssumeRole"}]}))
eks.ClusterAccess("operators", {
    "cluster": cluster.connection, "group": "kube-operators", "principals": [{"arn": role.arn}],
    "rbac_roles": [{"name": "kube-operator", "rules": [{"resources": ["nodes"], "verbs": ["list"]}]}],
}, pulumi.ResourceOptions(providers=[cluster.provider]))
kinds = {"own": {}, "role": {"role_arn": role.arn}, "profile": {"profile": said["profile"]}}
kinds["both"] = {**kinds["role"], **kinds["profile"]}
for kind, how in kinds.items():
    pulumi.export(kind, eks.Cluster(kind, {"name": said["cluster"], **how}).kubeconfig)
"""


@pytest.fixture(scope="module")
def world(running_lab, tools):
    return LabClients(running_lab, tools.bin)


@pytest.fixture(scope="module")
def users(running_lab):
    """Two IAM users, of whom the role trusts one."""
    iam = client(running_lab, "iam")
    for name in (MAY, MAY_NOT):
        iam.create_user(UserName=name)
        prepare(running_lab, running_lab.require_running(), name)
    yield
    for name in (MAY, MAY_NOT):
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=name)


@pytest.fixture(scope="module")
def kubeconfigs(users, running_lab, tools, tmp_path_factory):
    """Files with the kubeconfigs that the engine's outputs are."""
    folder = tmp_path_factory.mktemp("kubeconfigs")
    stack = Stack(folder / "project", running_lab, tools, PROGRAM)
    made = stack.up({"cluster": CLUSTER, "role": ROLE, "trusted": USER + MAY, "profile": PROFILE})
    files = {}
    for kind, document in made.items():
        files[kind] = folder / f"{kind}.json"
        files[kind].write_text(document)
    yield files
    stack.stack.destroy()


@pytest.fixture
def kubectl(world, kubeconfigs):
    """kubectl with one of the kubeconfigs, and nothing else that could let it in."""

    def run(kind, *arguments, principal, **variables):
        command = ["kubectl", f"--kubeconfig={kubeconfigs[kind]}", *arguments]
        return world.run(*command, principal=principal, **variables)

    return run


@pytest.fixture
def profiles(running_lab, tmp_path):
    """The variables of a machine whose AWS files know these principals by these profiles."""

    def write(**principals):
        keys, config = configparser.RawConfigParser(), configparser.RawConfigParser()
        for profile, principal in principals.items():
            kept = configparser.RawConfigParser()
            kept.read(folder_of(running_lab, principal) / "credentials")
            name = profile.replace("_", "-")
            keys[name] = dict(kept["default"])
            config[f"profile {name}"] = {"output": "json"}
        for name, parser in (("credentials", keys), ("config", config)):
            with (tmp_path / name).open("w") as file:
                parser.write(file)
        return {
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        }

    return write


def who(answer):
    """Username and groups that the API server gave, or what kubectl said."""
    if not answer.worked:
        return answer.verdict
    user = json.loads(answer.stdout)["status"]["userInfo"]
    return user["username"].partition(":")[0], set(user["groups"]) - {"system:authenticated"}


WHOAMI = ("auth", "whoami", "-o", "json")
OPERATOR = (ROLE, {"kube-operators"})


def test_whoever_may_assume_the_role_enters_as_the_role(kubectl):
    """The one whom the role trusts is the role in the cluster, and is nobody without it."""
    assert who(kubectl("role", *WHOAMI, principal=MAY)) == OPERATOR
    assert kubectl("role", "get", "nodes", principal=MAY).verdict == "works"
    assert kubectl("role", "get", "secrets", principal=MAY).verdict == "Forbidden"
    assert kubectl("own", "get", "nodes", principal=MAY).verdict == "Unauthorized"


def test_whoever_may_not_assume_the_role_stays_out(kubectl):
    """`aws eks get-token` gets no session of the role, so kubectl has no token."""
    answer = kubectl("role", "get", "nodes", principal=MAY_NOT)
    assert answer.verdict == "AccessDenied"
    assert f"{USER}{MAY_NOT} is not authorized to perform: sts:AssumeRole" in answer.stderr


def test_kubectl_acts_by_the_profile_that_is_named(kubectl, profiles):
    """Whoever that profile is on this machine, and not whoever the shell is."""
    as_role = profiles(kube_ops="lab-admin", default=MAY_NOT)
    shown = kubectl("profile", *WHOAMI, principal=MAY_NOT, **as_role)
    assert who(shown)[0] == "arn"  # the creator's entry has the user's ARN as username
    assert "user/lab-admin" in shown.stdout
    assert who(kubectl("own", *WHOAMI, principal=MAY_NOT, **as_role)) == "Unauthorized"


def test_without_that_profile_nobody_gets_in(kubectl, profiles):
    """The aws command says which profile is missing; the shell's own credentials are not taken instead."""
    answer = kubectl("profile", "get", "nodes", principal="lab-admin", **profiles(default="lab-admin"))
    assert not answer.worked
    assert f"The config profile ({PROFILE}) could not be found" in answer.stderr


def test_the_profile_assumes_the_role_where_both_are_named(kubectl, profiles):
    """The profile's user takes the role on, and another profile of that name may not."""
    assert who(kubectl("both", *WHOAMI, principal=MAY_NOT, **profiles(kube_ops=MAY))) == OPERATOR
    refused = kubectl("both", *WHOAMI, principal=MAY, **profiles(kube_ops=MAY_NOT))
    assert refused.verdict == "AccessDenied"
