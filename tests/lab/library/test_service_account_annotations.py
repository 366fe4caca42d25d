"""The annotations that the webhook reads, from the declaration to the pod and to what STS makes of its token."""

from __future__ import annotations

import json

import pytest
from pods_program import ACCOUNT, Pods, Stack

from lab.scenarios.clients import LabClients

CLUSTER = "irsa"
OWN = "vault.shop.test"
USUAL = "sts.amazonaws.com"
DOMAIN = "eks.amazonaws.com"
PROGRAM = """
cluster = eks.Cluster("clu", {"name": said["cluster"]})
provider = eks.OidcProvider("clu", {"issuer": cluster.issuer, "audiences": said["trusted"]})
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
for name, settings in said["workloads"].items():
    eks.WorkloadIdentity(name, {
        "cluster": cluster.connection, "namespace": "default", "service_account": name, "role_name": name,
        "oidc_provider_arn": provider.arn, **settings,
    }, on_cluster)
for name, settings in said["roles"].items():
    eks.IrsaRole(name, {"role_name": name, "oidc_provider_arns": [provider.arn], **settings})
"""
SUBJECTS = [{"namespace": "default", "name": "own"}]
SAID = {
    "cluster": CLUSTER,
    "trusted": [USUAL, OWN],
    "workloads": {
        "own": {"audience": OWN, "sts_regional_endpoints": False, "token_expiration": 7200},
        "usual": {"sts_regional_endpoints": True},
    },
    "roles": {
        "own-shared": {"subjects": SUBJECTS, "audience": OWN},
        "usual-shared": {"subjects": SUBJECTS},
        "unknown-shared": {"subjects": SUBJECTS, "audience": "nobody.test"},
    },
}


@pytest.fixture(scope="module")
def pods(running_lab, tools):
    return Pods(LabClients(running_lab, tools.bin), CLUSTER)


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    stack.up(SAID)
    yield stack
    stack.stack.destroy()


@pytest.fixture
def admitted(pods):
    """Pods as the webhook let them in; gone after the test."""
    there = []

    def admit(account):
        container = {"name": "aws", "image": "amazon/aws-cli", "args": ["sts", "get-caller-identity"]}
        spec = {"serviceAccountName": account, "restartPolicy": "Never", "containers": [container]}
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"seen-{account}"}, "spec": spec}
        there.append(document["metadata"]["name"])
        shown = pods.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(document))
        return json.loads(shown)["spec"]

    yield admit
    for name in there:
        pods.kubectl("delete", "pod", name, "--now", "--wait=false")


def token_of(spec):
    """What the pod's token is for, and for how many seconds."""
    (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "aws-iam-token"]
    (source,) = volume["projected"]["sources"]
    return source["serviceAccountToken"]["audience"], source["serviceAccountToken"]["expirationSeconds"]


def variables(spec):
    return {variable["name"]: variable["value"] for variable in spec["containers"][0]["env"]}


def role(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def test_the_service_account_has_them_in_the_cluster(stack, pods):
    """Each that was given, as the webhook spells it, and none that was not."""

    def annotations(account):
        shown = pods.kubectl("get", "serviceaccount", account, "-o", "json")
        found = json.loads(shown)["metadata"]["annotations"]
        return {key.removeprefix(f"{DOMAIN}/"): text for key, text in found.items() if key.startswith(DOMAIN)}

    own = {"role-arn": role("own"), "audience": OWN, "sts-regional-endpoints": "false", "token-expiration": "7200"}
    assert annotations("own") == own
    assert annotations("usual") == {"role-arn": role("usual"), "sts-regional-endpoints": "true"}


def test_the_pods_token_and_variables_follow_them(stack, admitted):
    """Audience and lifetime of the projected token, and whether the SDKs ask STS in the cluster's region."""
    own, usual = admitted("own"), admitted("usual")
    assert token_of(own) == (OWN, 7200)
    assert token_of(usual) == (USUAL, 86400)
    assert "AWS_STS_REGIONAL_ENDPOINTS" not in variables(own)
    assert variables(usual)["AWS_STS_REGIONAL_ENDPOINTS"] == "regional"


def test_a_pod_has_its_role_by_an_audience_of_its_own(stack, pods):
    """Webhook, token, provider and trust policy agree on the audience that was declared once."""
    assert ":assumed-role/own/" in pods.who("own", "own")
    assert ":assumed-role/usual/" in pods.who("usual", "usual")


def test_a_role_takes_tokens_of_its_audience_alone(stack, pods):
    """Those of the other audience are refused by the trust policy, though the provider trusts both."""
    own, usual = pods.token("own", OWN), pods.token("own", USUAL)
    assert [pods.assume(role("own"), own), pods.assume(role("own"), usual)] == ["works", "AccessDenied"]
    assert [pods.assume(role("own-shared"), own), pods.assume(role("own-shared"), usual)] == ["works", "AccessDenied"]
    assert [pods.assume(role("usual-shared"), own), pods.assume(role("usual-shared"), usual)] == [
        "AccessDenied",
        "works",
    ]


def test_an_audience_that_the_provider_does_not_trust_is_none(stack, pods):
    """STS refuses the token itself, whatever the trust policy says; taken out of the provider, the own one too."""
    assert pods.assume(role("unknown-shared"), pods.token("own", "nobody.test")) == "InvalidIdentityToken"
    assert pods.assume(role("own"), pods.token("own", OWN)) == "works"
    assert stack.steps({**SAID, "trusted": [USUAL]}) == [("update", "OpenIdConnectProvider")]
    assert pods.assume(role("own"), pods.token("own", OWN)) == "InvalidIdentityToken"
