"""Kubernetes manifests as objects of the graph: what decides an AWS identity is kept, and no secret."""

import pytest

from eks_access.sources import manifests
from eks_access.sources.manifests import IDENTITY_VARIABLES

SECRET = "Zm9yLXRlc3Rz"


def pod(**spec):
    containers = [{"name": "main", "env": spec.pop("env", [])}]
    return {"metadata": {"namespace": "default", "name": "app"}, "spec": {"containers": containers, **spec}}


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_SECURITY_TOKEN"]
)
def test_pod_has_no_value_of_a_secret_variable(name):
    """Variables with secrets are left out, whether or not the pod has static keys."""
    found = manifests.pod(pod(env=[{"name": name, "value": SECRET}]))
    assert found.containers[0].environment == {}


@pytest.mark.parametrize("source", [{"value": SECRET}, {"valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}])
def test_pod_says_that_a_static_access_key_is_set(source):
    """A static access key is named, because it overrides other identities, and its value is left out."""
    found = manifests.pod(pod(env=[{"name": "AWS_ACCESS_KEY_ID", **source}]))
    assert found.containers[0].environment == {"AWS_ACCESS_KEY_ID": "set"}


def test_pod_has_variables_that_decide_its_identity():
    """Role, token file, container credentials and region are kept; other variables are not."""
    names = [*IDENTITY_VARIABLES, "PATH", "AWS_X"]
    found = manifests.pod(pod(env=[{"name": name, "value": "v"} for name in names]))
    assert found.containers[0].environment == dict.fromkeys(IDENTITY_VARIABLES, "v")


def test_annotations_are_those_of_eks_and_those_that_mean_to_be():
    """Annotations of EKS are kept, also misspelt ones. kubectl's copy of the manifest is not: it repeats secrets."""
    of_eks = {
        "eks.amazonaws.com/role-arn": "x",
        "eks.amazonaws.com/sts-regional-endpoints": "true",
        "eks.amazon.com/role": "x",
        "eks.aws/role-arn": "x",
        "iam/role": "arn:aws:iam::111111111111:role/app",
    }
    others = {"kubectl.kubernetes.io/last-applied-configuration": f'{{"env": "{SECRET}"}}', "note": SECRET}
    metadata = {"namespace": "default", "name": "app", "annotations": of_eks | others}
    assert manifests.service_account({"metadata": metadata}).annotations == of_eks
    assert manifests.pod({**pod(), "metadata": metadata}).annotations == of_eks


def test_pod_defaults_are_those_of_kubernetes():
    """A pod without a service account has `default`; the audience of a token without one is the API server's."""
    sources = [{"serviceAccountToken": {"path": "token"}}, {"serviceAccountToken": {"audience": "a"}}, {"secret": {}}]
    found = manifests.pod(pod(volumes=[{"projected": {"sources": sources}}, {"emptyDir": {}}]))
    assert (found.service_account, found.token_audiences, found.host_network) == ("default", ("a",), False)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"spec": {"providerID": "aws:///eu-west-1a/i-0123"}}, ("i-0123", False, "linux")),
        ({"spec": {}, "labels": {"eks.amazonaws.com/compute-type": "fargate"}}, ("", True, "linux")),
        ({"spec": {"providerID": "aws:///eu-west-1a/0123/fargate-ip-1"}}, ("", False, "linux")),
        ({"labels": {"kubernetes.io/os": "windows"}}, ("", False, "windows")),
    ],
    ids=["instance", "fargate", "no-instance", "windows"],
)
def test_node_has_instance_compute_type_and_operating_system(manifest, expected):
    """Instance, Fargate and operating system come from provider id and labels."""
    found = manifests.node({**manifest, "metadata": {"name": "n", "labels": manifest.get("labels")}})
    assert (found.instance_id, found.is_fargate, found.operating_system) == expected


def test_aws_auth_has_only_the_keys_of_the_authenticator():
    """Other keys of the ConfigMap are left out: nothing reads them, and they may contain anything."""
    found = manifests.aws_auth({"metadata": {"resourceVersion": "7"}, "data": {"mapRoles": "[]", "other": SECRET}})
    assert (found.data, found.resource_version) == ({"mapRoles": "[]"}, "7")
