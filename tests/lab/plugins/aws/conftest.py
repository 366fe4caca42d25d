"""What the tests of the aws and eks stand-ins share: the lab's AWS, and the real engine."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from aws_setting import History, StillControlPlanes, new_stack
from botocore.config import Config

from lab.cloud import Cloud
from lab.interfaces import clean_environment
from lab.pki import CertificateAuthority


@pytest.fixture(scope="module")
def planes() -> StillControlPlanes:
    return StillControlPlanes()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory, planes) -> Iterator[Cloud]:
    """The lab's AWS, with control planes that start nothing."""
    folder = tmp_path_factory.mktemp("cloud")
    cloud = Cloud(folder, CertificateAuthority(folder / "pki"))
    cloud.start()
    if planes is not None:
        cloud.attach(planes)
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def aws(cloud):
    """Clients of the vendor's own SDK, by service, as the administrator."""
    key = cloud.administrator
    session = boto3.Session(key.access_key_id, key.secret_access_key, region_name=cloud.region)
    config = Config(proxies={"https": cloud.access.proxy_url}, retries={"total_max_attempts": 1})
    return lambda service: session.client(service, verify=cloud.access.ca_file, config=config)


@pytest.fixture(scope="module")
def environment(cloud, pulumi_home, tmp_path_factory) -> dict[str, str]:
    """The engine's variables, AWS's and its own: nothing of the machine's configuration reaches it."""
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
    """Makes stacks of inline programs; what they leave is destroyed at the end, where it is theirs."""
    made: list[History] = []

    def make(program, *, name="test", destroyed=True) -> History:
        history = History(new_stack(tmp_path_factory.mktemp("stack"), environment, name), program)
        if destroyed:
            made.append(history)
        return history

    yield make
    for history in reversed(made):
        history.stack.destroy()
