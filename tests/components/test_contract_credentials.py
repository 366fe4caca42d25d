"""Whose credentials the library's own calls to AWS have, in every component that has such calls."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws
import pytest
from contract import children, declare, each_sample, sample
from pulumi_program import ACCOUNT, REGION, deploy

import eks_identity as eks
from eks_identity.access.lockout_guard import LockoutGuardProvider
from eks_identity.clients.aws_sessions import Clients
from eks_identity.clients.eks_api import EksApi
from eks_identity.errors import AwsRefusedError, InvalidInput
from eks_identity.model import credentials
from eks_identity.model.credentials import ENVIRONMENT, said
from eks_identity.plugin.exports import own_resources
from eks_identity.runtime import dynamic_provider

OTHER_ACCOUNT = "444455556666"
ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu"
PLACE = {"cluster_name": "eks-clu", "region": REGION, "cluster_arn": ARN}
ASKS_AWS = [name for name, each in own_resources().items() if "credentials" in each.secrets]


def role(**other):
    return {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/deploys", **other}


def own_calls(deployment, name):
    types = [own_resources()[each].token() for each in ASKS_AWS]
    return [child for child in children(deployment, name) if child.type in types]


def test_these_ask_aws_themselves():
    """A mapping of aws-auth too: an access entry of the same principal wins over it."""
    own = ["AccessEntry", "AuthenticationModeMigration", "AwsAuthMapping", "LockoutGuard"]
    assert sorted(ASKS_AWS) == own


@each_sample
def test_a_provider_reaches_the_librarys_own_calls(name, index):
    """What an aws provider says of credentials goes to each of them, as a secret; and which cluster is meant."""

    def more():
        assumed = aws.ProviderAssumeRoleArgs(
            role_arn=role()["roleArn"], external_id="shop-1", tags={"cost_center": "7"}
        )
        return [aws.Provider("aws", region=REGION, profile="deploys", token="t", assume_roles=[assumed])]

    args = sample(name, index)
    for child in own_calls(declare(name, args, more_providers=more), name):
        assert json.loads(child.inputs["credentials"]) == {
            "profile": "deploys",
            "token": "t",
            "assumeRoles": [role(externalId="shop-1", tags={"cost_center": "7"})],
        }
        assert "credentials" in child.request.additionalSecretOutputs
        assert "deploys" not in json.dumps(eks.testing.wire.in_the_clear(child.request.object))
        if child.kind != "AwsAuthMapping":  # its kubeconfig names the cluster
            assert child.inputs["cluster_arn"] == ARN
    for child in own_calls(declare(name, args), name):
        assert "credentials" not in child.inputs


@pytest.mark.parametrize("how", ["provider", "providers", "parent"])
def test_a_resource_of_its_own_has_them_however_they_are_passed(how):
    """In any option that Pulumi has for a provider."""

    def program():
        there = aws.Provider("there", region=REGION, access_key="AKIAIOSFODNN7EXAMPLE", secret_key="secret")
        parent = pulumi.ComponentResource("shop:index:Parent", "parent", {}, pulumi.ResourceOptions(provider=there))
        options = {"provider": there, "providers": {"aws": there}, "parent": parent}
        args = {**PLACE, "principals": [], "administrators": []}
        eks.LockoutGuard("guard", args, pulumi.ResourceOptions(**{how: options[how]}))

    (guard,) = (each for each in deploy(program).resources if each.kind == "LockoutGuard")
    assert json.loads(guard.inputs["credentials"]) == {"accessKey": "AKIAIOSFODNN7EXAMPLE", "secretKey": "secret"}


def test_what_a_provider_gets_later_is_known_later():
    """A role that is still to be made is no missing role: a preview asks nobody by other credentials."""

    def program():
        made = aws.iam.Role("deploys", assume_role_policy="{}")
        roles = [aws.ProviderAssumeRoleArgs(role_arn=made.arn)]
        there = aws.Provider("there", region=REGION, assume_roles=roles)
        args = {**PLACE, "principals": [], "administrators": []}
        eks.LockoutGuard("guard", args, pulumi.ResourceOptions(provider=there))

    (guard,) = (each for each in deploy(program, preview=True).resources if each.kind == "LockoutGuard")
    assert dynamic_provider.is_unknown(guard.inputs["credentials"])


@pytest.mark.parametrize(
    ("arn", "rule"),
    [
        (ARN.replace("eks-clu", "other"), "the ARN of EKS cluster eks-clu in ap-northeast-1"),
        (ARN.replace(REGION, "eu-west-1"), "the ARN of EKS cluster eks-clu in ap-northeast-1"),
        ("eks-clu", "cluster_arn: 'eks-clu'"),
    ],
)
def test_the_arn_of_another_cluster_is_refused(arn, rule):
    """At once, by both resources that take it."""
    entry = {**PLACE, "cluster_arn": arn, "principal_arn": f"arn:aws:iam::{ACCOUNT}:user/me"}
    guard = {**PLACE, "cluster_arn": arn, "principals": [], "administrators": []}
    for declared in (lambda: eks.AccessEntry("x", entry), lambda: eks.LockoutGuard("x", guard)):
        with pytest.raises(InvalidInput) as refusal:
            deploy(declared)
        assert rule in str(refusal.value)


CONFIG = {"aws:profile": "default-ones", "aws:assumeRoles": json.dumps([role(sessionName="x")])}


@pytest.mark.parametrize(
    ("given", "config", "expected"),
    [
        (None, {}, {}),
        (None, CONFIG, {"profile": "default-ones", "assumeRoles": [role(sessionName="x")]}),
        (None, {**CONFIG, "eks-identity:profile": "own"}, {"profile": "own"}),
        ({"profile": "passed"}, {**CONFIG, "eks-identity:profile": "own"}, {"profile": "passed"}),
        ({}, CONFIG, {}),
        ({}, {**CONFIG, "eks-identity:profile": "own"}, {"profile": "own"}),
    ],
    ids=["environment", "default provider", "own profile", "passed", "passed without any", "nor any, own profile"],
)
def test_whose_credentials_are_chosen(given, config, expected):
    """Those of the provider that is passed; else of the library's own key; else of the default provider's config."""
    chosen = credentials.chosen(None if given is None else said(given), config.get)
    assert json.loads(chosen) == expected


def test_settings_without_effect_on_credentials_are_left_out():
    """What is empty or false is as good as unsaid, also in the JSON in which the engine keeps what is no text."""
    kept = {"region": REGION, "insecure": "false", "profile": "", "assumeRoles": None, "sharedConfigFiles": '["a"]'}
    assert json.loads(said(kept)) == {"sharedConfigFiles": ["a"]}
    assert said({"region": REGION}) == ENVIRONMENT


SESSION = {"accessKey": "ASIA1", "secretKey": "1", "token": "1"}


@pytest.mark.parametrize(
    ("before", "after", "differ"),
    [
        (SESSION, {"accessKey": "ASIA2", "secretKey": "2", "token": "2"}, False),
        (SESSION, SESSION | {"assumeRoles": [role()]}, True),
        ({"accessKey": "AKIA1", "secretKey": "1"}, {"accessKey": "AKIA2", "secretKey": "2"}, True),
        ({"profile": "a"}, {"profile": "b"}, True),
        ({"profile": "a"}, {"profile": "a"}, False),
        (None, {"profile": "a"}, True),
    ],
    ids=["another session", "another role", "new keys", "another profile", "the same", "the first"],
)
def test_what_is_written_down_anew(before, after, differ):
    """The keys of another session are not: they end by themselves. Nothing of it ever replaces anything."""
    olds, news = (
        {**PLACE, "principals": [], "credentials": None if each is None else said(each)} for each in (before, after)
    )
    result = LockoutGuardProvider().diff("id", olds, news)
    assert (result.changes, result.replaces) == (differ, [])


def test_ways_to_aws_are_those_of_the_provider():
    """Endpoints, proxy, certificates and the region of STS."""
    settings = {
        "accessKey": "AKIA1",
        "secretKey": "1",
        "endpoints": [{"eks": "https://eks.example", "sts": "https://sts.example"}],
        "httpsProxy": "http://127.0.0.1:1",
        "insecure": "true",
        "stsRegion": "eu-west-1",
    }
    clients = Clients(REGION, said(settings))
    eks_client, sts = clients.client("eks"), clients.client("sts")
    assert (eks_client.meta.endpoint_url, eks_client.meta.region_name) == ("https://eks.example", REGION)
    assert (sts.meta.endpoint_url, sts.meta.region_name) == ("https://sts.example", "eu-west-1")
    assert eks_client.meta.config.proxies == {"https": "http://127.0.0.1:1"}


def test_several_files_are_refused_in_words():
    """The library reads one, and does not go on as somebody else."""
    with pytest.raises(AwsRefusedError, match=r"names 2 files(.|\n)*fix: put what is needed into one file"):
        Clients(REGION, said({"sharedConfigFiles": ["a", "b"]})).client("eks")


@pytest.fixture
def callers(monkeypatch):
    """Whose credentials are whose: accounts by profile or key; what is not in it AWS does not take."""
    accounts = {}

    def caller(clients):
        who = clients._said.get("profile") or clients._said.get("accessKey")
        if who not in accounts:
            raise AwsRefusedError("the caller's identity cannot be asked: ExpiredToken")
        return accounts[who], f"arn:aws:iam::{accounts[who]}:user/{who}"

    monkeypatch.setattr(Clients, "caller", property(caller))
    dynamic_provider._GIVEN.clear()
    yield accounts
    dynamic_provider._GIVEN.clear()


def test_another_account_is_refused_before_eks_is_asked(callers, monkeypatch):
    """In words that name both accounts, whose credentials these are, and the way out; reads and writes alike."""
    monkeypatch.setattr(Clients, "client", lambda *_: pytest.fail("asked"))
    callers["me"] = OTHER_ACCOUNT
    api = EksApi.of(PLACE, said({"profile": "me"}))
    for call in (api.mode, api.entries, api.settle, lambda: api.make(ARN), lambda: api.remove(ARN)):
        with pytest.raises(InvalidInput) as refusal:
            call()
        said_of_it = str(refusal.value)
        assert f"account {OTHER_ACCOUNT}, arn:aws:iam::{OTHER_ACCOUNT}:user/me" in said_of_it
        assert f"credentials of account {ACCOUNT}, which the cluster is in: {ARN}" in said_of_it
        assert f"pass an aws provider of account {ACCOUNT} in opts.providers" in said_of_it


@pytest.mark.parametrize("arn", [ARN, pulumi.runtime.rpc.UNKNOWN, None], ids=["named", "named later", "not named"])
def test_a_new_guard_is_refused_where_it_would_watch_another_cluster(callers, arn):
    """At its first preview, and not when somebody is taken out; a cluster that is still to be made is in no account."""
    callers["me"] = OTHER_ACCOUNT
    props = {
        **PLACE,
        "cluster_arn": arn,
        "principals": [],
        "administrators": [],
        "credentials": said({"profile": "me"}),
    }
    failures = LockoutGuardProvider().check({}, props).failures
    assert [failure.reason.partition(":")[0] for failure in failures] == (["AWS credentials"] if arn == ARN else [])


@pytest.mark.parametrize(
    ("accounts", "chosen"),
    [
        ({"old": ACCOUNT, "new": ACCOUNT}, "old"),
        ({"new": ACCOUNT}, "new"),
        ({"new": OTHER_ACCOUNT}, "old"),
        ({"new": OTHER_ACCOUNT, "own": ACCOUNT}, "own"),
    ],
    ids=["valid", "newer", "newer of another account", "the config's"],
)
def test_what_is_deleted_is_deleted_by_keys_that_are_valid(callers, accounts, chosen):
    """Where the state's keys have ended, by others of this run, of the cluster's account alone."""
    callers |= accounts
    dynamic_provider.note({"credentials": said({"accessKey": "new"})})
    provider = LockoutGuardProvider()
    config = pulumi.dynamic.Config({"eks-identity:profile": "own"}, "shop")
    provider.configure(pulumi.dynamic.ConfigureRequest(config))
    kept = json.loads(provider.kept_credentials({**PLACE, "credentials": said({"accessKey": "old"})}))
    assert chosen in kept.values()


def test_a_cluster_of_the_same_name_in_another_account_is_another_one():
    """The one is replaced by the other; where an older state says no ARN, it is the same one."""
    before = {**PLACE, "principals": []}
    after = {**before, "cluster_arn": ARN.replace(ACCOUNT, OTHER_ACCOUNT)}
    assert LockoutGuardProvider().diff("id", before, after).replaces == ["cluster_arn"]
    assert LockoutGuardProvider().diff("id", {**before, "cluster_arn": None}, after).replaces == []
