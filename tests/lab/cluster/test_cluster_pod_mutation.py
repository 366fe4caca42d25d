"""Pod mutation by the EKS Pod Identity webhook, as EKS documents it and as its source does it, without a cluster."""

import copy

import pytest

from lab.cluster import pod_identity

ROLE = "arn:aws:iam::111122223333:role/reader"
IRSA = {"eks.amazonaws.com/role-arn": ROLE}
TOKEN_FILE = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"


def pod(*containers, annotations=None, **spec):
    containers = containers or ({"name": "main", "image": "x"},)
    return {"metadata": {"annotations": annotations or {}}, "spec": {"containers": list(containers), **spec}}


def mutate_pod(pod, annotations=None, *, associated=False):
    """Return the pod's spec after the patch. Only the operations that the webhook uses are supported."""
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
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in container.get("env", [])}


def test_irsa_adds_role_token_file_and_region_to_each_container():
    """Five variables, the mount and the projected volume are added, as EKS documents."""
    spec = mutate_pod(pod({"name": "a", "image": "x"}, {"name": "b", "image": "x"}), IRSA)
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


def test_pod_identity_adds_endpoint_and_token_file_to_each_container():
    """An association adds EKS's link-local endpoint and a token for the audience pods.eks.amazonaws.com."""
    spec = mutate_pod(pod(), associated=True)
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


def test_pod_identity_association_wins_over_irsa_annotation():
    """If a service account has both, nothing of IRSA is added."""
    spec = mutate_pod(pod(), IRSA, associated=True)
    assert "AWS_ROLE_ARN" not in env(spec["containers"][0])
    assert [volume["name"] for volume in spec["volumes"]] == ["eks-pod-identity-token"]


@pytest.mark.parametrize("annotations", [{}, {"eks.amazonaws.com/role-arn": ""}, {"eks.amazonaws.com/audience": "x"}])
def test_pod_without_identity_is_not_patched(annotations):
    """Without a role there is no patch."""
    assert pod_identity.mutate(pod(), annotations, associated=False, region="ap-northeast-1") == []


def test_init_containers_get_the_identity():
    """An init container runs with the same service account."""
    spec = mutate_pod(pod(initContainers=[{"name": "init", "image": "x"}]), IRSA)
    assert env(spec["initContainers"][0])["AWS_ROLE_ARN"] == ROLE


def test_skip_containers_annotation_excludes_containers():
    """The annotation is one CSV record of container names, init containers included."""
    annotations = {"eks.amazonaws.com/skip-containers": 'b,"init"'}
    containers = {"name": "a", "image": "x"}, {"name": "b", "image": "x"}
    spec = mutate_pod(pod(*containers, annotations=annotations, initContainers=[{"name": "init", "image": "x"}]), IRSA)
    assert [bool(env(container)) for container in (*spec["containers"], *spec["initContainers"])] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("own", "absent"),
    [
        ({"AWS_ROLE_ARN": "mine"}, {"AWS_WEB_IDENTITY_TOKEN_FILE"}),
        ({"AWS_REGION": "eu-west-1"}, {"AWS_DEFAULT_REGION"}),
        ({"AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, set()),
        ({"PATH": "/bin"}, set()),
    ],
)
def test_variables_of_the_container_are_not_overwritten(own, absent):
    """A pair of variables is not added if the container sets one of them; the others are added."""
    container = {"name": "main", "image": "x", "env": [{"name": name, "value": value} for name, value in own.items()]}
    result = env(mutate_pod(pod(container), IRSA)["containers"][0])
    assert result.items() >= own.items()
    assert absent.isdisjoint(result)
    assert "AWS_ROLE_ARN" in result


def test_token_volume_comes_before_other_volumes():
    """Volumes and mounts of the pod stay in their order."""
    own = {"name": "data", "emptyDir": {}}
    container = {"name": "main", "image": "x", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    spec = mutate_pod(pod(container, volumes=[own]), IRSA)
    assert [volume["name"] for volume in spec["volumes"]] == ["aws-iam-token", "data"]
    assert [mount["name"] for mount in spec["containers"][0]["volumeMounts"]] == ["data", "aws-iam-token"]


def test_second_mutation_changes_nothing():
    """The API server can call the webhook again for the same pod."""
    mutated_pod = {"metadata": {}, "spec": mutate_pod(pod(), IRSA)}
    assert pod_identity.mutate(mutated_pod, IRSA, associated=False, region="ap-northeast-1") == []


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
def test_token_expiration_of_pod_wins_over_service_account_and_default(on_account, on_pod, seconds):
    """Non-numeric values are ignored, and values below one hour are raised to one hour."""
    key = "eks.amazonaws.com/token-expiration"
    account = IRSA | ({key: on_account} if on_account else {})
    spec = mutate_pod(pod(annotations={key: on_pod} if on_pod else {}), account)
    source = spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]
    assert source["expirationSeconds"] == seconds


def test_audience_and_regional_endpoints_come_from_service_account():
    """Both annotations of the service account are used."""
    annotations = IRSA | {"eks.amazonaws.com/audience": "vault", "eks.amazonaws.com/sts-regional-endpoints": "false"}
    spec = mutate_pod(pod(), annotations)
    assert spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["audience"] == "vault"
    assert "AWS_STS_REGIONAL_ENDPOINTS" not in env(spec["containers"][0])


def test_windows_pods_get_a_windows_token_path():
    """The path of the token file is in Windows format."""
    spec = mutate_pod(pod(nodeSelector={"kubernetes.io/os": "windows"}), IRSA)
    expected = r"C:\var\run\secrets\eks.amazonaws.com\serviceaccount\token"
    assert env(spec["containers"][0])["AWS_WEB_IDENTITY_TOKEN_FILE"] == expected
