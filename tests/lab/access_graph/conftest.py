"""A lab of its own for the tests of the live source, with one object of each kind, made by aws and kubectl."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import yaml
from botocore.httpsession import URLLib3Session

from eks_access import AccessGraph
from eks_access.sources.live import open_live
from lab.lab_dir import LabDir
from lab.principals import ADMINISTRATOR
from lab.scenarios.clients import LabClients
from lab.tools import Tools
from support.lab_chains.lab_access import LabAccess
from support.lab_chains.lab_shell import inside_lab
from support.lab_chains.score import Score

CLUSTER = "eks-clu"
ACCOUNT = "123456789012"
SECRET = "c2VjcmV0LW9mLWEtY29udGFpbmVy"
"""A value that must not appear in a graph."""


@dataclass
class LiveLab:
    """A lab, and the graphs of its cluster as principals see them."""

    clients: LabClients

    def aws(self, *arguments: str, principal: str = ADMINISTRATOR) -> Any:
        """Run `aws` and return its JSON output."""
        result = self.clients.aws(*arguments, "--output", "json", principal=principal)
        assert result.worked, result.stderr
        return json.loads(result.stdout) if result.stdout.strip() else None

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run `kubectl` as the cluster's operator and return its output."""
        result = self.clients.operate(CLUSTER, *arguments, stdin=stdin)
        assert result.worked, result.stderr
        return result.stdout

    def apply(self, *manifests: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def environment(self, principal: str = ADMINISTRATOR, **variables: str) -> AbstractContextManager[None]:
        """Give this process the environment of a program in the lab."""
        return inside_lab(self.clients, principal, **variables)

    def open(self, **arguments: Any) -> AccessGraph:
        """Return the graph of the cluster as the administrator reads it, with a kubeconfig of `update-kubeconfig`."""
        with self.environment():
            return open_live(**arguments)


@pytest.fixture(scope="session")
def live_lab(fresh_lab: Callable[[], AbstractContextManager[LabDir]], tools: Tools) -> Iterator[LiveLab]:
    with fresh_lab() as home:
        lab = LiveLab(LabClients(home, tools.bin))
        lab.clients.update_kubeconfig(CLUSTER, ADMINISTRATOR)
        _create_iam(lab)
        _create_in_eks(lab)
        _create_in_kubernetes(lab)
        yield lab


@pytest.fixture
def as_administrator(live_lab: LiveLab) -> Iterator[None]:
    """Give the test's process the environment of the lab's administrator, in which the graph reads."""
    with live_lab.environment():
        yield


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests of this process: AWS operations, and paths of the API server."""
    seen: list[str] = []
    send_aws, send_kubernetes = URLLib3Session.send, httpx2.Client.send

    def of_aws(self: Any, request: Any) -> Any:
        body = request.body.decode() if isinstance(request.body, bytes) else str(request.body or "")
        action = dict(part.partition("=")[::2] for part in body.split("&")).get("Action")
        seen.append(action or f"{request.method} {request.url.partition('.com')[2].partition('?')[0]}")
        return send_aws(self, request)

    def of_kubernetes(self: Any, request: Any, **options: Any) -> Any:
        seen.append(request.url.path)
        return send_kubernetes(self, request, **options)

    monkeypatch.setattr(URLLib3Session, "send", of_aws)
    monkeypatch.setattr(httpx2.Client, "send", of_kubernetes)
    return seen


def policy(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal: dict[str, str], *actions: str) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": list(actions)}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _create_iam(lab: LiveLab) -> None:
    iam = lambda *arguments: lab.aws("iam", *arguments)  # noqa: E731 - short lines below
    read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    iam("create-policy", "--policy-name", "buckets", "--policy-document", policy("s3:ListBucket"))
    local = f"arn:aws:iam::{ACCOUNT}:policy/buckets"
    iam("create-policy-version", "--policy-arn", local, "--policy-document", policy("s3:Get*"), "--set-as-default")
    iam("create-group", "--group-name", "developers")
    iam("put-group-policy", "--group-name", "developers", "--policy-name", "own", "--policy-document", policy("s3:*"))
    iam("attach-group-policy", "--group-name", "developers", "--policy-arn", local)
    iam("create-user", "--user-name", "ann", "--path", "/team/", "--tags", "Key=team,Value=a")
    iam("put-user-policy", "--user-name", "ann", "--policy-name", "own", "--policy-document", policy("eks:*"))
    iam("attach-user-policy", "--user-name", "ann", "--policy-arn", local)
    iam("add-user-to-group", "--user-name", "ann", "--group-name", "developers")
    pods = trust({"Service": "pods.eks.amazonaws.com"}, "sts:AssumeRole", "sts:TagSession")
    iam("create-role", "--role-name", "app", "--path", "/apps/", "--assume-role-policy-document", pods,
        "--permissions-boundary", read_only, "--tags", "Key=team,Value=a")  # fmt: skip
    iam("put-role-policy", "--role-name", "app", "--policy-name", "own", "--policy-document", policy("s3:GetObject"))
    iam("attach-role-policy", "--role-name", "app", "--policy-arn", local)
    iam("attach-role-policy", "--role-name", "app", "--policy-arn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    account = trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "sts:AssumeRole")
    iam("create-role", "--role-name", "operators", "--assume-role-policy-document", account)
    iam("create-instance-profile", "--instance-profile-name", "nodes")
    iam("add-role-to-instance-profile", "--instance-profile-name", "nodes", "--role-name", "eks-lab-node")
    issuer = lab.aws("eks", "describe-cluster", "--name", CLUSTER)["cluster"]["identity"]["oidc"]["issuer"]
    iam("create-open-id-connect-provider", "--url", issuer, "--client-id-list", "sts.amazonaws.com")


def _create_in_eks(lab: LiveLab) -> None:
    eks = lambda command, *arguments: lab.aws("eks", command, *arguments)  # noqa: E731 - short lines below
    name = ("--cluster-name", CLUSTER)
    eks("update-cluster-config", "--name", CLUSTER, "--access-config", "authenticationMode=API_AND_CONFIG_MAP")
    lab.aws("eks", "wait", "cluster-active", "--name", CLUSTER)
    operators = f"arn:aws:iam::{ACCOUNT}:role/operators"
    eks("create-access-entry", *name, "--principal-arn", operators, "--kubernetes-groups", "operators", "viewers")
    view = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    eks("associate-access-policy", *name, "--principal-arn", operators, "--policy-arn", view,
        "--access-scope", "type=namespace,namespaces=default,team-*")  # fmt: skip
    eks("create-pod-identity-association", *name, "--namespace", "default", "--service-account", "app",
        "--role-arn", f"arn:aws:iam::{ACCOUNT}:role/apps/app", "--disable-session-tags",
        "--target-role-arn", "arn:aws:iam::210987654321:role/target", "--policy", policy("s3:GetObject"))  # fmt: skip


def _create_in_kubernetes(lab: LiveLab) -> None:
    run = lab.aws("ec2", "run-instances", "--image-id", "ami-12c6146b", "--instance-type", "t3.medium",
                  "--iam-instance-profile", "Name=nodes",
                  "--metadata-options", "HttpTokens=required,HttpPutResponseHopLimit=1")  # fmt: skip
    instance = run["Instances"][0]["InstanceId"]
    meta = {"namespace": "default"}
    arn = f"arn:aws:iam::{ACCOUNT}:role/apps/app"
    environment = [
        {"name": "AWS_ROLE_ARN", "value": arn},
        {"name": "AWS_ACCESS_KEY_ID", "value": SECRET},
        {"name": "AWS_SECRET_ACCESS_KEY", "value": SECRET},
        {"name": "AWS_SESSION_TOKEN", "value": SECRET},
        {"name": "PASSWORD", "value": SECRET},
    ]
    token = {"serviceAccountToken": {"audience": "example.com", "path": "token"}}
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "operators"}
    lab.apply(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {**meta, "name": "app", "annotations": {"eks.amazonaws.com/role-arn": arn, "note": SECRET}},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**meta, "name": "app", "annotations": {"note": SECRET}, "labels": {"app": "app"}},
            "spec": {
                "serviceAccountName": "app",
                "nodeName": "by-hand",
                "hostNetwork": True,
                "initContainers": [{"name": "first", "image": "busybox"}],
                "containers": [{"name": "main", "image": "busybox", "env": environment}],
                "volumes": [{"name": "token", "projected": {"sources": [token]}}],
            },
        },
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "by-hand"},
         "spec": {"providerID": f"aws:///ap-northeast-1a/{instance}"}},
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "gone"},
         "spec": {"providerID": "aws:///ap-northeast-1a/i-0123456789abcdef0"}},
        {"apiVersion": "v1", "kind": "Node",
         "metadata": {"name": "fargate-1", "labels": {"eks.amazonaws.com/compute-type": "fargate"}}},
        {**rbac, "kind": "ClusterRole", "metadata": {"name": "part", "labels": {"in": "whole"}},
         "rules": [{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
                   {"nonResourceURLs": ["/healthz/*"], "verbs": ["get"]}]},
        {**rbac, "kind": "ClusterRole", "metadata": {"name": "whole"}, "rules": [],
         "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"in": "whole"}}]}},
        {**rbac, "kind": "Role", "metadata": {**meta, "name": "one"},
         "rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["app"], "verbs": ["get"]}]},
        {**rbac, "kind": "RoleBinding", "metadata": {**meta, "name": "one"},
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one"},
         "subjects": [group, {"kind": "ServiceAccount", "name": "app", "namespace": "default"}]},
    )  # fmt: skip


@pytest.fixture(scope="module")
def score() -> Score:
    """The score of one file of the fault catalogue."""
    return Score()


@pytest.fixture(scope="module")
def access(running_lab: LabDir, tools: Tools) -> Iterator[LabAccess]:
    """A chain of cluster access for the fault catalogue."""
    created = LabAccess(LabClients(running_lab, tools.bin))
    yield created
    created.delete()
