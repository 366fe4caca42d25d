"""A program run from another account than the cluster's: the library's own calls use the aws provider's credentials."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest
from pulumi import automation

from lab.interfaces import AuthenticationMode
from lab.principals import client, folder_of
from support.access_program import ACCOUNT, Cluster, expect_error
from support.lab_project import LabProject, write_project
from support.workload_program import OTHER_ACCOUNT

CLUSTER = "irsa"
POLICY = "AmazonEKSViewPolicy"
PROGRAM = Path(__file__).with_name("other_credentials_program.py")


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    return Cluster(running_lab, tools, CLUSTER, AuthenticationMode.API, tmp_path_factory.mktemp(CLUSTER))


@pytest.fixture(scope="module")
def users(cluster):
    """Two new IAM users of the cluster's account for each access, with access entries outside the stack."""
    names = ("role", "profile", "session", "keys", "default")
    users = {name: [new_user(cluster), new_user(cluster)] for name in names}
    all_arns = {arn for arns in users.values() for arn in arns}
    for arn in all_arns:
        cluster.eks.create_access_entry(clusterName=CLUSTER, principalArn=arn, tags={"made-by": "hand"})
    yield users
    for arn in cluster.entries() & all_arns:
        cluster.eks.delete_access_entry(clusterName=CLUSTER, principalArn=arn)


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory):
    """A stack run by the other account's administrator, whose credentials are in the environment."""
    stack = Stack(tmp_path_factory.mktemp("others") / "project", running_lab, tools)
    yield stack
    stack.stack.destroy()


class Stack(LabProject):
    def __init__(self, folder, home, tools):
        super().__init__(home, tools, write_project(folder, "access", PROGRAM), principal="other-admin")

    def configure(self, **accesses):
        """Set the accesses that the program declares, and return the stack."""
        self.stack.set_config("config", automation.ConfigValue(json.dumps(accesses), secret=True))
        return self.stack


def declared(cluster, users, provider, *, hosted=False, **other):
    """Return a ClusterAccess of these users with this provider."""
    principals = [{"arn": arn} for arn in users]
    access = {"cluster": cluster.connection, "principals": principals, "access_policies": [{"policy": POLICY}], **other}
    return {"provider": provider, "access": access, "hosted": camel(access) if hosted else None}


def new_user(cluster):
    return cluster.user(f"user-{uuid.uuid4().hex[:8]}")


def camel(value):
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key.replace("_a", "A").replace("_m", "M").replace("_i", "I"): camel(item) for key, item in value.items()}


def role_for_the_other_account(cluster, external_id):
    """Create an EKS administrator role in the cluster's account that trusts the other account, and return its ARN."""
    name = f"deployer-{uuid.uuid4().hex[:8]}"
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    statement |= {"Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}}
    statement |= {"Condition": {"StringEquals": {"sts:ExternalId": external_id}}}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    role = cluster.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "eks:*", "Resource": "*"}]}
    cluster.iam.put_role_policy(RoleName=name, PolicyName="eks", PolicyDocument=json.dumps(allowed))
    return role["Arn"]


def session_of(home, role_arn, external_id):
    """Return keys of a new session of the role as settings of an aws provider."""
    request = {"RoleArn": role_arn, "RoleSessionName": "ci", "ExternalId": external_id}
    keys = client(home, "sts", "other-admin").assume_role(**request)["Credentials"]
    return {"access_key": keys["AccessKeyId"], "secret_key": keys["SecretAccessKey"], "token": keys["SessionToken"]}


def deployer(cluster):
    """Create an EKS administrator user in the cluster's account, and return its name and keys."""
    name = f"deployer-{uuid.uuid4().hex[:8]}"
    cluster.user(name)
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "eks:*", "Resource": "*"}]}
    cluster.iam.put_user_policy(UserName=name, PolicyName="eks", PolicyDocument=json.dumps(allowed))
    return name, new_key(cluster, name)


def new_key(cluster, name):
    key = cluster.iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


def clusters_administrator(home):
    """Return the provider settings for the credentials file of the administrator of the cluster's account."""
    return {"profile": "default", "shared_credentials_files": [str(folder_of(home, "lab-admin") / "credentials")]}


