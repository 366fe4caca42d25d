"""Who runs the program is of another account than the cluster: what the library asks of AWS itself goes there too."""

from __future__ import annotations

import json
import uuid

import pytest
from lab_program import ACCOUNT, Cluster, refused
from lab_project import LabProject, write_project
from pods_program import OTHER_ACCOUNT
from pulumi import automation

from lab.interfaces import AuthenticationMode
from lab.principals import client, folder_of

CLUSTER = "irsa"
POLICY = "AmazonEKSViewPolicy"
PROGRAM = """
import json
import pulumi
import pulumi_aws as aws
import eks_identity as eks

said = json.loads(pulumi.Config().require("said"))
given = said["provider"]
if given is None:
    options = pulumi.ResourceOptions()
else:
    roles = [aws.ProviderAssumeRoleArgs(**role) for role in given.pop("assume_roles", [])] or None
    there = aws.Provider("there", region="ap-northeast-1", assume_roles=roles, **given)
    options = pulumi.ResourceOptions(providers=[there])
if said["hosted"]:
    kind = "eks-identity:index:ClusterAccess"
    pulumi.ComponentResource(kind, "people", said["hosted"], options, remote=True)
else:
    eks.ClusterAccess("people", said["access"], options)
"""


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    return Cluster(running_lab, tools, CLUSTER, AuthenticationMode.API, tmp_path_factory.mktemp(CLUSTER))


@pytest.fixture
def users(cluster):
    """Two new IAM users of the cluster's account, who are let in by hand."""
    made = [cluster.user(f"person-{uuid.uuid4().hex[:8]}") for _ in range(2)]
    for arn in made:
        cluster.eks.create_access_entry(clusterName=CLUSTER, principalArn=arn, tags={"made-by": "hand"})
    yield made
    for arn in cluster.entries() & set(made):
        cluster.eks.delete_access_entry(clusterName=CLUSTER, principalArn=arn)


@pytest.fixture
def stack(running_lab, tools, tmp_path):
    """A stack that the other account's administrator runs, with their own credentials in the environment."""
    made = Stack(tmp_path / "project", running_lab, tools)
    yield made
    made.stack.destroy()


class Stack(LabProject):
    def __init__(self, folder, home, tools):
        super().__init__(home, tools, write_project(folder, "access", PROGRAM), principal="other-admin")

    def say(self, cluster, users, provider, *, hosted=False, **other):
        """The stack, whose program lets these users in with this provider from now on."""
        people = [{"arn": arn} for arn in users]
        access = {"cluster": cluster.connection, "principals": people, "access_policies": [{"policy": POLICY}], **other}
        said = {"provider": provider, "access": access, "hosted": camel(access) if hosted else None}
        self.stack.set_config("said", automation.ConfigValue(json.dumps(said), secret=True))
        return self.stack


def camel(value):
    if isinstance(value, list):
        return [camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key.replace("_a", "A").replace("_m", "M").replace("_i", "I"): camel(each) for key, each in value.items()}


def role_for_the_other_account(cluster, external_id):
    """A role of the cluster's account that the other account may assume, and that administers EKS."""
    name = f"deployer-{uuid.uuid4().hex[:8]}"
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    trusted |= {"Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}}
    trusted |= {"Condition": {"StringEquals": {"sts:ExternalId": external_id}}}
    trust = {"Version": "2012-10-17", "Statement": [trusted]}
    made = cluster.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "eks:*", "Resource": "*"}]}
    cluster.iam.put_role_policy(RoleName=name, PolicyName="eks", PolicyDocument=json.dumps(allowed))
    return made["Role"]["Arn"]


def session_of(home, role_arn, external_id):
    """Keys of a new session of the role, as an aws provider takes them."""
    asked = {"RoleArn": role_arn, "RoleSessionName": "ci", "ExternalId": external_id}
    keys = client(home, "sts", "other-admin").assume_role(**asked)["Credentials"]
    return {"access_key": keys["AccessKeyId"], "secret_key": keys["SecretAccessKey"], "token": keys["SessionToken"]}


