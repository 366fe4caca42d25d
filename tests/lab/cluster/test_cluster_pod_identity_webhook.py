"""The EKS Pod Identity webhook of a cluster: pods created with kubectl, and their tokens."""

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
def apply_pod(cluster):
    """Return a function that creates a pod and returns the stored object. The pod is deleted after the test."""
    names = []

    def apply(pod):
        cluster.apply(pod)
        names.append(pod["metadata"]["name"])
        return cluster.get("pod", names[-1])

    yield apply
    cluster.run("delete", "pod", "--now", *names)
    cluster.apply_identity()


def read_injected_values(pod):
    """Return the variables of the container and the names of the injected volumes."""
    env = {variable["name"]: variable.get("value") for variable in pod["spec"]["containers"][0].get("env", [])}
    return env, [
        volume["name"] for volume in pod["spec"]["volumes"] if not volume["name"].startswith("kube-api-access")
    ]


def test_irsa_annotation_adds_web_identity_to_new_pods(cluster, apply_pod):
    """Also if the service account was created just before; init containers included."""
    cluster.apply(service_account("irsa", IRSA), pod("irsa", "irsa"))
    stored = apply_pod(pod("irsa", "irsa"))
    env, volumes = read_injected_values(stored)
    assert (env["AWS_ROLE_ARN"], volumes) == (ROLE, ["aws-iam-token"])
    assert env["AWS_REGION"] == cluster.control_plane.key.region
    init = stored["spec"]["initContainers"][0]
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in {variable["name"] for variable in init["env"]}
    assert "aws-iam-token" in {mount["name"] for mount in init["volumeMounts"]}


def test_pod_identity_association_adds_agent_credentials_to_new_pods(cluster, apply_pod):
    """The annotation of the same service account is ignored, and other namespaces are not affected."""
    cluster.apply(service_account("both", IRSA), service_account("plain"))
    cluster.apply_identity(
        associations=(association("both"), PodIdentityAssociation("a-2", "kube-system", "plain", ROLE))
    )
    env, volumes = read_injected_values(apply_pod(pod("both", "both")))
    assert env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://169.254.170.23/v1/credentials"
    assert "AWS_ROLE_ARN" not in env
    assert volumes == ["eks-pod-identity-token"]
    assert read_injected_values(apply_pod(pod("plain", "plain"))) == ({}, [])


def test_new_annotation_does_not_change_existing_pods(cluster, apply_pod):
    """The webhook acts only when a pod is created."""
    cluster.apply(service_account("late"))
    before = apply_pod(pod("late", "late"))
    cluster.apply(service_account("late", IRSA))
    assert read_injected_values(cluster.get("pod", "late")) == read_injected_values(before) == ({}, [])
    assert "AWS_ROLE_ARN" in read_injected_values(apply_pod(pod("later", "late")))[0]


def test_skip_webhook_label_excludes_pod(cluster, apply_pod):
    """The webhook's registration excludes pods with the label."""
    cluster.apply(service_account("out", IRSA))
    label = {"eks.amazonaws.com/skip-pod-identity-webhook": "true"}
    assert read_injected_values(apply_pod(pod("out", "out", label))) == ({}, [])


def test_service_account_token_matches_issuer_and_jwks(cluster, apply_pod):
    """A token bound to a pod is valid for the published keys and EKS's issuer, until the pod is deleted."""
    cluster.apply(service_account("reader"))
    stored = apply_pod(pod("reader", "reader"))
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


def test_webhook_registration_equals_eks(cluster):
    """The webhook has EKS's name and operations, and cannot block a pod."""
    webhook = cluster.get("mutatingwebhookconfiguration", "pod-identity-webhook")["webhooks"][0]
    assert webhook["failurePolicy"] == "Ignore"
    assert json.dumps(webhook["rules"][0]["operations"]) == '["CREATE"]'
