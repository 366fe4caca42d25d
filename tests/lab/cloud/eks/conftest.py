"""EKS in the lab's AWS, IAM enforced, with recorders for clusters, and clients that check the model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from eks_constants import ACCOUNT, ADMINISTRATOR, EVERYTHING, POD_TRUST, QUICK, REGION, trust
from moto.ec2.models import ec2_backends
from moto.eks.models import eks_backends
from moto.iam.models import iam_backends
from recording_control_plane import RecordingControlPlane, RecordingControlPlanes
from response_validation import Watch

from lab.cloud import Cloud, eks
from lab.interfaces import CloudAccess
from lab.pki import CertificateAuthority


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    cloud = Cloud(folder / "aws", CertificateAuthority(folder / "ca"), region=REGION, account=ACCOUNT)
    cloud.start()
    cloud.attach(RecordingControlPlanes())
    yield cloud
    cloud.stop()


@pytest.fixture(scope="session")
def watch() -> Watch:
    return Watch()


@dataclass
class Lab:
    """One test's AWS: principals made in IAM itself, clients signed by them."""

    access: CloudAccess
    watch: Watch
    clients: dict[tuple[str, ...], Any]
    planes: RecordingControlPlanes = field(default_factory=RecordingControlPlanes)
    made: ExitStack = field(default_factory=ExitStack)

    def user(self, name: str, account: str = ACCOUNT, policy: str | None = EVERYTHING) -> dict[str, str]:
        """Makes a user with `policy`; gives the arguments that sign a client as it."""
        iam = iam_backends[account]["aws"]
        iam.create_user("us-east-1", name)
        self.made.callback(iam.users.pop, name)
        if policy is not None:
            iam.put_user_policy(name, "policy", policy)
        key = iam.create_access_key(name)
        return {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret_access_key}

    def role(self, name: str, document: str, path: str = "/", account: str = ACCOUNT) -> str:
        iam = iam_backends[account]["aws"]
        role = iam.create_role(name, document, path, None, "", [], 3600, None)
        self.made.callback(iam.roles.pop, role.id, None)
        return str(role.arn)

    def delete_role(self, name: str) -> None:
        iam_backends[ACCOUNT]["aws"].delete_role(name)

    def client(self, service: str = "eks", *, region: str = REGION, **keys: str) -> Any:
        """A client, as the administrator unless `keys` are somebody else's."""
        keys = keys or self.administrator
        known = (service, region, keys["aws_access_key_id"])
        if known not in self.clients:
            proxies = {"https": self.access.proxy_url}
            client = boto3.client(
                service,
                region_name=region,
                verify=self.access.ca_file,
                config=Config(retries={"total_max_attempts": 1}, proxies=proxies),
                **keys,
            )
            self.clients[known] = self.watch.attach(client) if service.startswith("eks") else client
        return self.clients[known]

    @property
    def administrator(self) -> dict[str, str]:
        key = iam_backends[ACCOUNT]["aws"].users[ADMINISTRATOR].access_keys[0]
        return {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret_access_key}

    def subnets(self, account: str = ACCOUNT, region: str = REGION) -> list[str]:
        return [subnet.id for subnet in ec2_backends[account][region].describe_subnets()][:2]

    def plane(self, name: str) -> RecordingControlPlane:
        return self.planes.named(name)


@pytest.fixture(scope="module")
def clients() -> dict[tuple[str, ...], Any]:
    return {}


@pytest.fixture
def lab(cloud: Cloud, watch: Watch, clients: dict[tuple[str, ...], Any]) -> Iterator[Lab]:
    lab = Lab(cloud.access, watch, clients)
    eks.install(lab.planes)
    yield lab
    lab.planes.may_start.set()
    for plane in lab.planes.started.values():
        plane.may_apply.set()
    eks.shutdown()
    for account in {key.account for key in lab.planes.started}:
        eks_backends[account][REGION].clusters.clear()
    lab.made.close()


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
    """Makes a cluster in the mode given and waits until it is ACTIVE; gives its name."""

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
def refused(client: Any) -> Any:
    """Calls an operation that must be refused; gives its error code and message."""

    def call(operation: str, using: Any = None, **members: Any) -> tuple[str, str]:
        target = using or client
        with pytest.raises(target.exceptions.ClientError) as raised:
            getattr(target, operation)(**members)
        error = raised.value.response["Error"]
        return error["Code"], error["Message"]

    return call


@pytest.fixture
def finished(client: Any) -> Any:
    """Waits for an update, and gives it."""

    def wait(name: str, update: dict[str, Any], **of: str) -> dict[str, Any]:
        for _ in range(QUICK["MaxAttempts"]):
            found = client.describe_update(name=name, updateId=update["id"], **of)["update"]
            if found["status"] != "InProgress":
                return found
            threading.Event().wait(QUICK["Delay"])
        raise AssertionError(f"{update['id']} is not done")

    return wait
