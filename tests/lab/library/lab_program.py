"""A Pulumi program in a running lab, run by the engine as users' are, and the vendor's clients to see what it did."""

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
from lab_project import REGION, LabProject, write_project
from pulumi import automation
from rich.console import Console
from tenacity import Retrying, stop_after_delay, wait_fixed

from eks_identity.clients.aws_sessions import clients as clients_of
from lab.clusters import ensure_clusters
from lab.environment import process_environment, unset
from lab.interfaces import AuthenticationMode
from lab.lab_dir import LabDir
from lab.principals import client, session
from lab.progress import Timeline
from lab.tools import Tools

ACCOUNT = "123456789012"

PROGRAM = """
import json
from pathlib import Path
import pulumi
import eks_identity
import pulumi_aws

made = []
for name, (kind, args) in json.loads(Path("resources.json").read_text()).items():
    if kind == "Entry":
        made.append(pulumi_aws.eks.AccessEntry(name, **args))
    elif kind == "Policy":
        made.append(pulumi_aws.eks.AccessPolicyAssociation(name, **args, opts=pulumi.ResourceOptions(depends_on=made)))
    else:
        made.append(getattr(eks_identity, kind)(name, args, pulumi.ResourceOptions(depends_on=made)))
        for output in ("plan", "not_migrated", "authentication_mode", "takes_over"):
            if hasattr(made[-1], output):
                pulumi.export(output, getattr(made[-1], output))
"""


class Program(LabProject):
    """One project and stack. Each resource depends on those declared before it."""

    def __init__(self, folder: Path, home: LabDir, tools: Tools, principal: str = "lab-admin") -> None:
        super().__init__(home, tools, write_project(folder, "access", PROGRAM), principal=principal)
        self.declare({})

    def declare(self, resources: Mapping[str, tuple[str, Mapping[str, Any]]]) -> automation.Stack:
        """The stack, whose program declares these from now on."""
        self.folder.joinpath("resources.json").write_text(json.dumps(resources))
        return self.stack

    def state(self, name: str) -> dict[str, Any]:
        """A resource as the state has it."""
        (found,) = [resource for resource in self.resources() if resource["urn"].endswith(f"::{name}")]
        return found


def refused(operation: Any) -> str:
    """What the engine says where `operation` ends in a refusal that is no crash."""
    with pytest.raises(automation.CommandError) as refusal:
        operation()
    said = str(refusal.value)
    assert "Traceback" not in said
    return said


class Cluster:
    """One cluster of the lab, seen with the vendor's clients."""

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
        """What components take: it names the aws command, and nobody's credentials."""
        return self._kubeconfig.read_text()

    @property
    def connection(self) -> dict[str, Any]:
        """The cluster written out, as for one of another stack."""
        found = self.eks.describe_cluster(name=self.name)["cluster"]
        return {
            "name": self.name,
            "arn": found["arn"],
            "endpoint": found["endpoint"],
            "certificate_authority": found["certificateAuthority"]["data"],
            "issuer": found["identity"]["oidc"]["issuer"],
            "region": REGION,
            "account_id": ACCOUNT,
            "partition": "aws",
            "authentication_mode": found["accessConfig"]["authenticationMode"],
            "kubeconfig": self.kubeconfig,
        }

    @property
    def mode(self) -> str:
        return str(self.eks.describe_cluster(name=self.name)["cluster"]["accessConfig"]["authenticationMode"])

    def aws(self, *arguments: str) -> str:
        environment = process_environment(self.home, self.tools.bin)
        done = subprocess.run(
            ["aws", *arguments], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    def kubectl(
        self, *arguments: str, principal: str = "lab-admin", stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        environment = process_environment(self.home, self.tools.bin, principal, inherit=os.environ)
        command = ["kubectl", "--kubeconfig", str(self._kubeconfig), *arguments]
        return subprocess.run(
            command, env=environment, input=stdin, capture_output=True, text=True, check=False, timeout=60
        )

    def who(self, principal: str) -> str:
        """Username and groups that the API server knows `principal` by."""
        done = self.kubectl("auth", "whoami", "-o", "json", principal=principal)
        if done.returncode:
            return done.stderr.strip()
        user = json.loads(done.stdout)["status"]["userInfo"]
        return f"{user['username']} {sorted(set(user['groups']) - {'system:authenticated'})}"

    def await_who(self, principal: str, expected: str) -> None:
        """Wait until `principal` has this username and these groups: the API server caches a token for ten seconds."""
        for attempt in Retrying(stop=stop_after_delay(60), wait=wait_fixed(0.5), reraise=True):
            with attempt:
                assert self.who(principal) == expected

    def user(self, name: str, path: str = "/") -> str:
        """An IAM user; its ARN."""
        return str(self.iam.create_user(UserName=name, Path=path)["User"]["Arn"])

    def role(self, name: str, path: str = "/") -> str:
        """An IAM role that the account may assume; its ARN."""
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
            ],
        }
        made = self.iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(trust))
        return str(made["Role"]["Arn"])

    def entry(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.eks.describe_access_entry(clusterName=self.name, principalArn=arn)["accessEntry"]
        return found

    def entries(self) -> set[str]:
        return set(self.eks.list_access_entries(clusterName=self.name)["accessEntries"])

    def policies(self, arn: str) -> list[str]:
        found = self.eks.list_associated_access_policies(clusterName=self.name, principalArn=arn)
        return [policy["policyArn"].rpartition("/")[2] for policy in found["associatedAccessPolicies"]]


def aws_auth(cluster: Cluster) -> dict[str, Any]:
    """The ConfigMap's data, as kubectl shows it."""
    shown = cluster.kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json")
    assert shown.returncode == 0, shown.stderr
    data: dict[str, Any] = json.loads(shown.stdout).get("data", {})
    return data


def write_aws_auth(cluster: Cluster, data: Mapping[str, Any]) -> None:
    """Writes all of it by hand; values that are no text are put into YAML."""
    texts = {key: value if isinstance(value, str) else yaml.safe_dump(value) for key, value in data.items()}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "data": texts}
    document["metadata"] = {"name": "aws-auth", "namespace": "kube-system"}
    done = cluster.kubectl("replace", "-f", "-", stdin=json.dumps(document))
    assert done.returncode == 0, done.stderr


