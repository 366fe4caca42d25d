"""The `Cloud` class: starts and stops the lab's AWS.

While it runs, botocore, on which moto is built, finds no real AWS credentials or settings in this process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import moto.ec2.urls
import moto.iam.urls
import moto.kms.urls
import moto.sts.urls
from moto.core.base_backend import BackendDict
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

from lab.cloud import authorization, cloudformation, eks, issuers, root_user
from lab.cloud.certificates import HostCertificates
from lab.cloud.ec2 import LabEc2Response
from lab.cloud.iam import LabIamResponse, assign_unique_id
from lab.cloud.identity import Ec2InstanceRoles
from lab.cloud.kms import LabKmsResponse
from lab.cloud.proxy import Proxy
from lab.cloud.server import Server
from lab.cloud.sessions import sessions
from lab.cloud.sts import StsResponse
from lab.errors import StartError
from lab.faults import FaultFile, FaultSwitch
from lab.interfaces import CloudAccess, ControlPlanes, Credentials, InstanceRoles
from lab.pki import CertificateAuthority

ADMINISTRATOR = "lab-admin"
REGION = "ap-northeast-1"
ACCOUNT = "123456789012"

Part = TypeVar("Part")
_process_lock = threading.Lock()
_AWS_SETTINGS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""Environment variables that keep botocore from reading `~/.aws` and instance metadata."""


class Cloud:
    """A local AWS that authorizes each operation that it implements, and rejects all others.

    Programs reach it by AWS's host names with the settings in `access`.

    moto's state belongs to the process. A process therefore runs one `Cloud` at a time, and each start is empty.
    """

    def __init__(
        self, folder: Path, authority: CertificateAuthority, *, region: str = REGION, account: str = ACCOUNT
    ) -> None:
        """Create the object without starting it.

        Args:
            folder: Folder for this cloud only. It is created.
            authority: Signs the certificates of AWS's host names.
            region: Region of clients by default.
            account: Id of the first account (12 digits).
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.faults = FaultFile(folder)
        self.region = region
        self.account = account
        self.instance_roles: InstanceRoles = Ec2InstanceRoles()
        self._authority = authority
        self._running: ExitStack | None = None
        self._access: CloudAccess | None = None
        self._administrator: Credentials | None = None
        self._root_users: dict[str, Credentials] = {}
        self._server: Server | None = None

    @property
    def access(self) -> CloudAccess:
        """The settings with which a program reaches this AWS.

        Raises:
            StartError: the cloud is not running.
        """
        return _require_running(self._access)

    @property
    def administrator(self) -> Credentials:
        """The access key of the IAM user `lab-admin`, which has AdministratorAccess in the first account.

        Raises:
            StartError: the cloud is not running.
        """
        return _require_running(self._administrator)

    def start(self) -> None:
        """Start an empty AWS with one account and its administrator. IAM is enforced from the first request.

        Raises:
            StartError: another `Cloud` is running in this process, or a port cannot be opened.
        """
        if not _process_lock.acquire(blocking=False):
            raise StartError(
                "Another Cloud is running in this process, and moto's state belongs to the process",
                fix="stop the other Cloud, or start this one in another process",
            )
        with ExitStack() as stack:
            stack.callback(_process_lock.release)
            stack.enter_context(isolated_environment())
            _reset_state()
            stack.callback(_reset_state)
            _register_operations()
            stack.callback(cloudformation.shutdown)
            stack.callback(authorization.install())
            self._administrator = self.add_account(self.account)
            self._server = Server(FaultSwitch(self.faults))
            self._server.start()
            stack.callback(self._server.stop)
            issuers.set_thumbprint(self._authority.thumbprint)
            proxy = Proxy(HostCertificates(self._authority), self._server.port)
            proxy.start()
            stack.callback(proxy.stop)
            self._access = CloudAccess(proxy.url, str(self._authority.file), self.region)
            self._running = stack.pop_all()

    def stop(self) -> None:
        """Stop the attached control planes, then all other parts, and delete the state. Does nothing if not running."""
        running, self._running = self._running, None
        self._access = self._administrator = self._server = None
        if running is not None:
            running.close()

    def attach(self, control_planes: ControlPlanes) -> None:
        """Install EKS, which starts its clusters with `control_planes`."""
        server, running = _require_running(self._server), _require_running(self._running)
        eks.install(control_planes)
        running.callback(eks.shutdown)
        server.application.dispatcher.discard_application("eks")

    def add_account(self, account: str) -> Credentials:
        """Create an account (12 digits) with its own administrator and return the administrator's access key."""
        iam = iam_backends[account][get_partition(self.region)]
        assign_unique_id(iam.create_user(self.region, ADMINISTRATOR))
        iam.attach_user_policy(f"arn:{iam.partition}:iam::aws:policy/AdministratorAccess", ADMINISTRATOR)
        key = iam.create_access_key(ADMINISTRATOR)
        self._root_users[account] = root_user.create(account, iam.partition)
        return Credentials(key.access_key_id, key.secret_access_key)

    def root_user(self, account: str) -> Credentials:
        """Return the access key of an account's root user."""
        return self._root_users[account]


@contextmanager
def isolated_environment() -> Iterator[None]:
    """Remove all AWS and moto variables from this process's environment, and restore them at the end."""
    saved = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "MOTO_"))}
    for name in saved:
        del os.environ[name]
    os.environ.update(_AWS_SETTINGS)
    try:
        yield
    finally:
        for name in _AWS_SETTINGS:
            os.environ.pop(name, None)
        os.environ.update(saved)


def _require_running(part: Part | None) -> Part:
    if part is None:
        raise StartError("The lab's AWS is not running", fix="call Cloud.start() first")
    return part


def _register_operations() -> None:
    """Register the lab's EC2, IAM, KMS, STS and CloudFormation operations in moto's URL tables."""
    moto.iam.urls.url_paths = {"{0}/$": LabIamResponse.dispatch}
    moto.sts.urls.url_paths = {"{0}/$": StsResponse.dispatch}
    moto.ec2.urls.url_paths = {"{0}/": LabEc2Response.dispatch}
    moto.kms.urls.url_paths = {"{0}/$": LabKmsResponse.dispatch}
    cloudformation.install()


def _reset_state() -> None:
    BackendDict.reset()
    sessions.clear()
    root_user.clear()
