"""Kubeconfigs of an existing cluster with role_arn and profile, used by kubectl."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

import pytest

from lab.principals import client, folder_of, prepare
from lab.scenarios.clients import LabClients
from support.workload_program import ACCOUNT, Stack

CLUSTER = "irsa"
ROLE = "kube-operator"
TRUSTED, UNTRUSTED = "kube-trusted", "kube-untrusted"
PROFILE = "kube-ops"
USER = f"arn:aws:iam::{ACCOUNT}:user/"
PROGRAM = Path(__file__).with_name("kubeconfigs_program.py")


@pytest.fixture(scope="module")
def clients(running_lab, tools):
    return LabClients(running_lab, tools.bin)


@pytest.fixture(scope="module")
def users(running_lab):
    """Two IAM users; the role trusts one of them."""
    iam = client(running_lab, "iam")
    for name in (TRUSTED, UNTRUSTED):
        iam.create_user(UserName=name)
        prepare(running_lab, running_lab.require_running(), name)
    yield
    for name in (TRUSTED, UNTRUSTED):
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=name)


@pytest.fixture(scope="module")
def kubeconfigs(users, running_lab, tools, tmp_path_factory):
    """Files with the kubeconfigs from the stack outputs."""
    folder = tmp_path_factory.mktemp("kubeconfigs")
    stack = Stack(folder / "project", running_lab, tools, PROGRAM)
    outputs = stack.up({"cluster": CLUSTER, "role": ROLE, "trusted": USER + TRUSTED, "profile": PROFILE})
    files = {}
    for kind, document in outputs.items():
        files[kind] = folder / f"{kind}.json"
        files[kind].write_text(document)
    yield files
    stack.stack.destroy()


@pytest.fixture
def kubectl(clients, kubeconfigs):
    """Return a function that runs kubectl with one of the kubeconfigs."""

    def run(kind, *arguments, principal, **variables):
        command = ["kubectl", f"--kubeconfig={kubeconfigs[kind]}", *arguments]
        return clients.run(*command, principal=principal, **variables)

    return run


@pytest.fixture
def profiles(running_lab, tmp_path):
    """Return a function that writes AWS files with profiles of principals, and returns their environment variables."""

    def write(**principals):
        keys, config = configparser.RawConfigParser(), configparser.RawConfigParser()
        for profile, principal in principals.items():
            credentials = configparser.RawConfigParser()
            credentials.read(folder_of(running_lab, principal) / "credentials")
            name = profile.replace("_", "-")
            keys[name] = dict(credentials["default"])
            config[f"profile {name}"] = {"output": "json"}
        for name, parser in (("credentials", keys), ("config", config)):
            with (tmp_path / name).open("w") as file:
                parser.write(file)
        return {
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        }

    return write


def identity(result):
    """Return username and groups of `kubectl auth whoami`, or the error code."""
    if not result.worked:
        return result.verdict
    user = json.loads(result.stdout)["status"]["userInfo"]
    return user["username"].partition(":")[0], set(user["groups"]) - {"system:authenticated"}


WHOAMI = ("auth", "whoami", "-o", "json")
OPERATOR = (ROLE, {"kube-operators"})


def test_kubeconfig_with_role_arn_assumes_the_role(kubectl):
    """A user that the role trusts has the role's access, and without role_arn no access."""
    assert identity(kubectl("role", *WHOAMI, principal=TRUSTED)) == OPERATOR
    assert kubectl("role", "get", "nodes", principal=TRUSTED).verdict == "works"
    assert kubectl("role", "get", "secrets", principal=TRUSTED).verdict == "Forbidden"
    assert kubectl("own", "get", "nodes", principal=TRUSTED).verdict == "Unauthorized"


def test_kubeconfig_with_role_arn_fails_for_untrusted_users(kubectl):
    """`aws eks get-token` cannot assume the role, so kubectl has no token."""
    result = kubectl("role", "get", "nodes", principal=UNTRUSTED)
    assert result.verdict == "AccessDenied"
    assert f"{USER}{UNTRUSTED} is not authorized to perform: sts:AssumeRole" in result.stderr


def test_kubeconfig_with_profile_uses_the_profile(kubectl, profiles):
    """kubectl has the access of the profile's user, not of the shell's credentials."""
    variables = profiles(kube_ops="lab-admin", default=UNTRUSTED)
    result = kubectl("profile", *WHOAMI, principal=UNTRUSTED, **variables)
    assert identity(result)[0] == "arn"  # the creator's entry has the user's ARN as username
    assert "user/lab-admin" in result.stdout
    assert identity(kubectl("own", *WHOAMI, principal=UNTRUSTED, **variables)) == "Unauthorized"


def test_kubeconfig_with_a_missing_profile_fails(kubectl, profiles):
    """The aws command reports the missing profile, and does not use the shell's credentials."""
    result = kubectl("profile", "get", "nodes", principal="lab-admin", **profiles(default="lab-admin"))
    assert not result.worked
    assert f"The config profile ({PROFILE}) could not be found" in result.stderr


def test_kubeconfig_with_profile_and_role_arn_assumes_the_role(kubectl, profiles):
    """The profile's user assumes the role, and an untrusted user with this profile is denied."""
    assert identity(kubectl("both", *WHOAMI, principal=UNTRUSTED, **profiles(kube_ops=TRUSTED))) == OPERATOR
    denied = kubectl("both", *WHOAMI, principal=TRUSTED, **profiles(kube_ops=UNTRUSTED))
    assert denied.verdict == "AccessDenied"
