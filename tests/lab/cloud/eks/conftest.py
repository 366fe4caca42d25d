"""Fixtures of the EKS tests: a `Cloud` with recording control planes, and clients that validate each response."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.ec2.models import ec2_backends
from moto.eks.models import eks_backends
from moto.iam.models import iam_backends

from lab.cloud import Cloud, eks
from lab.interfaces import CloudAccess
from lab.pki import CertificateAuthority
from support.eks_constants import ACCOUNT, ADMINISTRATOR, EVERYTHING, POD_TRUST, QUICK, REGION, trust
from support.recording_control_plane import RecordingControlPlane, RecordingControlPlanes
from support.response_validation import ResponseValidator


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    cloud = Cloud(folder / "aws", CertificateAuthority(folder / "ca"), region=REGION, account=ACCOUNT)
    cloud.start()
    cloud.attach(RecordingControlPlanes())
    yield cloud
    cloud.stop()


@pytest.fixture(scope="session")
def response_validator() -> ResponseValidator:
    return ResponseValidator()


@dataclass
class Lab:
    """The AWS of one test: creates IAM users and roles, and clients that sign as them."""

    access: CloudAccess
    response_validator: ResponseValidator
    clients: dict[tuple[str, ...], Any]
    planes: RecordingControlPlanes = field(default_factory=RecordingControlPlanes)
    cleanup: ExitStack = field(default_factory=ExitStack)

    def user(self, name: str, account: str = ACCOUNT, policy: str | None = EVERYTHING) -> dict[str, str]:
        """Create a user with `policy`. Return the boto3 arguments of its access key."""
        iam = iam_backends[account]["aws"]
        iam.create_user("us-east-1", name)
        self.cleanup.callback(iam.users.pop, name)
        if policy is not None:
            iam.put_user_policy(name, "policy", policy)
        key = iam.create_access_key(name)
        return {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret_access_key}

    def role(self, name: str, document: str, path: str = "/", account: str = ACCOUNT) -> str:
        iam = iam_backends[account]["aws"]
        role = iam.create_role(name, document, path, None, "", [], 3600, None)
        self.cleanup.callback(iam.roles.pop, role.id, None)
        return str(role.arn)

    def delete_role(self, name: str) -> None:
        iam_backends[ACCOUNT]["aws"].delete_role(name)

    def client(self, service: str = "eks", *, region: str = REGION, **keys: str) -> Any:
        """Return a client that signs with `keys`, by default as the administrator."""
        keys = keys or self.administrator
        cache_key = (service, region, keys["aws_access_key_id"])
        if cache_key not in self.clients:
            proxies = {"https": self.access.proxy_url}
            client = boto3.client(
                service,
                region_name=region,
                verify=self.access.ca_file,
                config=Config(retries={"total_max_attempts": 1}, proxies=proxies),
                **keys,
            )
            self.clients[cache_key] = self.response_validator.attach(client) if service.startswith("eks") else client
        return self.clients[cache_key]

    @property
    def administrator(self) -> dict[str, str]:
        key = iam_backends[ACCOUNT]["aws"].users[ADMINISTRATOR].access_keys[0]
        return {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret_access_key}

    def subnets(self, account: str = ACCOUNT, region: str = REGION) -> list[str]:
        return [subnet.id for subnet in ec2_backends[account][region].describe_subnets()][:2]

    def plane(self, name: str) -> RecordingControlPlane:
        return self.planes.find(name)


@pytest.fixture(scope="module")
def clients() -> dict[tuple[str, ...], Any]:
    return {}


@pytest.fixture
def lab(cloud: Cloud, response_validator: ResponseValidator, clients: dict[tuple[str, ...], Any]) -> Iterator[Lab]:
    lab = Lab(cloud.access, response_validator, clients)
    eks.install(lab.planes)
    yield lab
    lab.planes.may_start.set()
    for plane in lab.planes.started.values():
        plane.may_apply.set()
    eks.shutdown()
    for account in {key.account for key in lab.planes.started}:
        eks_backends[account][REGION].clusters.clear()
    lab.cleanup.close()


@pytest.fixture
def client(lab: Lab) -> Any:
    return lab.client()


@pytest.fixture
def cluster_role(lab: Lab) -> str:
    return lab.role("eks-cluster", trust("eks.amazonaws.com"))


@pytest.fixture
def node_role(lab: Lab) -> str:
    return lab.role("eks-node", trust("ec2.amazonaws.com"))


@pytest.fixture
def pod_role(lab: Lab) -> str:
    return lab.role("s3-reader", POD_TRUST)


@pytest.fixture
def make_cluster(lab: Lab, client: Any, cluster_role: str) -> Any:
    """Return a function that creates a cluster, waits until it is ACTIVE, and returns its name."""

    def make(name: str = "eks-clu", mode: str = "API_AND_CONFIG_MAP", **members: Any) -> str:
        client.create_cluster(
            name=name,
            roleArn=cluster_role,
            resourcesVpcConfig={"subnetIds": lab.subnets()},
            accessConfig={"authenticationMode": mode},
            **members,
        )
        client.get_waiter("cluster_active").wait(name=name, WaiterConfig=QUICK)
        return name

    return make


@pytest.fixture
def expect_error(client: Any) -> Any:
    """Return a function that calls an operation, which must fail, and returns the error's code and message."""

    def call(operation: str, using_client: Any = None, **members: Any) -> tuple[str, str]:
        api = using_client or client
        with pytest.raises(api.exceptions.ClientError) as raised:
            getattr(api, operation)(**members)
        error = raised.value.response["Error"]
        return error["Code"], error["Message"]

    return call


@pytest.fixture
def wait_for_update(client: Any) -> Any:
    """Return a function that waits for the end of an update and returns the update."""

    def wait(name: str, update: dict[str, Any], **resource: str) -> dict[str, Any]:
        for _ in range(QUICK["MaxAttempts"]):
            current = client.describe_update(name=name, updateId=update["id"], **resource)["update"]
            if current["status"] != "InProgress":
                return current
            threading.Event().wait(QUICK["Delay"])
        raise AssertionError(f"{update['id']} is still in progress")

    return wait