@pytest.fixture(scope="module")
def lifecycle(cluster, users, stack, running_lab):
    """Results of each step with four accesses: adopt, second update, removal of each second user, destroy."""
    results = SimpleNamespace(sessions=[])
    role = {"role_arn": role_for_the_other_account(cluster, "shop-1"), "external_id": "shop-1", "duration": "30m"}
    providers = {
        "role": {"assume_roles": [{**role, "session_name": "deploys"}]},
        "profile": clusters_administrator(running_lab),
    }
    session_role = role_for_the_other_account(cluster, "ci")
    name, old = deployer(cluster)

    def configure(number, keys):
        """Declare the first `number` users of each access, with keys of a new session and `keys`."""
        session = session_of(running_lab, session_role, "ci")
        results.sessions.append(session)
        tagged = {"adopt": True, "tags": {"team": "shop"}}
        selected = {by: arns[:number] for by, arns in users.items()}
        config = {
            by: declared(cluster, selected[by], provider, hosted=by == "profile", **tagged)
            for by, provider in providers.items()
        }
        config["session"] = declared(cluster, selected["session"], session, adopt=True)
        config["keys"] = declared(cluster, selected["keys"], keys, adopt=True)
        return stack.configure(**config)

    configure(2, old).up()
    results.tags = {by: [cluster.entry(arn)["tags"] for arn in arns] for by, arns in users.items()}
    results.second_update = configure(2, old).up(refresh=True).summary.resource_changes
    results.state = stack.pulumi("stack", "export")
    cluster.iam.delete_access_key(UserName=name, AccessKeyId=old["access_key"])
    configure(1, new_key(cluster, name)).up()
    results.entries_after_removal = cluster.entries()
    results.third_update = stack.stack.preview(refresh=True).change_summary
    stack.stack.destroy()
    results.final_entries = cluster.entries()
    return results


@pytest.mark.parametrize("by", ["role", "profile"], ids=["a role, in Python", "a profile, in any language"])
def test_aws_provider_of_the_clusters_account_manages_entries(lifecycle, users, by):
    """Entries are adopted, changed and deleted with the role that the provider assumes, or with its profile."""
    assert lifecycle.tags[by] == [{"made-by": "hand", "team": "shop"}] * 2
    assert lifecycle.second_update.keys() <= {"same", "update"}
    assert lifecycle.entries_after_removal & set(users[by]) == {users[by][0]}
    assert lifecycle.third_update.keys() == {"same"}
    assert not lifecycle.final_entries & set(users[by])


@pytest.mark.parametrize("adopt", [True, False], ids=["adopted", "created"])
def test_missing_aws_provider_of_the_clusters_account_is_rejected(cluster, users, stack, adopt):
    """The preview names both accounts and the fix, and queries no cluster of the same name in the caller's account."""
    arns = users["default"] if adopt else [new_user(cluster)]
    error = expect_error(stack.configure(users=declared(cluster, arns, None, adopt=adopt)).preview)
    caller = f"account {OTHER_ACCOUNT}, arn:aws:iam::{OTHER_ACCOUNT}:user/lab-admin"
    assert f"opts.providers: 'default aws provider: {caller}'" in error
    assert f"must have an aws provider of the cluster's account {ACCOUNT}" in error
    assert f"pass an aws provider of account {ACCOUNT} in opts.providers" in error
    assert "set aws:profile" in error


def test_new_session_keys_change_only_the_provider(lifecycle, users):
    """Each run has new session keys; the state contains none in plain text, and only the provider resource changes."""
    assert lifecycle.second_update.get("update", 0) <= 1
    assert lifecycle.second_update.keys() <= {"same", "update"}
    for secret in (secret for keys in lifecycle.sessions for secret in keys.values()):
        assert secret not in lifecycle.state
    assert users["session"][1] not in lifecycle.entries_after_removal


def test_removed_entry_is_deleted_with_the_current_keys(lifecycle, users):
    """The keys of the previous update are deleted, so the current keys delete the entry that it adopted."""
    first, second = users["keys"]
    assert first in lifecycle.entries_after_removal
    assert second not in lifecycle.entries_after_removal
    assert first not in lifecycle.final_entries