@contextmanager
def acting_as(principal: str, home: LabDir, tools: Tools) -> Iterator[None]:
    """This process as a provider's host that `principal` started, for what the engine cannot be brought to do.

    It begins in a second of its own: tokens of the same second are the same, and the API server remembers for ten
    seconds whom it let in by one.
    """
    clients_of.cache_clear()
    began = int(time.time())
    for attempt in Retrying(stop=stop_after_delay(5), wait=wait_fixed(0.02), reraise=True):
        with attempt:
            assert int(time.time()) > began
    with pytest.MonkeyPatch.context() as environment:
        for name in unset(os.environ):
            environment.delenv(name, raising=False)
        for name, value in process_environment(home, tools.bin, principal).items():
            environment.setenv(name, value)
        yield
    clients_of.cache_clear()


class Watch:
    """One principal who asks the cluster who they are, and whether they may do something, again and again.

    Each question has a token of its own: the API server would remember one that it let in.
    """

    def __init__(self, cluster: Cluster, principal: str, verb: str, resource: str) -> None:
        found = cluster.connection
        trusted = ssl.create_default_context(cadata=base64.b64decode(found["certificate_authority"]).decode())
        self._http = httpx2.Client(base_url=found["endpoint"], verify=trusted, trust_env=False, timeout=30)
        self._credentials = _credentials(cluster, principal)
        self._cluster = cluster.name
        self._asks = {"resourceAttributes": {"verb": verb, "resource": resource, "group": ""}}
        self._seconds = itertools.cycle(range(60, 900))
        self._ended = Event()
        self._thread = Thread(target=self._ask_on)
        self.answers: list[str] = []

    def ask(self) -> str:
        """`<username> <groups> True` where they may, or the API server's refusal."""
        header = {"Authorization": f"Bearer {self._token()}"}
        review = self._post("authentication.k8s.io", "SelfSubjectReview", {}, header)
        if review.status_code == httpx2.codes.UNAUTHORIZED:
            return "Unauthorized"
        user = review.json()["status"]["userInfo"]
        allowed = self._post("authorization.k8s.io", "SelfSubjectAccessReview", {"spec": self._asks}, header).json()
        if "allowed" not in allowed.get("status", {}):
            return str(allowed.get("message"))
        groups = sorted(set(user.get("groups", ())) - {"system:authenticated", "system:masters"})
        return f"{user.get('username')} {groups} {allowed['status']['allowed']}"

    def refusals(self, usual: str) -> int:
        """How often the answer was another than `usual`, twice in a row: one asked again would not have helped."""
        return sum(usual not in (one, two) for one, two in pairwise(self.answers))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.close()

    def close(self) -> None:
        """Ends the connection to the API server."""
        self._http.close()

    def _ask_on(self) -> None:
        while not self._ended.wait(0.05):
            self.answers.append(self.ask())

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
        found = session(cluster.home, principal).get_credentials()
        return Credentials(found.access_key, found.secret_key)
    role = f"arn:aws:iam::{ACCOUNT}:{principal}"
    assumed = client(cluster.home, "sts").assume_role(RoleArn=role, RoleSessionName="watch")["Credentials"]
    return Credentials(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
