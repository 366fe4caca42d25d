"""A real AWS and real clusters for the tests of control planes, and principals that use the vendors' clients."""

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
# An API server caches a valid token for ten seconds, and tokens created in the same second are equal. So each token
# gets another lifetime.
_lifetimes = itertools.cycle(range(60, 900))


@dataclass
class Aws:
    """The lab's AWS with the credentials of its administrator or of another principal."""

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

    def user(self, name: str) -> Caller:
        """Create an IAM user with an access key and administrator permissions."""
        iam = self.client("iam")
        user = iam.create_user(UserName=name)["User"]
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(ADMINISTRATOR_POLICY))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        credentials = {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }
        return Caller(replace(self, credentials=credentials), IamPrincipal(user["Arn"], user["UserId"]))

    def role(self, name: str, path: str = "/") -> IamPrincipal:
        """Create an IAM role that every principal of the account can assume."""
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{self.cloud.account}:root"},
            "Action": "sts:AssumeRole",
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = self.client("iam").create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)["Role"]
        return IamPrincipal(role["Arn"], role["RoleId"])

    def assume_role(self, role: IamPrincipal, session: str = "session") -> Caller:
        """Assume `role` and return the session as a caller."""
        assumed = self.client("sts").assume_role(RoleArn=role.arn, RoleSessionName=session)["Credentials"]
        credentials = {
            "aws_access_key_id": assumed["AccessKeyId"],
            "aws_secret_access_key": assumed["SecretAccessKey"],
            "aws_session_token": assumed["SessionToken"],
        }
        return Caller(replace(self, credentials=credentials), role)


@dataclass
class Caller:
    """A principal with AWS credentials that calls clusters with kubectl."""

    aws: Aws
    principal: IamPrincipal

    def token(self, cluster_name: str) -> str:
        """Return a token created by the code of `aws eks get-token`. No two tokens are equal."""
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
        """Return the environment of a vendor program. Only PATH comes from this process."""
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

    def run(self, *arguments: str, token: str | None = None, stdin: str | None = None) -> KubectlResult:
        """Run kubectl as the lab's administrator, or with `token` as another principal."""
        authority = self.folder / "ca.crt"
        authority.write_text(self.control_plane.certificate_authority)
        credentials = (
            [f"--kubeconfig={self.control_plane.kubeconfig}"]
            if token is None
            else [
                "--kubeconfig=/dev/null",
                f"--server={self.control_plane.endpoint}",
                f"--certificate-authority={authority}",
                f"--token={token}",
            ]
        )
        completed = subprocess.run(
            [self.kubectl, *credentials, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={"HOME": str(self.folder), "PATH": os.environ["PATH"]},
        )
        return KubectlResult(completed.returncode, completed.stdout, completed.stderr)

    def run_as(self, caller: Caller, *arguments: str) -> KubectlResult:
        return self.run(*arguments, token=caller.token(self.name))

    def apply(self, *documents: dict[str, Any]) -> None:
        result = self.run("apply", "-f", "-", stdin="\n".join(map(json.dumps, documents)))
        assert result.is_allowed, result.error

    def get(self, *query: str) -> dict[str, Any]:
        result = self.run("get", *query, "-o", "json")
        assert result.is_allowed, result.error
        return json.loads(result.output)

    def apply_identity(
        self,
        *entries: AccessEntry,
        mode: AuthenticationMode = AuthenticationMode.API_AND_CONFIG_MAP,
        creator: IamPrincipal | None = None,
        **others: Any,
    ) -> None:
        """Apply an identity to the cluster."""
        self.control_plane.apply_identity(ClusterIdentity(mode, creator, entries, **others))

    def write_aws_auth(self, **data: Any) -> None:
        """Write aws-auth with kubectl. Values that are not strings are dumped as YAML."""
        text = {key: value if isinstance(value, str) else yaml.safe_dump(value) for key, value in data.items()}
        self.run("-n", "kube-system", "delete", "configmap", "aws-auth", "--ignore-not-found")
        metadata = {"name": "aws-auth", "namespace": "kube-system"}
        self.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": text})

    @retry(
        retry=retry_if_result(lambda result: result.is_unauthorized), stop=stop_after_delay(10), wait=wait_fixed(0.1)
    )
    def run_as_mapped(self, caller: Caller, *arguments: str) -> KubectlResult:
        """Run kubectl as soon as the authenticator has read the aws-auth mapping of `caller`."""
        return self.run_as(caller, *arguments)


@dataclass(frozen=True)
class KubectlResult:
    """Exit status and output of kubectl."""

    status: int
    output: str
    error: str

    @property
    def is_allowed(self) -> bool:
        return self.status == 0

    @property
    def is_unauthorized(self) -> bool:
        """Return whether the API server could not authenticate the caller."""
        return self.status != 0 and ("Unauthorized" in self.error or "must be logged in" in self.error)

    @property
    def is_forbidden(self) -> bool:
        """Return whether the API server authenticated the caller and denied the request."""
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
    """Return a function that starts a cluster. The runtime stops it."""

    def start(name: str, identity: ClusterIdentity | None = None) -> Cluster:
        key = ClusterKey(cloud.account, cloud.region, name)
        identity = identity or ClusterIdentity(AuthenticationMode.API_AND_CONFIG_MAP)
        return Cluster(runtime.start(key, identity), programs.kubectl, tmp_path_factory.mktemp(name))

    return start


@pytest.fixture(scope="module")
def cluster(start):
    return start("eks-clu")
