"""Fixtures of the lab's aws and eks plugins: the lab's AWS and the engine."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from lab.cloud import Cloud
from lab.interfaces import clean_environment
from lab.pki import CertificateAuthority
from support.aws_plugin import History, SimulatedControlPlanes, new_stack


@pytest.fixture(scope="module")
def planes() -> SimulatedControlPlanes:
    return SimulatedControlPlanes()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory, planes) -> Iterator[Cloud]:
    """The lab's AWS with simulated control planes."""
    folder = tmp_path_factory.mktemp("cloud")
    cloud = Cloud(folder, CertificateAuthority(folder / "pki"))
    cloud.start()
    if planes is not None:
        cloud.attach(planes)
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def aws(cloud):
    """Return boto3 clients of the administrator by service."""
    key = cloud.administrator
    session = boto3.Session(key.access_key_id, key.secret_access_key, region_name=cloud.region)
    config = Config(proxies={"https": cloud.access.proxy_url}, retries={"total_max_attempts": 1})
    return lambda service: session.client(service, verify=cloud.access.ca_file, config=config)


@pytest.fixture(scope="module")
def environment(cloud, pulumi_home, tmp_path_factory) -> dict[str, str]:
    """The environment of the engine, without the machine's own configuration."""
    assert shutil.which("pulumi"), "pulumi is not on PATH"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {
        **clean_environment(os.environ),
        **cloud.access.environment(),
        "AWS_ACCESS_KEY_ID": cloud.administrator.access_key_id,
        "AWS_SECRET_ACCESS_KEY": cloud.administrator.secret_access_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PATH": path,
        "PULUMI_HOME": str(pulumi_home),
        "PULUMI_CONFIG_PASSPHRASE": "lab",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
    }


@pytest.fixture(scope="module")
def new_history(tmp_path_factory, environment) -> Iterator:
    """Return a function that creates stacks of inline programs, which are destroyed at the end."""
    histories: list[History] = []

    def create(program, *, name="test", destroyed=True) -> History:
        history = History(new_stack(tmp_path_factory.mktemp("stack"), environment, name), program)
        if destroyed:
            histories.append(history)
        return history

    yield create
    for history in reversed(histories):
        history.stack.destroy()
