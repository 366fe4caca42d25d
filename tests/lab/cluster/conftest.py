"""A real AWS and real clusters for the tests of control planes, and people who use both with the vendors' clients."""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
import yaml
from awscli.customizations.eks.get_token import K8S_AWS_ID_HEADER, TOKEN_PREFIX, STSClientFactory
from botocore.config import Config
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from lab.cloud import Cloud
from lab.cluster import Runtime
from lab.interfaces import (
    AccessEntry,
    AuthenticationMode,
    ClusterIdentity,
    ClusterKey,
    IamPrincipal,
)
from lab.pki import CertificateAuthority

ADMINISTRATOR_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
# An API server remembers a good token for ten seconds, and tokens made in the same second are equal: each gets a
# lifetime of its own.
_lifetimes = itertools.cycle(range(60, 900))


@dataclass
class Aws:
    """The lab's AWS, as its administrator or as somebody with other credentials."""

    cloud: Cloud
    credentials: dict[str, str]

    @classmethod
    def administrator(cls, cloud: Cloud) -> Aws:
        key = cloud.administrator
        return cls(cloud, {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret_access_key})

    @property
    def config(self) -> dict[str, Any]:
        access = self.cloud.access
        return {
            "region_name": access.region,
            "verify": access.ca_file,
            "config": Config(proxies={"https": access.proxy_url}),
        }

    def client(self, service: str) -> Any:
        return boto3.client(service, **self.config, **self.credentials)

    def user(self, name: str) -> Person:
        """A new IAM user with a key."""
        iam = self.client("iam")
        user = iam.create_user(UserName=name)["User"]
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(ADMINISTRATOR_POLICY))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        credentials = {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }
        return Person(replace(self, credentials=credentials), IamPrincipal(user["Arn"], user["UserId"]))

    def role(self, name: str, path: str = "/") -> IamPrincipal:
        """A new IAM role that everybody in the account may assume."""
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{self.cloud.account}:root"},
            "Action": "sts:AssumeRole",
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = self.client("iam").create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)["Role"]
        return IamPrincipal(role["Arn"], role["RoleId"])

    def in_role(self, role: IamPrincipal, session: str = "session") -> Person:
        """Somebody who has assumed `role`."""
        assumed = self.client("sts").assume_role(RoleArn=role.arn, RoleSessionName=session)["Credentials"]
        credentials = {
            "aws_access_key_id": assumed["AccessKeyId"],
            "aws_secret_access_key": assumed["SecretAccessKey"],
            "aws_session_token": assumed["SessionToken"],
        }
        return Person(replace(self, credentials=credentials), role)


@dataclass
class Person:
    """Somebody with AWS credentials, who talks to clusters with kubectl."""

    aws: Aws
    principal: IamPrincipal

    def token(self, cluster_name: str) -> str:
        """A token as `aws eks get-token` makes it, by its own code, but never the same twice."""
        session = botocore.session.Session()
        session.set_credentials(*self.aws.credentials.values())
        sts = STSClientFactory(session).get_sts_client(region_name=self.aws.cloud.region)
        url = sts.generate_presigned_url(
            "get_caller_identity",
            Params={K8S_AWS_ID_HEADER: cluster_name},
            ExpiresIn=next(_lifetimes),
            HttpMethod="GET",
        )
        return TOKEN_PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")

    def environment(self, home: Path) -> dict[str, str]:
        """For a program of the vendor: nothing of this process's environment but PATH."""
        credentials = {name.upper(): value for name, value in self.aws.credentials.items()}
        return {"PATH": os.environ["PATH"], "HOME": str(home), **self.aws.cloud.access.environment(), **credentials}


