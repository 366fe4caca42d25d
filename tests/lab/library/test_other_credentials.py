"""Who runs the program is of another account than the cluster: what the library asks of AWS itself goes there too."""

from __future__ import annotations

import json
import uuid
from types import SimpleNamespace

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

for name, declared in json.loads(pulumi.Config().require("said")).items():
    given = declared["provider"]
    if given is None:
        options = pulumi.ResourceOptions()
    else:
        roles = [aws.ProviderAssumeRoleArgs(**role) for role in given.pop("assume_roles", [])] or None
        there = aws.Provider(f"{name}-there", region="ap-northeast-1", assume_roles=roles, **given)
        options = pulumi.ResourceOptions(providers=[there])
    if declared["hosted"]:
        kind = "eks-identity:index:ClusterAccess"
        pulumi.ComponentResource(kind, name, declared["hosted"], options, remote=True)
    else:
        eks.ClusterAccess(name, declared["access"], options)
"""


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    return Cluster(running_lab, tools, CLUSTER, AuthenticationMode.API, tmp_path_factory.mktemp(CLUSTER))


@pytest.fixture(scope="module")
def people(cluster):
    """Two new IAM users of the cluster's account for each declaration, who are let in by hand."""
    made = {name: [new_user(cluster), new_user(cluster)] for name in ("role", "profile", "session", "keys", "nobody")}
    everybody = {arn for users in made.values() for arn in users}
    for arn in everybody:
        cluster.eks.create_access_entry(clusterName=CLUSTER, principalArn=arn, tags={"made-by": "hand"})
    yield made
    for arn in cluster.entries() & everybody:
        cluster.eks.delete_access_entry(clusterName=CLUSTER, principalArn=arn)


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory):
    """A stack that the other account's administrator runs, with their own credentials in the environment."""
    made = Stack(tmp_path_factory.mktemp("others") / "project", running_lab, tools)
    yield made
    made.stack.destroy()


class Stack(LabProject):
    def __init__(self, folder, home, tools):
        super().__init__(home, tools, write_project(folder, "access", PROGRAM), principal="other-admin")

    def say(self, **declared):
        """The stack, whose program declares these accesses from now on."""
        self.stack.set_config("said", automation.ConfigValue(json.dumps(declared), secret=True))
        return self.stack


def declared(cluster, users, provider, *, hosted=False, **other):
    """An access that lets these users in with this provider."""
    people = [{"arn": arn} for arn in users]
    access = {"cluster": cluster.connection, "principals": people, "access_policies": [{"policy": POLICY}], **other}
    return {"provider": provider, "access": access, "hosted": camel(access) if hosted else None}


def new_user(cluster):
    return cluster.user(f"person-{uuid.uuid4().hex[:8]}")


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


@pytest.fixture(scope="module")
def life(cluster, people, stack, running_lab):
    """All four accesses together: taken over, run again, each without its second user, gone; and what was seen then."""
    seen = SimpleNamespace()
    role = {"role_arn": role_for_the_other_account(cluster, "shop-1"), "external_id": "shop-1", "duration": "30m"}
    providers = {
        "role": {"assume_roles": [{**role, "session_name": "deploys"}]},
        "profile": clusters_administrator(running_lab),
    }
    of_sessions = role_for_the_other_account(cluster, "ci")
    name, old = deployer(cluster)

    def say(number, keys):
        """The first `number` users of each, with new keys of a session and these of a user."""
        session = session_of(running_lab, of_sessions, "ci")
        seen.sessions.append(session)
        tagged = {"adopt": True, "tags": {"team": "shop"}}
        users = {by: arns[:number] for by, arns in people.items()}
        said = {
            by: declared(cluster, users[by], provider, hosted=by == "profile", **tagged)
            for by, provider in providers.items()
        }
        said["session"] = declared(cluster, users["session"], session, adopt=True)
        said["keys"] = declared(cluster, users["keys"], keys, adopt=True)
        return stack.say(**said)

    seen.sessions = []
    say(2, old).up()
    seen.tags = {by: [cluster.entry(arn)["tags"] for arn in arns] for by, arns in people.items()}
    seen.second_update = say(2, old).up(refresh=True).summary.resource_changes
    seen.state = stack.pulumi("stack", "export")
    cluster.iam.delete_access_key(UserName=name, AccessKeyId=old["access_key"])
    say(1, new_key(cluster, name)).up()
    seen.entries_of_fewer = cluster.entries()
    seen.third_update = stack.stack.preview(refresh=True).change_summary
    stack.stack.destroy()
    seen.entries_at_last = cluster.entries()
    return seen


@pytest.mark.parametrize("by", ["role", "profile"], ids=["a role, in Python", "a profile, in any language"])
def test_a_provider_of_the_clusters_account_is_enough(life, people, by):
    """Entries are taken over, guarded, changed and deleted by the role that the provider assumes, or by its profile."""
    assert life.tags[by] == [{"made-by": "hand", "team": "shop"}] * 2
    assert life.second_update.keys() <= {"same", "update"}
    assert life.entries_of_fewer & set(people[by]) == {people[by][0]}
    assert life.third_update.keys() == {"same"}
    assert not life.entries_at_last & set(people[by])


@pytest.mark.parametrize("adopt", [True, False], ids=["taken over", "made"])
def test_without_one_the_preview_says_whose_credentials_these_are(cluster, people, stack, adopt):
    """Names both accounts and the fix, and nothing is asked of a cluster of the same name over there."""
    users = people["nobody"] if adopt else [new_user(cluster)]
    said = refused(stack.say(people=declared(cluster, users, None, adopt=adopt)).preview)
    caller = f"account {OTHER_ACCOUNT}, arn:aws:iam::{OTHER_ACCOUNT}:user/lab-admin"
    assert f"opts.providers: 'default aws provider: {caller}'" in said
    assert f"must have an aws provider of the cluster's account {ACCOUNT}" in said
    assert f"pass an aws provider of account {ACCOUNT} in opts.providers" in said
    assert "set aws:profile" in said


def test_the_keys_of_a_session_change_nothing(life, people):
    """Each run has new ones; they are in no plain text of the state, and only the provider itself changes."""
    assert life.second_update.get("update", 0) <= 1
    assert life.second_update.keys() <= {"same", "update"}
    for secret in (secret for keys in life.sessions for secret in keys.values()):
        assert secret not in life.state
    assert people["session"][1] not in life.entries_of_fewer


def test_who_is_taken_out_goes_by_the_newer_keys(life, people):
    """The keys of the last update are no keys any more: those of this one delete what it made."""
    first, second = people["keys"]
    assert first in life.entries_of_fewer
    assert second not in life.entries_of_fewer
    assert first not in life.entries_at_last
