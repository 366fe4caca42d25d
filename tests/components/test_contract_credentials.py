"""Credentials of the library's own calls to AWS, in every component that makes such calls."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws
import pytest

import eks_identity as eks
from eks_identity.access.lockout_guard import LockoutGuardProvider
from eks_identity.clients.aws_sessions import AwsClients
from eks_identity.clients.eks_api import EksApi
from eks_identity.errors import AwsDeniedError, InvalidInput
from eks_identity.model import credentials
from eks_identity.model.credentials import DEFAULT_CHAIN, dump_settings
from eks_identity.plugin.exports import served_resources
from eks_identity.runtime import dynamic_provider
from support.component_contract import children, declare, each_sample, sample
from support.component_program import ACCOUNT, REGION, deploy

OTHER_ACCOUNT = "444455556666"
ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu"
PLACE = {"cluster_name": "eks-clu", "region": REGION, "cluster_arn": ARN}
ASKS_AWS = [name for name, each in served_resources().items() if "credentials" in each.secrets]


def role(**other):
    return {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/deploys", **other}


def own_calls(deployment, name):
    types = [served_resources()[each].token() for each in ASKS_AWS]
    return [child for child in children(deployment, name) if child.type in types]


def test_own_resources_with_aws_calls():
    """The list includes aws-auth mappings, because an access entry of the same principal overrides them."""
    own = ["AccessEntry", "AuthenticationModeMigration", "AwsAuthMapping", "LockoutGuard"]
    assert sorted(ASKS_AWS) == own


@each_sample
def test_aws_provider_applies_to_own_calls(name, index):
    """The credentials of an aws provider are passed to each own resource as a secret, with the ARN of the cluster."""

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
        assert "deploys" not in json.dumps(eks.testing.wire.without_secrets(child.request.object))
        if child.kind != "AwsAuthMapping":  # its kubeconfig names the cluster
            assert child.inputs["cluster_arn"] == ARN
    for child in own_calls(declare(name, args), name):
        assert "credentials" not in child.inputs


@pytest.mark.parametrize("how", ["provider", "providers", "parent"])
def test_own_resource_reads_the_provider_from_every_option(how):
    """An own resource reads the provider from each option that Pulumi has for it."""

    def program():
        there = aws.Provider("there", region=REGION, access_key="AKIAIOSFODNN7EXAMPLE", secret_key="secret")
        parent = pulumi.ComponentResource("shop:index:Parent", "parent", {}, pulumi.ResourceOptions(provider=there))
        options = {"provider": there, "providers": {"aws": there}, "parent": parent}
        args = {**PLACE, "principals": [], "administrators": []}
        eks.LockoutGuard("guard", args, pulumi.ResourceOptions(**{how: options[how]}))

    (guard,) = (each for each in deploy(program).resources if each.kind == "LockoutGuard")
    assert json.loads(guard.inputs["credentials"]) == {"accessKey": "AKIAIOSFODNN7EXAMPLE", "secretKey": "secret"}


def test_unknown_provider_role_makes_credentials_unknown():
    """The role of a provider may be unknown: then a preview makes no request with other credentials."""

    def program():
        made = aws.iam.Role("deploys", assume_role_policy="{}")
        roles = [aws.ProviderAssumeRoleArgs(role_arn=made.arn)]
        there = aws.Provider("there", region=REGION, assume_roles=roles)
        args = {**PLACE, "principals": [], "administrators": []}
        eks.LockoutGuard("guard", args, pulumi.ResourceOptions(provider=there))

    (guard,) = (each for each in deploy(program, preview=True).resources if each.kind == "LockoutGuard")
    assert dynamic_provider.has_unknowns(guard.inputs["credentials"])


@pytest.mark.parametrize(
    ("arn", "rule"),
    [
        (ARN.replace("eks-clu", "other"), "the ARN of EKS cluster eks-clu in ap-northeast-1"),
        (ARN.replace(REGION, "eu-west-1"), "the ARN of EKS cluster eks-clu in ap-northeast-1"),
        ("eks-clu", "cluster_arn: 'eks-clu'"),
    ],
)
def test_cluster_arn_of_another_cluster_is_rejected(arn, rule):
    """Both resources that have a cluster ARN reject it at once."""
    entry = {**PLACE, "cluster_arn": arn, "principal_arn": f"arn:aws:iam::{ACCOUNT}:user/me"}
    guard = {**PLACE, "cluster_arn": arn, "principals": [], "administrators": []}
    for declared in (lambda: eks.AccessEntry("x", entry), lambda: eks.LockoutGuard("x", guard)):
        with pytest.raises(InvalidInput) as raised:
            deploy(declared)
        assert rule in str(raised.value)


CONFIG = {"aws:profile": "default-ones", "aws:assumeRoles": json.dumps([role(sessionName="x")])}


@pytest.mark.parametrize(
    ("provider", "config", "expected"),
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
def test_order_of_credentials(provider, config, expected):
    """The order is: the passed provider, the library's own config key, the config of the default provider."""
    chosen = credentials.select_settings(None if provider is None else dump_settings(provider), config.get)
    assert json.loads(chosen) == expected


