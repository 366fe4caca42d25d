"""A bare API server, for what the library does with Kubernetes itself: etcd and kube-apiserver, nothing of EKS."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.resources.core_v1 import ConfigMap, Namespace
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from lab.contract import Programs
from lab.pki import CertificateAuthority, write_secret


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def api_server(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The kubeconfig of an API server's administrator, as JSON."""
    folder = tmp_path_factory.mktemp("api-server")
    authority = CertificateAuthority(folder / "pki")
    serving = authority.issue("server", "127.0.0.1", "localhost")
    signing = authority.issue("service-accounts", "service-accounts")
    client_port, peer_port, port = _free_port(), _free_port(), _free_port()
    token = secrets.token_hex(16)
    tokens = write_secret(folder / "tokens.csv", f'{token},admin,admin,"system:masters"\n')
    with ExitStack() as stack:
        _run(
            stack,
            folder / "etcd.log",
            programs.etcd,
            f"--data-dir={folder / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls=http://127.0.0.1:{client_port}",
            f"--advertise-client-urls=http://127.0.0.1:{client_port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-cluster=default=http://127.0.0.1:{peer_port}",
        )
        _run(
            stack,
            folder / "kube-apiserver.log",
            programs.kube_apiserver,
            f"--etcd-servers=http://127.0.0.1:{client_port}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--anonymous-auth=false",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={signing.key}",
            f"--service-account-signing-key-file={signing.key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            "--disable-admission-plugins=ServiceAccount",
        )
        kubeconfig = _kubeconfig(port, authority.pem, token)
        with _client(kubeconfig) as client:
            _ready(client)
        yield json.dumps(kubeconfig)


@pytest.fixture
def client(api_server: str) -> Iterator[Client]:
    """The administrator's client, on a cluster that has no aws-auth yet."""
    with _client(json.loads(api_server)) as client:
        try:
            client.delete(ConfigMap, "aws-auth", namespace="kube-system")
        except ApiError as error:
            assert error.status.code == 404  # noqa: PT017 - deleting nothing is fine, anything else is not
        yield client


@retry(retry=retry_if_exception_type(Exception), wait=wait_fixed(0.1), stop=stop_after_delay(120), reraise=True)
def _ready(client: Client) -> None:
    client.get(Namespace, "kube-system")


def _client(kubeconfig: dict[str, Any]) -> Client:
    return Client(config=KubeConfig.from_dict(kubeconfig), trust_env=False)


def _kubeconfig(port: int, ca: str, token: str) -> dict[str, Any]:
    server = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority-data": base64.b64encode(ca.encode()).decode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bare", "cluster": server}],
        "contexts": [{"name": "bare", "context": {"cluster": "bare", "user": "admin"}}],
        "current-context": "bare",
        "users": [{"name": "admin", "user": {"token": token}}],
    }


def _run(stack: ExitStack, log: Path, *command: str) -> None:
    output = stack.enter_context(log.open("w"))
    process = stack.enter_context(subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT))
    stack.callback(process.kill)
