"""Environment, volumes and tokens of a container."""

from datetime import UTC, datetime

import jwt
import pytest

from lab.cluster.node import Timing
from lab.cluster.node.environment import expand
from lab.cluster.node.volumes import MountTable
from lab.interfaces import NodeGroup

ROLE = "arn:aws:iam::123456789012:role/n"


@pytest.mark.usefixtures("node")
def test_variables_of_the_pod_spec(namespace):
    """Plain values, references, fields, Secrets and ConfigMaps become variables of the container."""
    namespace.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s"},
            "stringData": {"password": "tiger", "A": "1"},
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"B": "2"}},
    )
    env = [
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}},
        {"name": "B2", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "B"}}},
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "s", "key": "none", "optional": True}}},
        {"name": "ALL", "value": "$(NAME) $(PASSWORD) $(UNKNOWN) $$(NAME)"},
    ]
    sources = [{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "c"}, "prefix": "FROM_"}]
    script = 'echo "$PASSWORD|$B2|$NAME|${NONE-unset}|$ALL|$A|$FROM_B"'
    output = namespace.shell("declares", script, env=env, envFrom=sources)
    assert output == "tiger|2|declares|unset|declares tiger $(UNKNOWN) $(NAME)|1|2\n"


@pytest.mark.usefixtures("node")
def test_container_has_no_variables_of_the_lab(namespace, monkeypatch):
    """No variable of the lab's own process reaches a pod, and its HOME is its own empty folder."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("KUBECONFIG", "/home/somebody/.kube/config")
    lines = namespace.shell("clean", "env; echo --; ls -A; pwd").splitlines()
    names = {line.split("=")[0] for line in lines[: lines.index("--")]}
    assert names == {
        "AWS_CA_BUNDLE",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_REGION",
        "CURL_CA_BUNDLE",
        "HOME",
        "HOSTNAME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
        "KUBERNETES_SERVICE_PORT_HTTPS",
        "NODE_EXTRA_CA_CERTS",
        "NODE_OPTIONS",
        "NO_PROXY",
        "PATH",
        "PWD",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
        "TMPDIR",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    }
    home = next(line for line in lines if line.startswith("HOME=")).removeprefix("HOME=")
    assert lines[lines.index("--") + 1 :] == [home]


@pytest.mark.usefixtures("node")
def test_container_waits_for_missing_secret(namespace):
    """The reason is CreateContainerConfigError, and the container starts when the Secret is created."""
    env = [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "late", "key": "x"}}}]
    namespace.run("waits", command=["printenv", "X"], env=env, restartPolicy="Never")
    namespace.wait("waits", "{.status.containerStatuses[0].state.waiting.message}", 'secret "late" not found')
    reason = namespace.pod("waits")["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
    assert reason == "CreateContainerConfigError"
    namespace.kubectl("create", "secret", "generic", "late", "--from-literal=x=here")
    namespace.wait("waits", "{.status.phase}", "Succeeded")
    assert namespace.kubectl("logs", "waits") == "here\n"


@pytest.mark.usefixtures("node")
def test_volumes_are_files_at_their_mount_paths(namespace):
    """Secrets, ConfigMaps and downward API fields are files at the mount paths of the pod spec."""
    namespace.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"key": "secret"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "A", "b": "B"}},
    )
    downward = [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]
    items = [{"key": "b", "path": "deep/b.txt"}]
    volumes = [
        {"name": "s", "secret": {"secretName": "s"}},
        {"name": "c", "configMap": {"name": "c", "items": items}},
        {"name": "all", "projected": {"sources": [{"configMap": {"name": "c"}}, {"downwardAPI": {"items": downward}}]}},
    ]
    mounts = [{"name": name, "mountPath": f"/etc/{name}"} for name in ("s", "c", "all")]
    script = "cat /etc/s/key /etc/c/deep/b.txt /etc/all/a $WHERE/name; ls /etc/c"
    env = [{"name": "WHERE", "value": "/etc/all"}]
    output = namespace.shell("mounts", script, env=env, volumes=volumes, volumeMounts=mounts)
    assert output == "secretBAmountsdeep\n"
    assert namespace.pod("mounts")["spec"]["containers"][0]["env"] == env


@pytest.mark.usefixtures("node")
def test_unsupported_volume_keeps_pod_pending(namespace):
    """An event of the pod has the reason."""
    namespace.run("disk", volumes=[{"name": "host", "hostPath": {"path": "/"}}])
    namespace.eventually(lambda: namespace.assert_event("disk", "FailedMount", 'volume "host"'))
    assert namespace.pod("disk")["status"]["phase"] == "Pending"


def token_volume(**options):
    source = {"serviceAccountToken": {"path": "token", "audience": "sts.amazonaws.com", **options}}
    return {
        "volumes": [{"name": "aws-iam-token", "projected": {"sources": [source]}}],
        "volumeMounts": [{"name": "aws-iam-token", "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount"}],
    }


@pytest.mark.usefixtures("node")
def test_projected_token_is_bound_to_the_pod(namespace):
    """The token has the service account, the audience and the lifetime of the projection."""
    path = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
    spec = token_volume(expirationSeconds=900)
    token = namespace.shell("holder", 'cat "$FILE"', env=[{"name": "FILE", "value": path}], **spec)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["aud"] == ["sts.amazonaws.com"]
    assert claims["sub"] == f"system:serviceaccount:{namespace.name}:default"
    assert claims["exp"] - claims["iat"] == 900
    assert claims["kubernetes.io"]["pod"]["uid"] == namespace.pod("holder")["metadata"]["uid"]


def test_projected_token_is_renewed(namespace, add_node):
    """The token is replaced in the same file before it expires."""
    add_node(timing=Timing(token_renewal=0.001), group=NodeGroup("hasty", ROLE, labels={"hasty": "yes"}))
    file = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
    script = f't=$(cat {file}); while [ "$t" = "$(cat {file})" ]; do sleep 0.1; done; echo $t; cat {file}'
    spec = token_volume(expirationSeconds=600)
    first, second = namespace.shell("renews", script, nodeSelector={"hasty": "yes"}, **spec).split()
    issued = [jwt.decode(token, options={"verify_signature": False})["iat"] for token in (first, second)]
    assert first != second
    assert issued[0] <= issued[1] <= datetime.now(UTC).timestamp()


def test_variable_references_are_expanded():
    """References are replaced as Kubernetes documents it."""
    values = {"A": "1", "B": "$(A)"}
    assert expand("$(A)-$(B)-$(C)-$$(A)-$A-$", values) == "1-$(A)-$(C)-$(A)-$A-$"


def test_only_whole_mount_paths_are_replaced(tmp_path):
    """The longest mount path is replaced first, never a part of another path."""
    table = MountTable({"/data": tmp_path / "d", "/data/in": tmp_path / "i", "/x/": tmp_path / "x"})
    text = "/data/in/a:/data/b file:///data /database /my/data-old /srv/data /x /data.txt"
    real = table.rewrite(text)
    i, d, x = tmp_path / "i", tmp_path / "d", tmp_path / "x"
    assert real == f"{i}/a:{d}/b file://{d} /database /my/data-old /srv/data {x} /data.txt"


def test_pod_spec_keeps_mount_paths(namespace, node):
    """Real paths are used only in the process; the stored pod spec is unchanged."""
    script = "echo /var/run/secrets/eks.amazonaws.com/serviceaccount/token"
    output = namespace.shell("shows", script, **token_volume())
    assert output != "/var/run/secrets/eks.amazonaws.com/serviceaccount/token\n"
    assert output.endswith("/volumes/aws-iam-token/token\n")
    assert namespace.pod("shows")["spec"]["containers"][0]["command"] == ["sh", "-c", script]
    assert namespace.pod("shows")["spec"]["nodeName"] == node.name


@pytest.mark.usefixtures("node")
def test_kubectl_in_a_pod_uses_the_service_account(namespace):
    """kubectl in a pod authenticates as the pod's service account."""
    namespace.run("asks", image="registry.k8s.io/kubectl:v1.37.2", args=["auth", "whoami"], restartPolicy="Never")
    namespace.wait("asks", "{.status.phase}", "Succeeded")
    assert f"system:serviceaccount:{namespace.name}:default" in namespace.kubectl("logs", "asks")
