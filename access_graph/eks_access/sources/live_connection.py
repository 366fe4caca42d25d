"""Connections to a cluster's API server: through a kubeconfig, or with a token as `aws eks get-token` signs it.

The authenticator of EKS calls STS once for each token review and does not retry. If STS fails or throttles that call,
the API server answers 401 to a valid token. The API server does not cache a failed review, so the same token can be
accepted a moment later.
Source: kube-apiserver, `newWebhookTokenAuthenticator`, which caches no errors; aws-iam-authenticator, which responds to
a token that STS does not verify with status 403, and the API server takes that as an error.
"""

from __future__ import annotations

import base64
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import boto3
from botocore.exceptions import NoCredentialsError
from botocore.signers import RequestSigner
from lightkube import Client, KubeConfig
from lightkube.config.models import Cluster, User
from lightkube.core.exceptions import ApiError, ConfigError
from msgspec import MsgspecError
from tenacity import RetryError, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from eks_access.sources.live_kubeconfig import Context

T = TypeVar("T")

TRIES = 3
"""Number of times that a request is sent while the API server answers 401. The pauses are 0.2 and 0.4 seconds."""
_UNAUTHORIZED = 401
_TOKEN_SECONDS = 14 * 60
"""EKS accepts a token for 15 minutes."""
_URL_SECONDS = 60
"""The authenticator requires a URL that is valid for at most 15 minutes; aws signs for one minute."""


class TokenRejectedError(Exception):
    """The API server answered 401 to all tries of a request."""

    def __init__(self) -> None:
        super().__init__(f"the API server does not accept the token, in {TRIES} tries")


class Connection(ABC):
    """A connection to an API server."""

    _is_rejected = False

    @abstractmethod
    def client(self) -> Client:
        """Return the client."""

    def request(self, call: Callable[[Client], T]) -> T:
        """Return the result of `call`, which is repeated if the API server answers 401.

        Raises `TokenRejectedError` after the last try. Later requests raise it at once, so that a command that reads
        many objects with a wrong token waits only once.
        """
        if self._is_rejected:
            raise TokenRejectedError
        retrying = Retrying(
            retry=retry_if_exception(_is_unauthorized),
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential(multiplier=0.2),
        )
        try:
            return retrying(lambda: call(self.client()))
        except RetryError as error:
            self._is_rejected = True
            raise TokenRejectedError from error.last_attempt.exception()


def _is_unauthorized(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.status.code == _UNAUTHORIZED


class ContextConnection(Connection):
    """A connection through a context of a kubeconfig.

    From the second try on, lightkube runs the context's token command again, and sends the request with a new token.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def client(self) -> Client:
        """Return the client."""
        return self._client

    @cached_property
    def _client(self) -> Client:
        try:
            config = KubeConfig.from_dict(dict(self._context.document), fname=self._context.file)
            return _open(self, config)
        except (KeyError, TypeError, MsgspecError) as error:
            raise ConfigError(f"context {self._context.name!r} of {self._context.file}: {error!r}") from error


class TokenConnection(Connection):
    """A connection with tokens that are signed with the AWS credentials."""

    def __init__(
        self, session: Callable[[], boto3.Session], region: str, describe_cluster: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._session = session
        self._region = region
        self._describe_cluster = describe_cluster
        self._current: tuple[float, Client] | None = None

    def client(self) -> Client:
        """Return a client with a valid token."""
        if self._current is None or time.monotonic() > self._current[0]:
            cluster, expires = self._describe_cluster(), time.monotonic() + _TOKEN_SECONDS
            api = Cluster(server=cluster["endpoint"], certificate_auth_data=cluster["certificateAuthority"]["data"])
            user = User(token=sign_token(self._session(), self._region, cluster["name"]))
            self._current = expires, _open(self, KubeConfig.from_one(cluster=api, user=user))
        return self._current[1]


def _open(connection: object, config: KubeConfig) -> Client:
    """Return a client that is closed when nothing refers to its connection any more."""
    client = Client(config=config)
    weakref.finalize(connection, client.close)
    return client


def sign_token(session: boto3.Session, region: str, cluster: str) -> str:
    """Return a token for the API server: the URL of a signed GetCallerIdentity that names the cluster.

    Source: aws-iam-authenticator, README, "API Authorization from Outside a Cluster".
    """
    sts, credentials = session.client("sts", region_name=region), session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    signer = RequestSigner(sts.meta.service_model.service_id, region, "sts", "v4", credentials, session.events)
    request = {
        "method": "GET",
        "url": f"{sts.meta.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster},
        "context": {},
    }
    url = signer.generate_presigned_url(request, region_name=region, expires_in=_URL_SECONDS, operation_name="")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
