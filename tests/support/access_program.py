"""A Pulumi program in a running lab, run by the engine, and the vendors' clients to verify its results."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import httpx2
import pytest
import yaml
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from pulumi import automation
from rich.console import Console
from tenacity import Retrying, stop_after_delay, wait_fixed

from eks_identity.clients.aws_sessions import aws_clients as clients_of
from lab.clusters import ensure_clusters
from lab.environment import process_environment, unset
from lab.interfaces import AuthenticationMode
from lab.lab_dir import LabDir
from lab.principals import client, session
from lab.progress import Timeline
from lab.tools import Tools
from support.lab_project import REGION, LabProject, write_project

ACCOUNT = "123456789012"

PROGRAM = Path(__file__).with_name("resources_program.py")


class Program(LabProject):
    """A project with one stack. Each resource depends on those declared before it."""

    def __init__(self, folder: Path, home: LabDir, tools: Tools, principal: str = "lab-admin") -> None:
        super().__init__(home, tools, write_project(folder, "access", PROGRAM), principal=principal)
        self.declare({})

    def declare(self, resources: Mapping[str, tuple[str, Mapping[str, Any]]]) -> automation.Stack:
        """Write `resources` for the program to declare, and return the stack."""
        self.folder.joinpath("resources.json").write_text(json.dumps(resources))
        return self.stack

    def state(self, name: str) -> dict[str, Any]:
        """Return a resource of the stack's state by its logical name."""
        (match,) = [resource for resource in self.resources() if resource["urn"].endswith(f"::{name}")]
        return match


def expect_error(operation: Any) -> str:
    """Run `operation`, which must fail without a traceback, and return the engine's error output."""
    with pytest.raises(automation.CommandError) as failure:
        operation()
    error = str(failure.value)
    assert "Traceback" not in error
    return error


class Cluster:
    """A cluster of the lab, with the vendors' clients."""

    def __init__(self, home: LabDir, tools: Tools, name: str, mode: AuthenticationMode, folder: Path) -> None:
        self.name = name
        self.home = home
        self.tools = tools
        ensure_clusters(home, {name: mode}, Timeline(Console(file=io.StringIO())))
        self.eks = client(home, "eks")
        self.iam = client(home, "iam")
        self._kubeconfig = folder / f"{name}.kubeconfig"
        self.aws("eks", "update-kubeconfig", "--name", name, "--kubeconfig", str(self._kubeconfig))

    @property
    def kubeconfig(self) -> str:
        """The kubeconfig for components. It runs the aws command, and contains no credentials."""
        return self._kubeconfig.read_text()

    @property
    def connection(self) -> dict[str, Any]:
        """The connection args, as for a cluster of another stack."""
        cluster = self.eks.describe_cluster(name=self.name)["cluster"]
        return {
            "name": self.name,
            "arn": cluster["arn"],
            "endpoint": cluster["endpoint"],
            "certificate_authority": cluster["certificateAuthority"]["data"],
            "issuer": cluster["identity"]["oidc"]["issuer"],
            "region": REGION,
            "account_id": ACCOUNT,
            "partition": "aws",
            "authentication_mode": cluster["accessConfig"]["authenticationMode"],
            "kubeconfig": self.kubeconfig,
        }

    @property
    def mode(self) -> str:
        return str(self.eks.describe_cluster(name=self.name)["cluster"]["accessConfig"]["authenticationMode"])

    def aws(self, *arguments: str) -> str:
        environment = process_environment(self.home, self.tools.bin)
        result = subprocess.run(
            ["aws", *arguments], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return result.stdout

    def kubectl(
        self, *arguments: str, principal: str = "lab-admin", stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        environment = process_environment(self.home, self.tools.bin, principal, inherit=os.environ)
        command = ["kubectl", "--kubeconfig", str(self._kubeconfig), *arguments]
        return subprocess.run(
            command, env=environment, input=stdin, capture_output=True, text=True, check=False, timeout=60
        )

    def whoami(self, principal: str) -> str:
        """Return the username and groups of `principal` in the cluster, or kubectl's error."""
        result = self.kubectl("auth", "whoami", "-o", "json", principal=principal)
        if result.returncode:
            return result.stderr.strip()
        user = json.loads(result.stdout)["status"]["userInfo"]
        return f"{user['username']} {sorted(set(user['groups']) - {'system:authenticated'})}"

    def wait_for_identity(self, principal: str, expected: str) -> None:
        """Wait until `principal` has this username and these groups: the API server caches a token for ten seconds."""
        for attempt in Retrying(stop=stop_after_delay(60), wait=wait_fixed(0.5), reraise=True):
            with attempt:
                assert self.whoami(principal) == expected

    def user(self, name: str, path: str = "/") -> str:
        """Create an IAM user and return its ARN."""
        return str(self.iam.create_user(UserName=name, Path=path)["User"]["Arn"])

    def role(self, name: str, path: str = "/") -> str:
        """Create an IAM role that trusts the account, and return its ARN."""
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
            ],
        }
        role = self.iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        return str(role["Arn"])

    def entry(self, arn: str) -> dict[str, Any]:
        entry: dict[str, Any] = self.eks.describe_access_entry(clusterName=self.name, principalArn=arn)["accessEntry"]
        return entry

    def entries(self) -> set[str]:
        return set(self.eks.list_access_entries(clusterName=self.name)["accessEntries"])

    def policies(self, arn: str) -> list[str]:
        response = self.eks.list_associated_access_policies(clusterName=self.name, principalArn=arn)
        return [policy["policyArn"].rpartition("/")[2] for policy in response["associatedAccessPolicies"]]