def test_empty_provider_settings_are_omitted():
    """Empty and false settings are omitted, also in JSON, in which the engine stores values that are not text."""
    stored = {"region": REGION, "insecure": "false", "profile": "", "assumeRoles": None, "sharedConfigFiles": '["a"]'}
    assert json.loads(dump_settings(stored)) == {"sharedConfigFiles": ["a"]}
    assert dump_settings({"region": REGION}) == DEFAULT_CHAIN


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
def test_session_keys_change_no_state(before, after, differ):
    """Keys of another session change no state, because they expire. No change of credentials replaces a resource."""
    olds, news = (
        {**PLACE, "principals": [], "credentials": None if each is None else dump_settings(each)}
        for each in (before, after)
    )
    result = LockoutGuardProvider().diff("id", olds, news)
    assert (result.changes, result.replaces) == (differ, [])


def test_endpoints_and_proxies_are_those_of_the_provider():
    """Endpoints, proxy, certificates and the region of STS are the provider's."""
    settings = {
        "accessKey": "AKIA1",
        "secretKey": "1",
        "endpoints": [{"eks": "https://eks.example", "sts": "https://sts.example"}],
        "httpsProxy": "http://127.0.0.1:1",
        "insecure": "true",
        "stsRegion": "eu-west-1",
    }
    clients = AwsClients(REGION, dump_settings(settings))
    eks_client, sts = clients.client("eks"), clients.client("sts")
    assert (eks_client.meta.endpoint_url, eks_client.meta.region_name) == ("https://eks.example", REGION)
    assert (sts.meta.endpoint_url, sts.meta.region_name) == ("https://sts.example", "eu-west-1")
    assert eks_client.meta.config.proxies == {"https": "http://127.0.0.1:1"}


def test_several_shared_config_files_are_rejected():
    """The library reads one file, and does not fall back to other credentials."""
    with pytest.raises(AwsDeniedError, match=r"has 2 files(.|\n)*fix: merge the files into one"):
        AwsClients(REGION, dump_settings({"sharedConfigFiles": ["a", "b"]})).client("eks")


@pytest.fixture
def callers(monkeypatch):
    """Return the accounts by profile or key; AWS rejects other credentials."""
    accounts = {}

    def caller(clients):
        who = clients._settings.get("profile") or clients._settings.get("accessKey")
        if who not in accounts:
            raise AwsDeniedError("cannot get the caller's identity: ExpiredToken")
        return accounts[who], f"arn:aws:iam::{accounts[who]}:user/{who}"

    monkeypatch.setattr(AwsClients, "caller", property(caller))
    dynamic_provider._CREDENTIALS.clear()
    yield accounts
    dynamic_provider._CREDENTIALS.clear()


def test_credentials_of_another_account_are_rejected_before_eks_is_called(callers, monkeypatch):
    """The error has both accounts, the caller and a fix, for reads and writes."""
    monkeypatch.setattr(AwsClients, "client", lambda *_: pytest.fail("asked"))
    callers["me"] = OTHER_ACCOUNT
    api = EksApi.of(PLACE, dump_settings({"profile": "me"}))
    for call in (
        api.get_authentication_mode,
        api.list_access_entries,
        api.wait_until_active,
        lambda: api.create_access_entry(ARN),
        lambda: api.delete_access_entry(ARN),
    ):
        with pytest.raises(InvalidInput) as raised:
            call()
        message = str(raised.value)
        assert f"account {OTHER_ACCOUNT}, arn:aws:iam::{OTHER_ACCOUNT}:user/me" in message
        assert f"must be of account {ACCOUNT}, the account of the cluster {ARN}" in message
        assert f"pass an aws provider of account {ACCOUNT} in opts.providers" in message


@pytest.mark.parametrize("arn", [ARN, pulumi.runtime.rpc.UNKNOWN, None], ids=["named", "named later", "not named"])
def test_lockout_guard_of_another_account_is_rejected_at_preview(callers, arn):
    """It is rejected at the first preview, not at a removal; a new cluster has no account yet."""
    callers["me"] = OTHER_ACCOUNT
    props = {
        **PLACE,
        "cluster_arn": arn,
        "principals": [],
        "administrators": [],
        "credentials": dump_settings({"profile": "me"}),
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
def test_deletion_uses_valid_keys(callers, accounts, chosen):
    """If the keys in the state are expired, others of this run for the cluster's account are used."""
    callers |= accounts
    dynamic_provider.remember_credentials({"credentials": dump_settings({"accessKey": "new"})})
    provider = LockoutGuardProvider()
    config = pulumi.dynamic.Config({"eks-identity:profile": "own"}, "shop")
    provider.configure(pulumi.dynamic.ConfigureRequest(config))
    stored = json.loads(provider.kept_credentials({**PLACE, "credentials": dump_settings({"accessKey": "old"})}))
    assert chosen in stored.values()


def test_cluster_of_the_same_name_in_another_account_replaces():
    """The resource is replaced; a state of an older version without an ARN is unchanged."""
    before = {**PLACE, "principals": []}
    after = {**before, "cluster_arn": ARN.replace(ACCOUNT, OTHER_ACCOUNT)}
    assert LockoutGuardProvider().diff("id", before, after).replaces == ["cluster_arn"]
    assert LockoutGuardProvider().diff("id", {**before, "cluster_arn": None}, after).replaces == []
