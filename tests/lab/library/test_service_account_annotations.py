"""Service account annotations of EKS's webhook: in the cluster, in pods, and in tokens for STS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.scenarios.clients import LabClients
from support.workload_program import ACCOUNT, Pods, Stack

CLUSTER = "irsa"
CUSTOM_AUDIENCE = "vault.shop.test"
DEFAULT_AUDIENCE = "sts.amazonaws.com"
DOMAIN = "eks.amazonaws.com"
PROGRAM = Path(__file__).with_name("service_account_annotations_program.py")
SUBJECTS = [{"namespace": "default", "name": "own"}]
CONFIG = {
    "cluster": CLUSTER,
    "audiences": [DEFAULT_AUDIENCE, CUSTOM_AUDIENCE],
    "workloads": {
        "own": {"audience": CUSTOM_AUDIENCE, "sts_regional_endpoints": False, "token_expiration": 7200},
        "usual": {"sts_regional_endpoints": True},
    },
    "roles": {
        "own-shared": {"subjects": SUBJECTS, "audience": CUSTOM_AUDIENCE},
        "usual-shared": {"subjects": SUBJECTS},
        "unknown-shared": {"subjects": SUBJECTS, "audience": "unknown.test"},
    },
}


@pytest.fixture(scope="module")
def pods(running_lab, tools):
    return Pods(LabClients(running_lab, tools.bin), CLUSTER)


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    stack.up(CONFIG)
    yield stack
    stack.stack.destroy()


@pytest.fixture
def admit_pod(pods):
    """Return a function that creates a pod and returns its spec after the webhook; the pods are deleted at the end."""
    names = []

    def admit(account):
        container = {"name": "aws", "image": "amazon/aws-cli", "args": ["sts", "get-caller-identity"]}
        spec = {"serviceAccountName": account, "restartPolicy": "Never", "containers": [container]}
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"admitted-{account}"}, "spec": spec}
        names.append(document["metadata"]["name"])
        created = pods.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(document))
        return json.loads(created)["spec"]

    yield admit
    for name in names:
        pods.kubectl("delete", "pod", name, "--now", "--wait=false")


def token_of(spec):
    """Return audience and lifetime in seconds of the pod's token."""
    (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "aws-iam-token"]
    (source,) = volume["projected"]["sources"]
    return source["serviceAccountToken"]["audience"], source["serviceAccountToken"]["expirationSeconds"]


def variables(spec):
    return {variable["name"]: variable["value"] for variable in spec["containers"][0]["env"]}


def role(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def test_service_account_has_the_annotations(stack, pods):
    """The service account has an annotation for each option that is set, and no other annotations of EKS."""

    def annotations(account):
        metadata = json.loads(pods.kubectl("get", "serviceaccount", account, "-o", "json"))["metadata"]
        items = metadata["annotations"].items()
        return {key.removeprefix(f"{DOMAIN}/"): text for key, text in items if key.startswith(DOMAIN)}

    own = {
        "role-arn": role("own"),
        "audience": CUSTOM_AUDIENCE,
        "sts-regional-endpoints": "false",
        "token-expiration": "7200",
    }
    assert annotations("own") == own
    assert annotations("usual") == {"role-arn": role("usual"), "sts-regional-endpoints": "true"}


def test_pod_token_and_variables_follow_the_annotations(stack, admit_pod):
    """The annotations set audience and lifetime of the projected token, and the SDKs' STS endpoint."""
    own, usual = admit_pod("own"), admit_pod("usual")
    assert token_of(own) == (CUSTOM_AUDIENCE, 7200)
    assert token_of(usual) == (DEFAULT_AUDIENCE, 86400)
    assert "AWS_STS_REGIONAL_ENDPOINTS" not in variables(own)
    assert variables(usual)["AWS_STS_REGIONAL_ENDPOINTS"] == "regional"


def test_pod_assumes_its_role_with_a_custom_audience(stack, pods):
    """Webhook, token, OIDC provider and trust policy have the audience of the workload."""
    assert ":assumed-role/own/" in pods.caller_arn("own", "own")
    assert ":assumed-role/usual/" in pods.caller_arn("usual", "usual")


def test_role_accepts_tokens_of_its_audience_only(stack, pods):
    """The trust policy denies tokens of another audience, even if the OIDC provider has both."""
    own, usual = pods.token("own", CUSTOM_AUDIENCE), pods.token("own", DEFAULT_AUDIENCE)
    assert [pods.assume(role("own"), own), pods.assume(role("own"), usual)] == ["works", "AccessDenied"]
    assert [pods.assume(role("own-shared"), own), pods.assume(role("own-shared"), usual)] == ["works", "AccessDenied"]
    assert [pods.assume(role("usual-shared"), own), pods.assume(role("usual-shared"), usual)] == [
        "AccessDenied",
        "works",
    ]


def test_audience_missing_in_the_oidc_provider_is_rejected(stack, pods):
    """STS rejects the token before the trust policy; after the removal of an audience its tokens are rejected too."""
    assert pods.assume(role("unknown-shared"), pods.token("own", "unknown.test")) == "InvalidIdentityToken"
    assert pods.assume(role("own"), pods.token("own", CUSTOM_AUDIENCE)) == "works"
    assert stack.steps({**CONFIG, "audiences": [DEFAULT_AUDIENCE]}) == [("update", "OpenIdConnectProvider")]
    assert pods.assume(role("own"), pods.token("own", CUSTOM_AUDIENCE)) == "InvalidIdentityToken"
