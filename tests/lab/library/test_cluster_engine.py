"""Clusters under the real engine: planned before they are there, missing, in mode CONFIG_MAP alone, and taken down."""

from __future__ import annotations

import json
import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import yaml
from lab_program import refused
from lab_project import FailedError, LabProject, write_project

from lab.environment import process_environment
from lab.principals import client

HEAD = """
import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import eks_identity as eks
"""
PLANNED = """
cluster = eks.Cluster("planned", {"create": {"authentication_mode": "API_AND_CONFIG_MAP"}, "node_groups": {"main": {}}})
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
k8s.core.v1.Namespace("team", metadata={"name": "team"}, opts=pulumi.ResourceOptions(provider=cluster.provider))
user = aws.iam.User("user", name="planned-user")
for access_method in ("aws-auth", "access-entry"):
    eks.ClusterAccess(access_method, {
        "cluster": cluster.connection, "group": f"team-{access_method}", "access_method": access_method,
        "rbac_roles": [{"name": f"team-{access_method}", "rules": [{"resources": ["pods"], "verbs": ["get"]}]}],
        "principals": [{"arn": user.arn}],
    }, on_cluster)
"""
MISSING = 'eks.Cluster("shop", {"name": "not-there"})'
MAPPED = """
size = {"desired_size": 1, "min_size": 1, "max_size": 1}
cluster = eks.Cluster("mapped", {
    "name": "mapped", "create": {"authentication_mode": "CONFIG_MAP"},
    "node_groups": {"main": {"scaling_config": size}},
}, pulumi.ResourceOptions(protect=pulumi.Config().get_bool("protect") is True))
k8s.core.v1.Namespace("team", metadata={"name": "team"}, opts=pulumi.ResourceOptions(provider=cluster.provider))
pulumi.export("kubeconfig", cluster.kubeconfig)
"""


class Trap(BaseHTTPRequestHandler):
    """A cluster that must not be asked: it notes who does."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(500)
        self.end_headers()

    do_POST = do_PATCH = do_GET  # noqa: N815 - the names of the base class

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def trap(tmp_path_factory):
    """What was asked of the cluster that the machine's own kubeconfig leads to, and that kubeconfig."""
    handler = type("Handler", (Trap,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        kubeconfig = tmp_path_factory.mktemp("ambient") / "config"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "trap", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
            "contexts": [{"name": "trap", "context": {"cluster": "trap", "user": "nobody"}}],
            "current-context": "trap",
            "users": [{"name": "nobody", "user": {}}],
        }
        kubeconfig.write_text(json.dumps(document))
        yield handler.asked, kubeconfig
        server.shutdown()


@pytest.fixture(scope="module")
def project(running_lab, tools, trap, tmp_path_factory):
    """Writes a program, for the engine to run in a shell whose kubeconfig leads to the trap."""
    folder = tmp_path_factory.mktemp("projects")

    def write(name, program, **config):
        project = LabProject(running_lab, tools, write_project(folder / name, name, HEAD + program, **config))
        project.stack.workspace.env_vars["KUBECONFIG"] = str(trap[1])
        return project

    return write


def test_a_plan_asks_no_cluster(project, trap, tools):
    """Before the cluster is there, its Kubernetes objects are planned, and nobody's cluster hears of it."""
    asked, kubeconfig = trap
    events = []
    project("planned", PLANNED).stack.preview(on_event=events.append)
    planned = {event.resource_pre_event.metadata.type for event in events if event.resource_pre_event}
    assert "kubernetes:core/v1:Namespace" in planned
    assert asked == []
    subprocess.run(
        [tools.bin / "kubectl", "--kubeconfig", kubeconfig, "get", "namespaces"], capture_output=True, check=False
    )
    assert asked, "the trap hears nobody: this test proves nothing"


def test_a_missing_cluster_is_refused_in_words(project):
    """The preview says which cluster is not where, and how to see those that are, without a traceback."""
    told = refused(project("missing", MISSING).stack.preview)
    assert "name: 'not-there'" in told
    assert "a cluster in ap-northeast-1 that these credentials may describe" in told
    assert "aws eks list-clusters --region ap-northeast-1" in told


@pytest.fixture(scope="module")
def mapped(project):
    """A cluster that reads aws-auth alone, protected; its kubeconfig."""
    return project("mapped", MAPPED, protect=True).stack.up().outputs["kubeconfig"].value


def test_nodes_join_by_aws_auth_alone(running_lab, tools, mapped, tmp_path):
    """In mode CONFIG_MAP the cluster's node group is in aws-auth, and its node is Ready."""
    (tmp_path / "kubeconfig").write_text(mapped)

    def kubectl(*arguments):
        environment = process_environment(running_lab, tools.bin, inherit=os.environ)
        command = ["kubectl", "--kubeconfig", str(tmp_path / "kubeconfig"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    data = json.loads(kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json"))["data"]
    entries = yaml.safe_load(data["mapRoles"])
    assert any(":role/mapped-node-" in entry["rolearn"] for entry in entries)
    assert " Ready " in kubectl("get", "nodes", "--no-headers")


def test_protection_reaches_everything_and_ends_with_it(project, mapped, running_lab):
    """A protected cluster is not destroyed; without protection its Kubernetes objects go first, and all of it goes."""
    del mapped
    with pytest.raises(FailedError):
        project("mapped", MAPPED, protect=True).pipeline("destroy")
    assert "mapped" in client(running_lab, "eks").list_clusters()["clusters"]
    stack = project("mapped", MAPPED, protect=False).stack
    stack.up()
    stack.destroy()
    assert "mapped" not in client(running_lab, "eks").list_clusters()["clusters"]
