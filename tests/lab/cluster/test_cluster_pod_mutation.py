"""The webhook's mutation against what EKS documents and what its source does, without a cluster."""

import copy

import pytest

from lab.cluster import pod_identity

ROLE = "arn:aws:iam::111122223333:role/reader"
IRSA = {"eks.amazonaws.com/role-arn": ROLE}
TOKEN_FILE = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"


def pod(*containers, annotations=None, **spec):
    containers = containers or ({"name": "main", "image": "x"},)
    return {"metadata": {"annotations": annotations or {}}, "spec": {"containers": list(containers), **spec}}


def mutated(pod, annotations=None, *, associated=False):
    """The pod after the patch, applied by the few operations that the webhook uses."""
    result = copy.deepcopy(pod)
    for step in pod_identity.mutate(pod, annotations or {}, associated=associated, region="ap-northeast-1"):
        assert step["op"] == "add"
        match step["path"].removeprefix("/spec/").split("/"):
            case [key]:
                result["spec"][key] = step["value"]
            case [key, "0"]:
                result["spec"][key].insert(0, step["value"])
            case path:
                pytest.fail(f"unexpected path {path}")
    return result["spec"]


def env(container):
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container.get("env", [])}


def test_irsa_gives_every_container_role_token_file_and_region():
    """The five variables, the mount and the projected volume are those that EKS documents."""
    spec = mutated(pod({"name": "a", "image": "x"}, {"name": "b", "image": "x"}), IRSA)
    for container in spec["containers"]:
        assert env(container) == {
            "AWS_STS_REGIONAL_ENDPOINTS": "regional",
            "AWS_DEFAULT_REGION": "ap-northeast-1",
            "AWS_REGION": "ap-northeast-1",
            "AWS_ROLE_ARN": ROLE,
            "AWS_WEB_IDENTITY_TOKEN_FILE": TOKEN_FILE,
        }
        assert container["volumeMounts"] == [
            {
                "name": "aws-iam-token",
                "readOnly": True,
                "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount",
            }
        ]
    token = {"audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token"}
    assert spec["volumes"] == [{"name": "aws-iam-token", "projected": {"sources": [{"serviceAccountToken": token}]}}]


def test_pod_identity_gives_every_container_endpoint_and_token_file():
    """An association gives EKS's own link-local endpoint and a token for the audience pods.eks.amazonaws.com."""
    spec = mutated(pod(), associated=True)
    token_file = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token"
    assert env(spec["containers"][0]) == {
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        "AWS_DEFAULT_REGION": "ap-northeast-1",
        "AWS_REGION": "ap-northeast-1",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token_file,
    }
    token = {"audience": "pods.eks.amazonaws.com", "expirationSeconds": 86400, "path": "eks-pod-identity-token"}
    assert spec["volumes"][0]["projected"]["sources"] == [{"serviceAccountToken": token}]


def test_an_association_wins_over_the_annotation():
    """With both, nothing of IRSA is injected."""
    spec = mutated(pod(), IRSA, associated=True)
    assert "AWS_ROLE_ARN" not in env(spec["containers"][0])
    assert [volume["name"] for volume in spec["volumes"]] == ["eks-pod-identity-token"]


@pytest.mark.parametrize("annotations", [{}, {"eks.amazonaws.com/role-arn": ""}, {"eks.amazonaws.com/audience": "x"}])
def test_a_pod_without_identity_stays_as_it_is(annotations):
    """No role, no patch."""
    assert pod_identity.mutate(pod(), annotations, associated=False, region="ap-northeast-1") == []


def test_init_containers_get_the_identity_too():
    """An init container runs under the same service account."""
    spec = mutated(pod(initContainers=[{"name": "init", "image": "x"}]), IRSA)
    assert env(spec["initContainers"][0])["AWS_ROLE_ARN"] == ROLE


def test_skipped_containers_stay_as_they_are():
    """The annotation is one CSV record of container names, init containers included."""
    annotations = {"eks.amazonaws.com/skip-containers": 'b,"init"'}
    containers = {"name": "a", "image": "x"}, {"name": "b", "image": "x"}
    spec = mutated(pod(*containers, annotations=annotations, initContainers=[{"name": "init", "image": "x"}]), IRSA)
    assert [bool(env(each)) for each in (*spec["containers"], *spec["initContainers"])] == [True, False, False]


@pytest.mark.parametrize(
    ("own", "absent"),
    [
        ({"AWS_ROLE_ARN": "mine"}, {"AWS_WEB_IDENTITY_TOKEN_FILE"}),
        ({"AWS_REGION": "eu-west-1"}, {"AWS_DEFAULT_REGION"}),
        ({"AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, set()),
        ({"PATH": "/bin"}, set()),
    ],
)
def test_variables_of_the_container_itself_are_kept(own, absent):
    """A pair of which one is set is left alone as a whole; the other variables are still added."""
    container = {"name": "main", "image": "x", "env": [{"name": name, "value": value} for name, value in own.items()]}
    result = env(mutated(pod(container), IRSA)["containers"][0])
    assert result.items() >= own.items()
    assert absent.isdisjoint(result)
    assert "AWS_ROLE_ARN" in result


def test_the_token_goes_before_other_volumes():
    """Volumes and mounts of the pod stay, in their order."""
    own = {"name": "data", "emptyDir": {}}
    container = {"name": "main", "image": "x", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    spec = mutated(pod(container, volumes=[own]), IRSA)
    assert [volume["name"] for volume in spec["volumes"]] == ["aws-iam-token", "data"]
    assert [mount["name"] for mount in spec["containers"][0]["volumeMounts"]] == ["data", "aws-iam-token"]


def test_a_second_call_changes_nothing():
    """The API server may call the webhook again for the same pod."""
    once = {"metadata": {}, "spec": mutated(pod(), IRSA)}
    assert pod_identity.mutate(once, IRSA, associated=False, region="ap-northeast-1") == []


@pytest.mark.parametrize(
    ("on_account", "on_pod", "seconds"),
    [
        (None, None, 86400),
        ("7200", None, 7200),
        ("7200", "10800", 10800),
        ("600", None, 3600),
        ("soon", None, 86400),
        ("7200", "soon", 7200),
    ],
)
def test_token_expiration_comes_from_pod_then_account_then_default(on_account, on_pod, seconds):
    """What is no number is passed over, and less than an hour is raised to it."""
    key = "eks.amazonaws.com/token-expiration"
    account = IRSA | ({key: on_account} if on_account else {})
    spec = mutated(pod(annotations={key: on_pod} if on_pod else {}), account)
    source = spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]
    assert source["expirationSeconds"] == seconds


def test_audience_and_regional_endpoints_come_from_the_account():
    """Both annotations of the service account are honoured."""
    annotations = IRSA | {"eks.amazonaws.com/audience": "vault", "eks.amazonaws.com/sts-regional-endpoints": "false"}
    spec = mutated(pod(), annotations)
    assert spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["audience"] == "vault"
    assert "AWS_STS_REGIONAL_ENDPOINTS" not in env(spec["containers"][0])


def test_windows_pods_get_a_windows_path():
    """The token file is named as Windows mounts it."""
    spec = mutated(pod(nodeSelector={"kubernetes.io/os": "windows"}), IRSA)
    expected = r"C:\var\run\secrets\eks.amazonaws.com\serviceaccount\token"
    assert env(spec["containers"][0])["AWS_WEB_IDENTITY_TOKEN_FILE"] == expected
