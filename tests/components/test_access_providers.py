"""AccessEntry and LockoutGuard: inputs, and their dynamic providers without a cluster."""

from __future__ import annotations

import base64
import json
import pickle
import re

import pulumi
import pytest

import eks_identity as eks
from eks_identity.access.access_entry import AccessEntryProvider
from eks_identity.access.live_cluster import LiveCluster
from eks_identity.access.lockout_guard import LockoutGuardProvider
from eks_identity.clients.eks_api import IamLookup
from eks_identity.model.credentials import DEFAULT_CHAIN
from eks_identity.plugin.exports import served_resources
from support.component_program import ACCOUNT, REGION, deploy, kubeconfig

ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/ops"
CLUSTER = {"cluster_name": "eks-clu", "region": REGION}


def entry(**other):
    return lambda: eks.AccessEntry("ops", {**CLUSTER, "principal_arn": ROLE, **other})


def test_access_entry_sets_username_and_keeps_its_kubeconfig_secret():
    """The default username of EKS is set explicitly, as in aws-auth, and the kubeconfig is a secret output."""
    (resource,) = deploy(entry(groups=["operators"], kubeconfig=kubeconfig())).resources
    assert resource.type == "pulumi-python:dynamic/eks-identity:AccessEntry"
    assert resource.inputs["username"] == "ops:{{SessionName}}"
    assert (resource.inputs["principal_arn"], resource.inputs["groups"]) == (ROLE, ["operators"])
    assert "kubeconfig" in resource.request.additionalSecretOutputs


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"groups": ["system:masters"]}, "AmazonEKSClusterAdminPolicy"),
        ({"username": "eks:ops"}, "must not begin with"),
        ({"principal_arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/me"}, "not of a session"),
        ({"cluster_name": "no cluster"}, "cluster_name"),
        ({"alow_lockout_of": []}, "did you mean allow_lockout_of?"),
    ],
)
def test_access_entry_rejects_what_eks_rejects(other, expected):
    """The error names component and rule, before the resource is registered."""
    with pytest.raises(eks.InvalidInput) as error:
        deploy(entry(**other))
    assert 'AccessEntry "ops"' in str(error.value)
    assert expected in str(error.value)


@pytest.mark.parametrize("reference", [each.provider for each in served_resources().values()])
def test_state_has_only_the_name_of_a_dynamic_provider(reference):
    """States have no code, no settings and no other module, so that a newer library can use them."""
    pickled = pulumi.dynamic.dynamic.serialize_provider(reference)
    assert len(pickled) < 200
    assert re.findall(rb"eks_identity[\w.]*", base64.b64decode(pickled)) == [b"eks_identity.runtime.dynamic_provider"]
    loaded = pickle.loads(base64.b64decode(pickled))  # noqa: S301 - pickled here
    assert type(loaded) is type(reference.load())
    assert vars(loaded) == {}


@pytest.mark.parametrize("unknown", ["principal_arn", "cluster_name", "username"])
def test_access_entry_with_unknown_inputs_is_not_checked(unknown):
    """A preview of an entry with an unknown principal makes no AWS call."""
    props = {**CLUSTER, "principal_arn": ROLE, "username": "ops", "groups": [], unknown: pulumi.runtime.rpc.UNKNOWN}
    result = AccessEntryProvider().check({}, props)
    assert not result.failures
    assert result.inputs["takes_over"] == pulumi.runtime.rpc.UNKNOWN


def test_lockout_guard_evaluates_unknown_principals_in_the_update(capsys):
    """A removed administrator may be the unknown principal: the preview prints that the update evaluates it."""
    olds = {**CLUSTER, "principals": [ROLE], "administrators": [ROLE]}
    news = {**olds, "principals": [pulumi.runtime.rpc.UNKNOWN], "administrators": []}
    assert not LockoutGuardProvider().check(olds, news).failures
    output = capsys.readouterr().err
    assert f"{ROLE}: whether this locks out the caller or the last administrator is evaluated in the update" in output


@pytest.mark.parametrize(
    "config",
    [{"eks-identity:profile": "prod"}, {"aws:profile": "prod"}, {"eks-identity:profile": "prod", "aws:profile": "x"}],
)
def test_dynamic_provider_uses_the_profile_of_the_config(config):
    """The library's own config key, or the aws provider's. The profile is not in the state."""
    provider = LockoutGuardProvider()
    provider.configure(pulumi.dynamic.ConfigureRequest(pulumi.dynamic.Config(config, "shop")))
    assert json.loads(provider.credentials(CLUSTER)) == {"profile": "prod"}
    assert LockoutGuardProvider().credentials(CLUSTER) == DEFAULT_CHAIN


def test_role_of_the_kubeconfig_is_a_caller(monkeypatch):
    """If the kubeconfig assumes a role, that role is a caller besides the principal that calls AWS."""
    caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/run-7"
    monkeypatch.setattr(IamLookup, "get_caller_identity", lambda _: (ACCOUNT, caller))
    document = json.loads(kubeconfig())
    document["users"][0]["user"]["exec"]["args"] += ["--role-arn", ROLE]
    live = LiveCluster({**CLUSTER, "kubeconfig": json.dumps(document)}, DEFAULT_CHAIN)
    assert [(caller.principal.arn, caller.session) for caller in live.callers] == [
        (f"arn:aws:iam::{ACCOUNT}:role/ci", "run-7"),
        (ROLE, "EKSGetTokenAuth"),
    ]