def aws_auth(cluster: Cluster) -> dict[str, Any]:
    """Return the data of ConfigMap aws-auth."""
    result = cluster.kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json")
    assert result.returncode == 0, result.stderr
    data: dict[str, Any] = json.loads(result.stdout).get("data", {})
    return data


def write_aws_auth(cluster: Cluster, data: Mapping[str, Any]) -> None:
    """Replace the data of ConfigMap aws-auth with kubectl. Values other than strings are dumped as YAML."""
    texts = {key: value if isinstance(value, str) else yaml.safe_dump(value) for key, value in data.items()}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "data": texts}
    document["metadata"] = {"name": "aws-auth", "namespace": "kube-system"}
    result = cluster.kubectl("replace", "-f", "-", stdin=json.dumps(document))
    assert result.returncode == 0, result.stderr


@contextmanager
def acting_as(principal: str, home: LabDir, tools: Tools) -> Iterator[None]:
    """Give this process the environment of a provider host that `principal` started, for calls without an engine.

    The block starts in a new second: tokens of the same second are equal, and the API server caches an authenticated
    token for ten seconds.
    """
    clients_of.cache_clear()
    start = int(time.time())
    for attempt in Retrying(stop=stop_after_delay(5), wait=wait_fixed(0.02), reraise=True):
        with attempt:
            assert int(time.time()) > start
    with pytest.MonkeyPatch.context() as environment:
        for name in unset(os.environ):
            environment.delenv(name, raising=False)
        for name, value in process_environment(home, tools.bin, principal).items():
            environment.setenv(name, value)
        yield
    clients_of.cache_clear()


class Watch:
    """Checks repeatedly which user a principal is in the cluster, and whether it is allowed an action.

    Each check has a new token, because the API server caches an authenticated one.
    """

    def __init__(self, cluster: Cluster, principal: str, verb: str, resource: str) -> None:
        connection = cluster.connection
        tls_context = ssl.create_default_context(cadata=base64.b64decode(connection["certificate_authority"]).decode())
        self._http = httpx2.Client(base_url=connection["endpoint"], verify=tls_context, trust_env=False, timeout=30)
        self._credentials = _credentials(cluster, principal)
        self._cluster = cluster.name
        self._review_spec = {"resourceAttributes": {"verb": verb, "resource": resource, "group": ""}}
        self._seconds = itertools.cycle(range(60, 900))
        self._stop = Event()
        self._thread = Thread(target=self._check_repeatedly)
        self.responses: list[str] = []

    def check_access(self) -> str:
        """Return `<username> <groups> <allowed>`, or the API server's error."""
        header = {"Authorization": f"Bearer {self._token()}"}
        review = self._post("authentication.k8s.io", "SelfSubjectReview", {}, header)
        if review.status_code == httpx2.codes.UNAUTHORIZED:
            return "Unauthorized"
        user = review.json()["status"]["userInfo"]
        allowed = self._post(
            "authorization.k8s.io", "SelfSubjectAccessReview", {"spec": self._review_spec}, header
        ).json()
        if "allowed" not in allowed.get("status", {}):
            return str(allowed.get("message"))
        groups = sorted(set(user.get("groups", ())) - {"system:authenticated", "system:masters"})
        return f"{user.get('username')} {groups} {allowed['status']['allowed']}"

    def failures(self, expected: str) -> int:
        """Return how often two consecutive responses differed from `expected`, so that a retry would have failed."""
        return sum(expected not in pair for pair in pairwise(self.responses))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.close()

    def close(self) -> None:
        """Close the connection to the API server."""
        self._http.close()

    def _check_repeatedly(self) -> None:
        while not self._stop.wait(0.05):
            self.responses.append(self.check_access())

    def _post(self, group: str, kind: str, body: dict[str, Any], headers: dict[str, str]) -> httpx2.Response:
        document = {"apiVersion": f"{group}/v1", "kind": kind, **body}
        return self._http.post(f"/apis/{group}/v1/{kind.lower()}s", json=document, headers=headers)

    def _token(self) -> str:
        url = f"https://sts.{REGION}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
        request = AWSRequest("GET", url, headers={"x-k8s-aws-id": self._cluster})
        SigV4QueryAuth(self._credentials, "sts", REGION, expires=next(self._seconds)).add_auth(request)
        return "k8s-aws-v1." + base64.urlsafe_b64encode(request.url.encode()).decode().rstrip("=")


def _credentials(cluster: Cluster, principal: str) -> Credentials:
    if not principal.startswith("role/"):
        keys = session(cluster.home, principal).get_credentials()
        return Credentials(keys.access_key, keys.secret_key)
    role = f"arn:aws:iam::{ACCOUNT}:{principal}"
    assumed = client(cluster.home, "sts").assume_role(RoleArn=role, RoleSessionName="watch")["Credentials"]
    return Credentials(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
