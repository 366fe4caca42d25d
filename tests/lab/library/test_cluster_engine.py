"""Cluster under the real engine: preview before creation, missing cluster, mode CONFIG_MAP, protection, destroy."""

from __future__ import annotations

import json
import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from lab.environment import process_environment
from lab.principals import client
from support.access_program import expect_error
from support.lab_project import FailedError, LabProject, write_project

PLANNED = Path(__file__).with_name("planned_cluster_program.py")
MISSING = 'import eks_identity as eks\neks.Cluster("shop", {"name": "not-there"})'
MAPPED = Path(__file__).with_name("mapped_cluster_program.py")


class Trap(BaseHTTPRequestHandler):
    """An API server that must get no request: it records those that it gets."""

    requests: list[str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        self.send_response(500)
        self.end_headers()

    do_POST = do_PATCH = do_GET  # noqa: N815 - the names of the base class

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def trap(tmp_path_factory):
    """The requests to the API server of the machine's default kubeconfig, and that kubeconfig."""
    handler = type("Handler", (Trap,), {"requests": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        kubeconfig = tmp_path_factory.mktemp("ambient") / "config"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "trap", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
            "contexts": [{"name": "trap", "context": {"cluster": "trap", "user": "none"}}],
            "current-context": "trap",
            "users": [{"name": "none", "user": {}}],
        }
        kubeconfig.write_text(json.dumps(document))
        yield handler.requests, kubeconfig
        server.shutdown()


@pytest.fixture(scope="module")
def project(running_lab, tools, trap, tmp_path_factory):
    """Return a function that writes a project whose default kubeconfig has the API server of `trap`."""
    folder = tmp_path_factory.mktemp("projects")

    def write(name, program, **config):
        project = LabProject(running_lab, tools, write_project(folder / name, name, program, **config))
        project.stack.workspace.env_vars["KUBECONFIG"] = str(trap[1])
        return project

    return write


def test_preview_before_creation_queries_no_cluster(project, trap, tools):
    """A preview of a new cluster plans its Kubernetes objects without a request to any API server."""
    requests, kubeconfig = trap
    events = []
    project("planned", PLANNED).stack.preview(on_event=events.append)
    planned = {event.resource_pre_event.metadata.type for event in events if event.resource_pre_event}
    assert "kubernetes:core/v1:Namespace" in planned
    assert requests == []
    subprocess.run(
        [tools.bin / "kubectl", "--kubeconfig", kubeconfig, "get", "namespaces"], capture_output=True, check=False
    )
    assert requests, "the trap records no request: this test proves nothing"


def test_missing_cluster_is_rejected_at_preview(project):
    """The error has the name and the region, and the command that lists the clusters, without a traceback."""
    error = expect_error(project("missing", MISSING).stack.preview)
    assert "name: 'not-there'" in error
    assert "a cluster in ap-northeast-1 that these credentials may describe" in error
    assert "aws eks list-clusters --region ap-northeast-1" in error


@pytest.fixture(scope="module")
def kubeconfig(project):
    """The kubeconfig of a protected cluster with authentication mode CONFIG_MAP."""
    return project("mapped", MAPPED, protect=True).stack.up().outputs["kubeconfig"].value


def test_nodes_join_a_config_map_cluster(running_lab, tools, kubeconfig, tmp_path):
    """In mode CONFIG_MAP the node role is mapped in aws-auth, and the node is Ready."""
    (tmp_path / "kubeconfig").write_text(kubeconfig)

    def kubectl(*arguments):
        environment = process_environment(running_lab, tools.bin, inherit=os.environ)
        command = ["kubectl", "--kubeconfig", str(tmp_path / "kubeconfig"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    data = json.loads(kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json"))["data"]
    entries = yaml.safe_load(data["mapRoles"])
    assert any(":role/mapped-node-" in entry["rolearn"] for entry in entries)
    assert " Ready " in kubectl("get", "nodes", "--no-headers")


def test_protected_cluster_is_not_destroyed(project, kubeconfig, running_lab):
    """A destroy of a protected cluster fails; without protection it deletes the Kubernetes objects and the cluster."""
    del kubeconfig
    with pytest.raises(FailedError):
        project("mapped", MAPPED, protect=True).pipeline("destroy")
    assert "mapped" in client(running_lab, "eks").list_clusters()["clusters"]
    stack = project("mapped", MAPPED, protect=False).stack
    stack.up()
    stack.destroy()
    assert "mapped" not in client(running_lab, "eks").list_clusters()["clusters"]
