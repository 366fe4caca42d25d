"""Fixtures of an API server without EKS: etcd and kube-apiserver, for the library's own calls to Kubernetes."""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.resources.core_v1 import ConfigMap, Namespace
from lightkube.resources.rbac_authorization_v1 import ClusterRoleBinding
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from lab.cluster import die_with_parent
from lab.interfaces import Programs
from lab.pki import CertificateAuthority, write_secret
from support.lone_authenticator import LoneAuthenticator, lone_authenticator


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
            f"--authentication-token-webhook-config-file={_token_reviews(stack, folder)}",
            "--authentication-token-webhook-version=v1",
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
def kubeconfig_of(api_server: str) -> Callable[..., str]:
    """Return kubeconfigs of IAM principals with the identity that EKS's authenticator would return."""

    def kubeconfig(arn: str, *groups: str) -> str:
        document = json.loads(api_server)
        document["users"][0]["user"]["token"] = _token(arn, groups)
        return json.dumps(document)

    return kubeconfig


@pytest.fixture
def client(api_server: str) -> Iterator[Client]:
    """The administrator's client, on a cluster without ConfigMap aws-auth."""
    with _client_without_aws_auth(api_server) as client:
        yield client


@pytest.fixture(scope="module")
def client_of_module(api_server: str) -> Iterator[Client]:
    """One such client for all tests of a module, which share ConfigMap aws-auth."""
    with _client_without_aws_auth(api_server) as client:
        yield client


@contextmanager
def _client_without_aws_auth(api_server: str) -> Iterator[Client]:
    with _client(json.loads(api_server)) as client:
        try:
            client.delete(ConfigMap, "aws-auth", namespace="kube-system")
        except ApiError as error:
            assert error.status.code == 404  # noqa: PT017 - deleting nothing is fine, anything else is not
        yield client


def _token(arn: str, groups: tuple[str, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps([arn, groups]).encode()).decode().rstrip("=")


class _TokenReviews(BaseHTTPRequestHandler):
    """Responds to token reviews as aws-iam-authenticator does, with the principal that is encoded in the token."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            arn, groups = json.loads(base64.urlsafe_b64decode(review["spec"]["token"] + "=="))
            user = {"username": "principal", "groups": groups, "extra": {"canonicalArn": [arn]}}
            review["status"] = {"authenticated": True, "user": user}
        except ValueError:
            review["status"] = {"authenticated": False}
        response = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(response)))
        self.end_headers()
        self.wfile.write(response)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def _token_reviews(stack: ExitStack, folder: Path) -> Path:
    server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), _TokenReviews))
    Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.shutdown)
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "reviews", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "reviews", "context": {"cluster": "reviews", "user": "api-server"}}],
        "current-context": "reviews",
        "users": [{"name": "api-server", "user": {}}],
    }
    return write_secret(folder / "token-reviews.json", json.dumps(kubeconfig))


@retry(retry=retry_if_exception_type(Exception), wait=wait_fixed(0.1), stop=stop_after_delay(120), reraise=True)
def _ready(client: Client) -> None:
    """Wait for the namespace and the binding that the API server creates some time after it responds."""
    client.get(Namespace, "kube-system")
    client.get(ClusterRoleBinding, "cluster-admin")


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
    command = (sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid()), *command)
    process = stack.enter_context(subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT))
    stack.callback(process.kill)


@pytest.fixture(scope="module")
def authenticator(
    programs: Programs, api_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LoneAuthenticator]:
    """aws-iam-authenticator for that API server, with a simulated STS."""
    with lone_authenticator(programs, api_server, tmp_path_factory.mktemp("authenticator")) as authenticator:
        yield authenticator
