"""Fixtures of the cloud tests. Each test module has one `Cloud`, started empty: moto's state belongs to the process."""

from collections.abc import Iterator

import pytest

from lab.cloud import Cloud, issuers
from lab.errors import StartError
from lab.interfaces import ClusterIdentity, ClusterKey, ControlPlane
from lab.pki import CertificateAuthority
from support.cloud_helpers import Issuer


class NoControlPlanes:
    """Control planes that never start. Other tests cover running clusters."""

    def start(self, key: ClusterKey, identity: ClusterIdentity) -> ControlPlane:
        raise StartError(
            f"cluster {key.name} ({identity.authentication_mode}) cannot start in this test", fix="start the whole lab"
        )


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory, authority) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path_factory.mktemp("cloud"), authority)
    cloud.start()
    cloud.attach(NoControlPlanes())
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    issuer.publish()
    yield issuer
    issuers.unregister(issuer.url)
