"""Fixtures of the lab's kubernetes plugin: an API server, and the engine with the plugin."""

import asyncio
import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx2
import lightkube
import pytest
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace

from lab.cluster import controllers, etcd
from lab.cluster.api_server import SigningKeys
from lab.cluster.processes import Process
from lab.interfaces import clean_environment
from lab.pki import CertificateAuthority
from support.direct_plugin import DirectPlugin
from support.kubernetes_engine import Stack
from support.plugin_kubeconfigs import kubeconfig_of


@dataclass(frozen=True)
class ApiServer:
    """A running control plane and its administrator's credentials."""

    url: str
    kubeconfig: str
    kubeconfig_file: Path
    authority: CertificateAuthority
    client: lightkube.Client
    """The administrator's client, which reads the cluster and changes it outside Pulumi."""


@pytest.fixture(scope="session")
def api_server(programs, tmp_path_factory) -> Iterator[ApiServer]:
    folder = tmp_path_factory.mktemp("control-plane")
    authority = CertificateAuthority(folder / "pki")
    serving = authority.issue("kube-apiserver", "127.0.0.1", "localhost")
    admin = authority.issue("admin", "admin", organization="system:masters")
    signing = SigningKeys.generate(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"https://127.0.0.1:{port}"
    kubeconfig = kubeconfig_of(
        url, authority.file, {"client-certificate": str(admin.certificate), "client-key": str(admin.key)}
    )
    file = folder / "kubeconfig"
    file.write_text(kubeconfig)
    client = lightkube.Client(config=KubeConfig.from_file(file), field_manager="somebody-else")
    processes = [etcd.start(programs.etcd, folder, folder)]
    try:
        processes.append(
            Process(
                "kube-apiserver",
                (
                    programs.kube_apiserver,
                    f"--etcd-servers={etcd.CLIENT_URL}",
                    "--bind-address=127.0.0.1",
                    "--advertise-address=127.0.0.1",
                    f"--secure-port={port}",
                    f"--tls-cert-file={serving.certificate}",
                    f"--tls-private-key-file={serving.key}",
                    f"--client-ca-file={authority.file}",
                    "--authorization-mode=RBAC",
                    "--service-account-issuer=https://kubernetes.default.svc",
                    f"--service-account-key-file={signing.public}",
                    f"--service-account-signing-key-file={signing.private}",
                    "--service-cluster-ip-range=10.100.0.0/16",
                    "--endpoint-reconciler-type=none",
                ),
                log=folder / "kube-apiserver.log",
                folder=folder,
                environment={},
            ),
        )
        processes[-1].wait_until(lambda: is_ready(client), what="ready", timeout=90)
        processes.append(controllers.start(programs.kube_controller_manager, file, authority.file, folder, folder))
        controllers.wait_ready(processes[-1], client)
        yield ApiServer(url, kubeconfig, file, authority, client)
    finally:
        client.close()
        for process in reversed(processes):
            process.kill()


def is_ready(client: lightkube.Client) -> bool:
    try:
        client.get(Namespace, "default")
    except (httpx2.TransportError, ApiError):
        return False
    return True


@pytest.fixture(scope="session")
def cluster(api_server) -> lightkube.Client:
    """A client of the cluster that the plugin does not use."""
    return api_server.client


@pytest.fixture(scope="session")
def engine_environment(pulumi_home) -> dict[str, str]:
    """The environment of the engine, without the machine's own configuration."""
    return {
        **clean_environment(os.environ),
        "PULUMI_HOME": str(pulumi_home),
        "PULUMI_CONFIG_PASSPHRASE": "lab",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
        "KUBECONFIG": os.devnull,
    }


@pytest.fixture
def namespace(cluster) -> Iterator[str]:
    """A new namespace for the test."""
    name = cluster.create(Namespace(metadata=ObjectMeta(generateName="test-"))).metadata.name
    yield name
    cluster.delete(Namespace, name)


@pytest.fixture(scope="session")
def engine() -> Iterator[ProcessPoolExecutor]:
    """The process that runs the engine."""
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.fixture
def stack(engine, api_server, tmp_path, pulumi_home, engine_environment) -> Stack:
    """A stack on the cluster for previews, which need no destroy."""
    stack = Stack(engine, tmp_path, pulumi_home, engine_environment)
    stack.provider["kubeconfig"] = api_server.kubeconfig
    return stack


@pytest.fixture
def plugin(api_server) -> Iterator[DirectPlugin]:
    """The plugin on the cluster, without the engine."""
    with asyncio.Runner() as runner:
        plugin = DirectPlugin(runner, api_server.kubeconfig)
        yield plugin
        plugin.close()


@pytest.fixture
def missing(cluster) -> Callable:
    """Return a function that tests whether an object is missing in the cluster."""

    def missing(kind, name, namespace=None) -> bool:
        try:
            cluster.get(kind, name, namespace=namespace)
        except ApiError as error:
            return error.status.code == httpx2.codes.NOT_FOUND
        return False

    return missing
