"""What the dynamic resources around access entries refuse before anything is asked, and what they hand the provider."""

from __future__ import annotations

import base64
import json
import pickle
import re

import pulumi
import pytest
from pulumi_program import ACCOUNT, REGION, deploy, kubeconfig

import eks_identity as eks
from eks_identity.access.access_entry import AccessEntryProvider
from eks_identity.access.live_cluster import LiveCluster
from eks_identity.access.lockout_guard import LockoutGuardProvider
from eks_identity.clients.eks_api import WhoIsWho
from eks_identity.model.credentials import ENVIRONMENT
from eks_identity.plugin.exports import own_resources

ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/ops"
PLACE = {"cluster_name": "eks-clu", "region": REGION}


def entry(**other):
    return lambda: eks.AccessEntry("ops", {**PLACE, "principal_arn": ROLE, **other})


def test_an_entry_says_all_of_itself():
    """The name that EKS would choose otherwise is written down, as through aws-auth; the kubeconfig is a secret."""
    (made,) = deploy(entry(groups=["operators"], kubeconfig=kubeconfig())).resources
    assert made.type == "pulumi-python:dynamic/eks-identity:AccessEntry"
    assert made.inputs["username"] == "ops:{{SessionName}}"
    assert (made.inputs["principal_arn"], made.inputs["groups"]) == (ROLE, ["operators"])
    assert "kubeconfig" in made.request.additionalSecretOutputs


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"groups": ["system:masters"]}, "AmazonEKSClusterAdminPolicy"),
        ({"username": "eks:ops"}, "does not begin with"),
        ({"principal_arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/me"}, "a session is never matched"),
        ({"cluster_name": "no cluster"}, "cluster_name"),
        ({"alow_lockout_of": []}, "did you mean allow_lockout_of?"),
    ],
)
def test_an_entry_that_eks_would_refuse_is_refused_at_once(other, said):
    """With the house's message, before the resource is registered."""
    with pytest.raises(eks.InvalidInput) as refusal:
        deploy(entry(**other))
    assert 'AccessEntry "ops"' in str(refusal.value)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"target_mode": "CONFIG_MAP"}, "cannot go back to an earlier mode"),
        ({"target_mode": "ACCESS"}, "one of CONFIG_MAP, API_AND_CONFIG_MAP, API"),
        (
            {"target_mode": "API", "principals": {ROLE.replace("team/", ""): f"{ROLE}-2"}},
            "of the same principal as in aws-auth",
        ),
        ({"target_mode": "API", "accept_loss_of": "all"}, "a list"),
    ],
)
def test_a_migration_that_cannot_be_is_refused_at_once(connection, args, said):
    """Back, to no mode, with somebody else's ARN, or with a string for a list."""
    with pytest.raises(eks.InvalidInput) as refusal:
        deploy(lambda: eks.AuthenticationModeMigration("leave", {"cluster": connection, **args}))
    assert said in str(refusal.value)


def test_a_migration_hands_on_what_it_needs_of_the_connection(connection):
    """Name, region and kubeconfig; a whole ARN for one that aws-auth has without its path."""
    known = {ROLE.replace("team/", ""): ROLE}
    args = {"cluster": connection, "target_mode": "API", "principals": known, "accept_loss_of": ["444455556666"]}
    (made,) = deploy(lambda: eks.AuthenticationModeMigration("leave", args)).resources
    asked = {
        name: made.inputs[name] for name in ("cluster_name", "region", "target_mode", "principals", "accept_loss_of")
    }
    assert asked == {**PLACE, "target_mode": "API", "principals": known, "accept_loss_of": ["444455556666"]}
    assert made.inputs["kubeconfig"] == connection["kubeconfig"]


@pytest.mark.parametrize("reference", [each.provider for each in own_resources().values()])
def test_only_the_names_of_providers_are_pickled(reference):
    """A newer library serves older states: no code, no settings and no layout of modules are in them."""
    pickled = pulumi.dynamic.dynamic.serialize_provider(reference)
    assert len(pickled) < 200
    assert re.findall(rb"eks_identity[\w.]*", base64.b64decode(pickled)) == [b"eks_identity.runtime.dynamic_provider"]
    loaded = pickle.loads(base64.b64decode(pickled))  # noqa: S301 - pickled here
    assert type(loaded) is type(reference.load())
    assert vars(loaded) == {}


@pytest.mark.parametrize("unknown", ["principal_arn", "cluster_name", "username"])
def test_what_is_known_later_is_checked_later(unknown):
    """A preview of an entry whose principal is still to be made asks nobody."""
    props = {**PLACE, "principal_arn": ROLE, "username": "ops", "groups": [], unknown: pulumi.runtime.rpc.UNKNOWN}
    checked = AccessEntryProvider().check({}, props)
    assert not checked.failures
    assert checked.inputs["takes_over"] == pulumi.runtime.rpc.UNKNOWN


def test_a_guard_waits_for_what_is_known_later(capsys):
    """Somebody who may be who is missing: the update itself will know, and says so."""
    olds = {**PLACE, "principals": [ROLE], "administrators": [ROLE]}
    news = {**olds, "principals": [pulumi.runtime.rpc.UNKNOWN], "administrators": []}
    assert not LockoutGuardProvider().check(olds, news).failures
    said = capsys.readouterr().err
    assert f"{ROLE}: whether this locks out the caller or the last administrator is evaluated in the update" in said


@pytest.mark.parametrize(
    "config",
    [{"eks-identity:profile": "prod"}, {"aws:profile": "prod"}, {"eks-identity:profile": "prod", "aws:profile": "x"}],
)
def test_the_profile_of_the_programs_config_is_used(config):
    """The library's own key, or the aws provider's; it is set where the provider runs, and so is in no state."""
    provider = LockoutGuardProvider()
    provider.configure(pulumi.dynamic.ConfigureRequest(pulumi.dynamic.Config(config, "shop")))
    assert json.loads(provider.credentials(PLACE)) == {"profile": "prod"}
    assert LockoutGuardProvider().credentials(PLACE) == ENVIRONMENT


def test_the_role_of_the_kubeconfig_is_a_callers_way_in_too(monkeypatch):
    """Where kubectl assumes a role, the cluster knows that role, whoever asks AWS."""
    caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/run-7"
    monkeypatch.setattr(WhoIsWho, "caller", lambda _: (ACCOUNT, caller))
    document = json.loads(kubeconfig())
    document["users"][0]["user"]["exec"]["args"] += ["--role-arn", ROLE]
    live = LiveCluster({**PLACE, "kubeconfig": json.dumps(document)}, ENVIRONMENT)
    assert [(caller.principal.arn, caller.session) for caller in live.callers] == [
        (f"arn:aws:iam::{ACCOUNT}:role/ci", "run-7"),
        (ROLE, "EKSGetTokenAuth"),
    ]
