"""The lab's AWS as one thing that can be started and stopped."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import moto.iam.urls
import moto.sts.urls
from moto.core.base_backend import BackendDict
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import SIGNING_ALIASES
from moto.utilities.utils import get_partition

from lab.cloud import authorization, eks, root_user
from lab.cloud.certificates import HostCertificates
from lab.cloud.ec2 import Ec2InstanceRoles
from lab.cloud.iam import LabIamResponse, give_unique_id
from lab.cloud.isolation import isolated_environment
from lab.cloud.proxy import Proxy
from lab.cloud.server import Server
from lab.cloud.sessions import sessions
from lab.cloud.sts import StsResponse
from lab.errors import StartError
from lab.interfaces import CloudAccess, ControlPlanes, Credentials, InstanceRoles
from lab.pki import CertificateAuthority

ADMINISTRATOR = "lab-admin"
REGION = "ap-northeast-1"
ACCOUNT = "123456789012"

Part = TypeVar("Part")
_one_at_a_time = threading.Lock()


class Cloud:
    """AWS on this machine: IAM enforced for every call, reached by AWS's own host names through `access`.

    Its state is moto's, which belongs to the process: one `Cloud` at a time in a process, and a new one starts empty.
    """

    def __init__(
        self, folder: Path, authority: CertificateAuthority, *, region: str = REGION, account: str = ACCOUNT
    ) -> None:
        """`folder` is the cloud's own and is made; `authority` signs AWS's host names."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.region = region
        self.account = account
        self.instance_roles: InstanceRoles = Ec2InstanceRoles()
        self._authority = authority
        self._running: ExitStack | None = None
        self._access: CloudAccess | None = None
        self._administrator: Credentials | None = None
        self._roots: dict[str, Credentials] = {}
        self._server: Server | None = None

    @property
    def access(self) -> CloudAccess:
        """How a program reaches this AWS.

        Raises:
            StartError: it is not running.
        """
        return _running(self._access)

    @property
    def administrator(self) -> Credentials:
        """The long-lived key of the IAM user `lab-admin`, who may do everything in the account.

        Raises:
            StartError: the cloud is not running.
        """
        return _running(self._administrator)

    def start(self) -> None:
        """Start empty, with one administrator. IAM is enforced from the first request on.

        Raises:
            StartError: a `Cloud` runs in this process already, or a port cannot be opened.
        """
        if not _one_at_a_time.acquire(blocking=False):
            raise StartError(
                "This process runs an AWS already, and its state belongs to the process",
                fix="stop the other Cloud, or start this one in a process of its own",
            )
        with ExitStack() as stack:
            stack.callback(_one_at_a_time.release)
            stack.enter_context(isolated_environment())
            _forget_everything()
            stack.callback(_forget_everything)
            _register()
            stack.callback(authorization.install())
            self._administrator = self.add_account(self.account)
            self._server = Server()
            self._server.start()
            stack.callback(self._server.stop)
            proxy = Proxy(HostCertificates(self._authority), self._server.port)
            proxy.start()
            stack.callback(proxy.stop)
            self._access = CloudAccess(proxy.url, str(self._authority.file), self.region)
            self._running = stack.pop_all()

    def stop(self) -> None:
        """Stop everything, the attached control planes first, and forget the state. Does nothing if not running."""
        running, self._running = self._running, None
        self._access = self._administrator = self._server = None
        if running is not None:
            running.close()

    def attach(self, control_planes: ControlPlanes) -> None:
        """Let EKS start its clusters through `control_planes`."""
        server, running = _running(self._server), _running(self._running)
        eks.install(control_planes)
        running.callback(eks.shutdown)
        server.aws.dispatcher.forget("eks")

    def add_account(self, account: str) -> Credentials:
        """Make an account (12 digits) with an administrator of its own; returns that one's key."""
        iam = iam_backends[account][get_partition(self.region)]
        give_unique_id(iam.create_user(self.region, ADMINISTRATOR))
        iam.attach_user_policy(f"arn:{iam.partition}:iam::aws:policy/AdministratorAccess", ADMINISTRATOR)
        key = iam.create_access_key(ADMINISTRATOR)
        self._roots[account] = root_user.make(account, iam.partition)
        return Credentials(key.access_key_id, key.secret_access_key)

    def root_user(self, account: str) -> Credentials:
        """The key of an account's root user, as its console would give it."""
        return self._roots[account]


def _running(part: Part | None) -> Part:
    if part is None:
        raise StartError("The lab's AWS is not running", fix="call Cloud.start() first")
    return part


def _register() -> None:
    """Put the lab's operations where moto looks for a service's."""
    moto.iam.urls.url_paths = {"{0}/$": LabIamResponse.dispatch}
    moto.sts.urls.url_paths = {"{0}/$": StsResponse.dispatch}
    # eks-auth is a service of its own by host and signature; its operations are served beside EKS's.
    SIGNING_ALIASES["eks-auth"] = "eks"


def _forget_everything() -> None:
    BackendDict.reset()
    sessions.clear()
    root_user.forget()
