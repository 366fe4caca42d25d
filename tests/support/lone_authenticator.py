"""aws-iam-authenticator for an API server without EKS, with a simulated STS and EC2.

It reads aws-auth of that API server, and gets TokenReviews as from an API server. The simulated STS accepts every
token, so that a test can use any principal: a user, a session, or a principal of another account.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlencode, urlsplit

import yaml
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap
from tenacity import retry, retry_if_result, stop_after_delay, wait_none

from lab.cloud.certificates import HostCertificates
from lab.cloud.proxy import Proxy
from lab.cluster.authenticator import Authenticator
from lab.interfaces import AuthenticationMode, CloudAccess, ClusterIdentity, ClusterKey, Programs
from lab.pki import CertificateAuthority, write_secret

ACCOUNT, REGION, CLUSTER = "111122223333", "ap-northeast-1", "eks-clu"
PRIVATE_DNS_NAME = "ip-10-0-0-7.ap-northeast-1.compute.internal"

User: TypeAlias = "tuple[str, tuple[str, ...]] | None"
"""Username and groups; None for a principal that cannot authenticate."""


def unique_id(caller_arn: str) -> str:
    """Return the unique id of a user or role by the ARN that STS returns for it, whatever the session."""
    head, assumed, rest = caller_arn.partition(":assumed-role/")
    return sha256(f"{head}{assumed}{rest.partition('/')[0]}".encode()).hexdigest()[:21].upper()


@dataclass(frozen=True)
class Principal:
    """A principal with a token: its ARN in entries, and the ARN that STS returns."""

    arn: str
    session: str = ""

    @property
    def is_role(self) -> bool:
        return ":role/" in self.arn

    @property
    def caller_arn(self) -> str:
        head, _, path = self.arn.rpartition(":role/")
        name = path.rpartition("/")[2]
        return f"{head.replace(':iam:', ':sts:')}:assumed-role/{name}/{self.session}" if head else self.arn

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def unique_id(self) -> str:
        return unique_id(self.caller_arn)

    def token(self) -> str:
        query = {
            "Action": "GetCallerIdentity",
            "Version": "2011-06-15",
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": base64.b32encode(self.caller_arn.encode()).decode().rstrip("="),
            "X-Amz-Date": datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
            "X-Amz-Expires": "60",
            "X-Amz-SignedHeaders": "host;x-k8s-aws-id",
            "X-Amz-Signature": "0" * 64,
        }
        url = f"https://sts.{REGION}.amazonaws.com/?{urlencode(query)}"
        return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


class _StandIn(BaseHTTPRequestHandler):
    """GetCallerIdentity of STS, and DescribeInstances of EC2."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body would wait 40 ms for the acknowledgement of its head

    def do_GET(self) -> None:
        credential = parse_qs(urlsplit(self.path).query)["X-Amz-Credential"][0]
        arn = base64.b32decode(credential + "=" * (-len(credential) % 8)).decode()
        session = f":{arn.rpartition('/')[2]}" if ":assumed-role/" in arn else ""
        result = {"Account": arn.split(":")[4], "Arn": arn, "UserId": unique_id(arn) + session}
        self._answer(json.dumps({"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}}))

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        (instance,) = [values[0] for name, values in form.items() if name.startswith("InstanceId")]
        self._answer(
            '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item>'
            f"<instancesSet><item><instanceId>{instance}</instanceId><privateDnsName>{PRIVATE_DNS_NAME}"
            "</privateDnsName></item></instancesSet></item></reservationSet></DescribeInstancesResponse>"
        )

    def _answer(self, body: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class _Access(CloudAccess):
    def environment(self) -> dict[str, str]:
        return {**super().environment(), "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "test"}


class LoneAuthenticator:
    """Writes aws-auth and access entries, and queries the authenticator for the identity of a principal."""

    def __init__(self, kubeconfig: str, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self.client = Client(config=KubeConfig.from_dict(json.loads(kubeconfig)), trust_env=False)
        server = yaml.safe_load(authenticator.kubeconfig.read_text())["clusters"][0]["cluster"]
        address = urlsplit(server["server"]).netloc
        trust = ssl.create_default_context(cafile=server["certificate-authority"])
        self._connection = http.client.HTTPSConnection(address, context=trust)
        self._written = 0

    def write(self, data: dict[str, str]) -> None:
        """Write `data`, which has not both mapRoles and mapUsers, and return when it is in effect.

        An entry in the other of the two keys, with another username each time, shows that it is.
        """
        self.put(self._with_sentinel(data))
        self.wait_for(SENTINEL, (f"written-{self._written}", ()))

    def _with_sentinel(self, data: dict[str, str]) -> dict[str, str]:
        self._written += 1
        key, field = ("mapUsers", "userarn") if "mapRoles" in data else ("mapRoles", "rolearn")
        entry = json.dumps([{field: SENTINEL.arn, "username": f"written-{self._written}"}])
        return {key: entry, **data}

    def put(self, data: dict[str, str]) -> None:
        """Write `data`. The authenticator reads it some time later."""
        written = ConfigMap(metadata=ObjectMeta(name="aws-auth", namespace="kube-system"), data=data)
        try:
            self.client.replace(written)
        except ApiError as error:
            assert error.status.code == 404  # noqa: PT017 - there is none yet
            self.client.create(written)

    def apply(self, identity: ClusterIdentity) -> None:
        """Set authentication mode and access entries, and return when they are in effect."""
        self._authenticator.apply(identity)

    @retry(retry=retry_if_result(lambda reached: not reached), stop=stop_after_delay(30), wait=wait_none())
    def wait_for(self, principal: Principal, user: User) -> bool:
        return self.user(principal) == user

    def user(self, principal: Principal) -> User:
        spec = {"token": principal.token()}
        review = {"apiVersion": "authentication.k8s.io/v1beta1", "kind": "TokenReview", "spec": spec}
        self._connection.request("POST", "/authenticate", json.dumps(review))
        status = json.loads(self._connection.getresponse().read())["status"]
        if not status.get("authenticated"):
            return None
        return status["user"].get("username", ""), tuple(status["user"].get("groups") or ())

    def close(self) -> None:
        self._connection.close()
        self.client.close()


SENTINEL = Principal(f"arn:aws:iam::{ACCOUNT}:user/sentinel")


@contextmanager
def lone_authenticator(programs: Programs, kubeconfig: str, folder: Path) -> Iterator[LoneAuthenticator]:
    authority = CertificateAuthority(folder / "pki")
    stand_in = ThreadingHTTPServer(("127.0.0.1", 0), _StandIn)
    Thread(target=stand_in.serve_forever, daemon=True).start()
    proxy = Proxy(HostCertificates(authority), stand_in.server_port)
    proxy.start()
    identity = ClusterIdentity(AuthenticationMode.CONFIG_MAP)
    authenticator = Authenticator(
        programs.aws_iam_authenticator,
        ClusterKey(ACCOUNT, REGION, CLUSTER),
        identity,
        folder=folder,
        logs=folder,
        serving=authority.issue("authenticator", "127.0.0.1"),
        trusted=authority.file,
        admin_kubeconfig=write_secret(folder / "admin.kubeconfig", kubeconfig),
        cloud=_Access(proxy.url, str(authority.file), REGION),
    )
    try:
        authenticator.start(identity)
        lone = LoneAuthenticator(kubeconfig, authenticator)
        yield lone
        lone.close()
    finally:
        authenticator.stop()
        proxy.stop()
        stand_in.shutdown()
        stand_in.server_close()
