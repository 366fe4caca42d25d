"""What the pod identity webhook does to pods that kubectl applies, and what their tokens are worth."""

import json

import jwt
import pytest

from lab.interfaces import PodIdentityAssociation

ROLE = "arn:aws:iam::123456789012:role/reader"
IRSA = {"eks.amazonaws.com/role-arn": ROLE}


def service_account(name, annotations=None):
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": "default", "annotations": annotations or {}},
    }


def pod(name, account, labels=None):
    main, init = ({"name": name, "image": "amazon/aws-cli"} for name in ("main", "init"))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": labels or {}},
        "spec": {
            "serviceAccountName": account,
            "containers": [main],
            "initContainers": [init],
        },
    }


def association(account):
    return PodIdentityAssociation("a-1", "default", account, ROLE)


@pytest.fixture
def applied(cluster):
    """Applies a pod and gives it back as it is stored; gone after the test."""
    names = []

    def apply(pod):
        cluster.apply(pod)
        names.append(pod["metadata"]["name"])
        return cluster.get("pod", names[-1])

    yield apply
    cluster.run("delete", "pod", "--now", *names)
    cluster.admit()


def injected(pod):
    """(variables of the container, names of the injected volumes)"""
    env = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0].get("env", [])}
    return env, [each["name"] for each in pod["spec"]["volumes"] if not each["name"].startswith("kube-api-access")]


def test_a_pod_of_an_annotated_account_gets_a_web_identity(cluster, applied):
    """Of an account made in the same breath, init container included."""
    cluster.apply(service_account("irsa", IRSA), pod("irsa", "irsa"))
    stored = applied(pod("irsa", "irsa"))
    env, volumes = injected(stored)
    assert (env["AWS_ROLE_ARN"], volumes) == (ROLE, ["aws-iam-token"])
    assert env["AWS_REGION"] == cluster.control_plane.key.region
    init = stored["spec"]["initContainers"][0]
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in {each["name"] for each in init["env"]}
    assert "aws-iam-token" in {each["name"] for each in init["volumeMounts"]}


def test_a_pod_of_an_associated_account_gets_pod_identity(cluster, applied):
    """The annotation of the same account counts no more, and another namespace's account is not meant."""
    cluster.apply(service_account("both", IRSA), service_account("plain"))
    cluster.admit(associations=(association("both"), PodIdentityAssociation("a-2", "kube-system", "plain", ROLE)))
    env, volumes = injected(applied(pod("both", "both")))
    assert env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://169.254.170.23/v1/credentials"
    assert "AWS_ROLE_ARN" not in env
    assert volumes == ["eks-pod-identity-token"]
    assert injected(applied(pod("plain", "plain"))) == ({}, [])


def test_a_change_does_nothing_to_pods_that_are_there(cluster, applied):
    """The webhook acts at creation only."""
    cluster.apply(service_account("late"))
    before = applied(pod("late", "late"))
    cluster.apply(service_account("late", IRSA))
    assert injected(cluster.get("pod", "late")) == injected(before) == ({}, [])
    assert "AWS_ROLE_ARN" in injected(applied(pod("later", "late")))[0]


def test_a_pod_can_opt_out(cluster, applied):
    """By the label that EKS's registration excludes."""
    cluster.apply(service_account("out", IRSA))
    label = {"eks.amazonaws.com/skip-pod-identity-webhook": "true"}
    assert injected(applied(pod("out", "out", label))) == ({}, [])


def test_the_cluster_vouches_for_its_service_accounts(cluster, applied):
    """A token for the pod checks out against the published keys, with EKS's issuer, until the pod is gone."""
    cluster.apply(service_account("reader"))
    stored = applied(pod("reader", "reader"))
    uid = stored["metadata"]["uid"]
    token = cluster.run(
        *("create", "token", "reader", "--audience=sts.amazonaws.com", "--duration=1h"),
        *("--bound-object-kind=Pod", "--bound-object-name=reader", f"--bound-object-uid={uid}"),
    ).output
    control_plane = cluster.control_plane
    keys = {key["kid"]: jwt.PyJWK(key) for key in control_plane.jwks()["keys"]}
    claims = jwt.decode(
        token,
        keys[jwt.get_unverified_header(token)["kid"]],
        algorithms=["RS256"],
        audience="sts.amazonaws.com",
        issuer=control_plane.issuer,
    )
    assert claims["sub"] == "system:serviceaccount:default:reader"
    assert claims["kubernetes.io"]["pod"] == {"name": "reader", "uid": uid}
    assert control_plane.pod_exists("default", "reader", uid)
    assert not control_plane.pod_exists("default", "reader", "another")
    cluster.run("delete", "pod", "reader", "--now")
    assert not control_plane.pod_exists("default", "reader", uid)


def test_the_registration_is_eks_own(cluster):
    """Anybody who looks for the webhook finds it under its name, unable to block a pod."""
    webhook = cluster.get("mutatingwebhookconfiguration", "pod-identity-webhook")["webhooks"][0]
    assert webhook["failurePolicy"] == "Ignore"
    assert json.dumps(webhook["rules"][0]["operations"]) == '["CREATE"]'