def deployer(cluster):
    """An IAM user of the cluster's account who administers EKS; name and keys."""
    name = f"deployer-{uuid.uuid4().hex[:8]}"
    cluster.user(name)
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "eks:*", "Resource": "*"}]}
    cluster.iam.put_user_policy(UserName=name, PolicyName="eks", PolicyDocument=json.dumps(allowed))
    return name, new_key(cluster, name)


def new_key(cluster, name):
    key = cluster.iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


def clusters_administrator(home):
    """The provider's settings for the credentials file of the cluster's account's administrator."""
    return {"profile": "default", "shared_credentials_files": [str(folder_of(home, "lab-admin") / "credentials")]}


@pytest.mark.parametrize(
    ("by", "hosted"), [("role", False), ("file", True)], ids=["a role, in Python", "a profile, in any language"]
)
def test_a_provider_of_the_clusters_account_is_enough(cluster, users, stack, running_lab, by, hosted):
    """Entries are taken over, guarded, changed and deleted by the role that the provider assumes, or by its profile."""
    if by == "role":
        role = {"role_arn": role_for_the_other_account(cluster, "shop-1"), "external_id": "shop-1", "duration": "30m"}
        provider = {"assume_roles": [{**role, "session_name": "deploys"}]}
    else:
        provider = clusters_administrator(running_lab)
    adopted = {"adopt": True, "hosted": hosted}
    stack.say(cluster, users, provider, tags={"team": "shop"}, **adopted).up()
    assert [cluster.entry(arn)["tags"] for arn in users] == [{"made-by": "hand", "team": "shop"}] * 2
    assert stack.stack.preview().change_summary.keys() == {"same"}

    stack.say(cluster, users[:1], provider, tags={"team": "shop"}, **adopted).up()
    assert users[1] not in cluster.entries()
    stack.stack.refresh()
    assert stack.stack.preview().change_summary.keys() == {"same"}
    stack.stack.destroy()
    assert not cluster.entries() & set(users)


@pytest.mark.parametrize("adopt", [True, False], ids=["taken over", "made"])
def test_without_one_the_preview_says_whose_credentials_these_are(cluster, users, stack, adopt):
    """Names both accounts and the fix, and nothing is asked of a cluster of the same name over there."""
    people = users if adopt else [cluster.user(f"person-{uuid.uuid4().hex[:8]}")]
    said = refused(stack.say(cluster, people, None, adopt=adopt).preview)
    caller = f"account {OTHER_ACCOUNT}, arn:aws:iam::{OTHER_ACCOUNT}:user/lab-admin"
    assert f"opts.providers: 'default aws provider: {caller}'" in said
    assert f"must have an aws provider of the cluster's account {ACCOUNT}" in said
    assert f"pass an aws provider of account {ACCOUNT} in opts.providers" in said
    assert "set aws:profile" in said


def test_the_keys_of_a_session_change_nothing(cluster, users, stack, running_lab):
    """Each run has new ones; they are in no plain text of the state, and only the provider itself changes."""
    role = role_for_the_other_account(cluster, "ci")
    keys = session_of(running_lab, role, "ci")
    stack.say(cluster, users, keys, adopt=True).up()
    newer = session_of(running_lab, role, "ci")
    changes = stack.say(cluster, users, newer, adopt=True).up().summary.resource_changes
    assert changes.pop("update", 0) <= 1
    assert changes.keys() == {"same"}
    state = stack.pulumi("stack", "export")
    for secret in (*keys.values(), *newer.values()):
        assert secret not in state
    stack.stack.refresh()
    stack.say(cluster, users[:1], session_of(running_lab, role, "ci"), adopt=True).up()
    assert users[1] not in cluster.entries()


def test_who_is_taken_out_goes_by_the_newer_keys(cluster, users, stack):
    """The keys of the last update are no keys any more: those of this one delete what it made."""
    name, old = deployer(cluster)
    stack.say(cluster, users, old, adopt=True).up()
    cluster.iam.delete_access_key(UserName=name, AccessKeyId=old["access_key"])
    newer = new_key(cluster, name)
    stack.say(cluster, users[:1], newer, adopt=True).up()
    assert users[1] not in cluster.entries()
    stack.stack.destroy()
    assert users[0] not in cluster.entries()