@dataclass
class Cluster:
    """A running cluster, and kubectl for it."""

    control_plane: Any
    kubectl: str
    folder: Path

    @property
    def name(self) -> str:
        return self.control_plane.key.name

    def run(self, *arguments: str, token: str | None = None, stdin: str | None = None) -> Answer:
        """kubectl as the lab's administrator, or with `token` as somebody else."""
        authority = self.folder / "ca.crt"
        authority.write_text(self.control_plane.certificate_authority)
        who = (
            [f"--kubeconfig={self.control_plane.kubeconfig}"]
            if token is None
            else [
                "--kubeconfig=/dev/null",
                f"--server={self.control_plane.endpoint}",
                f"--certificate-authority={authority}",
                f"--token={token}",
            ]
        )
        done = subprocess.run(
            [self.kubectl, *who, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={"HOME": str(self.folder), "PATH": os.environ["PATH"]},
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def as_(self, person: Person, *arguments: str) -> Answer:
        return self.run(*arguments, token=person.token(self.name))

    def apply(self, *documents: dict[str, Any]) -> None:
        answer = self.run("apply", "-f", "-", stdin=yaml.safe_dump_all(documents))
        assert answer.allowed, answer.error

    def get(self, *what: str) -> dict[str, Any]:
        answer = self.run("get", *what, "-o", "json")
        assert answer.allowed, answer.error
        return json.loads(answer.output)

    def admit(
        self,
        *entries: AccessEntry,
        mode: AuthenticationMode = AuthenticationMode.API_AND_CONFIG_MAP,
        creator: IamPrincipal | None = None,
        **others: Any,
    ) -> None:
        """Apply an identity to the cluster."""
        self.control_plane.apply_identity(ClusterIdentity(mode, creator, entries, **others))

    def write_aws_auth(self, **data: Any) -> None:
        """Write aws-auth; values that are no text become YAML. Returns when kubectl has written it."""
        text = {key: value if isinstance(value, str) else yaml.safe_dump(value) for key, value in data.items()}
        self.run("-n", "kube-system", "delete", "configmap", "aws-auth", "--ignore-not-found")
        metadata = {"name": "aws-auth", "namespace": "kube-system"}
        self.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": text})

    @retry(retry=retry_if_result(lambda answer: answer.unauthorized), stop=stop_after_delay(10), wait=wait_fixed(0.1))
    def once_known(self, person: Person, *arguments: str) -> Answer:
        """What kubectl says as soon as the authenticator has seen the aws-auth that names `person`."""
        return self.as_(person, *arguments)


@dataclass(frozen=True)
class Answer:
    """What kubectl said."""

    status: int
    output: str
    error: str

    @property
    def allowed(self) -> bool:
        return self.status == 0

    @property
    def unauthorized(self) -> bool:
        """The API server does not know who this is."""
        return self.status != 0 and ("Unauthorized" in self.error or "must be logged in" in self.error)

    @property
    def forbidden(self) -> bool:
        """The API server knows who this is, and says no."""
        return self.status != 0 and "forbidden" in self.error.lower()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def cloud(authority, tmp_path_factory):
    cloud = Cloud(tmp_path_factory.mktemp("cloud"), authority)
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def aws(cloud):
    return Aws.administrator(cloud)


@pytest.fixture(scope="module")
def runtime(cloud, authority, programs, tmp_path_factory):
    runtime = Runtime(tmp_path_factory.mktemp("clusters"), authority, programs, cloud.access, cloud.instance_roles)
    yield runtime
    runtime.stop_all()


@pytest.fixture(scope="module")
def start(runtime, cloud, programs, tmp_path_factory):
    """Starts a cluster; it is stopped with the runtime."""

    def start(name: str, identity: ClusterIdentity | None = None) -> Cluster:
        key = ClusterKey(cloud.account, cloud.region, name)
        identity = identity or ClusterIdentity(AuthenticationMode.API_AND_CONFIG_MAP)
        return Cluster(runtime.start(key, identity), programs.kubectl, tmp_path_factory.mktemp(name))

    return start


@pytest.fixture(scope="module")
def cluster(start):
    return start("eks-clu")
