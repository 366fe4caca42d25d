"""Sessions and requests of AWS: those of the cluster's account, and those of other accounts.

A request that fails raises `NotReadError`, with the IAM action if AWS denies it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from eks_access.graph.tables import NotReadError

T = TypeVar("T")
R = TypeVar("R")

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_MISSING = {"NoSuchEntity", "ResourceNotFoundException"}
_THROTTLING = {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
_THREADS = 8
CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 5},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=_THREADS,
    user_agent_extra="eks-access",
)


class Accounts:
    """Sessions by AWS account. They are opened when a request needs them."""

    def __init__(
        self,
        sessions: Mapping[str, boto3.Session],
        region: str,
        cluster_account: str,
        others: Mapping[str, str],
        failure: str = "",
    ) -> None:
        """Use `sessions`, and for other accounts the role ARNs or profiles in `others`.

        `failure` is the reason why `sessions` has none of the cluster's account.
        """
        self.region = region
        self.cluster_account = cluster_account
        self.failure = failure
        self._sessions = dict(sessions)
        self._others = others
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.RLock()

    def api(self, service: str, account: str | None = None) -> Api:
        """Return the API of a service, by default in the cluster's account."""
        return Api(service, lambda part: self._client(part, service, account or self.cluster_account))

    def cluster_session(self, part: str) -> boto3.Session:
        """Return the session of the cluster's account. Raises `NotReadError` for `part`."""
        return self._session(part, self.cluster_account)

    def _client(self, part: str, service: str, account: str) -> Any:
        with self._lock:
            key = (account, service)
            if key not in self._clients:
                session: Any = self._session(part, account)
                self._clients[key] = session.client(service, region_name=self.region, config=CONFIG)
            return self._clients[key]

    def _session(self, part: str, account: str) -> boto3.Session:
        if account not in self._sessions:
            self._sessions[account] = self._open_session(part, account)
        return self._sessions[account]

    def _open_session(self, part: str, account: str) -> boto3.Session:
        credentials = self._others.get(account)
        if credentials is None and self.failure and self.cluster_account in ("", account):
            raise NotReadError(part, self.failure)
        if credentials is None:
            raise NotReadError(
                part, f"account {account} is not the cluster's; pass --account {account}=ROLE_OR_PROFILE"
            )
        try:
            session = self._assume(credentials) if credentials.startswith("arn:") else open_profile(credentials)
            actual = caller_account(session, self.region)
        except (BotoCoreError, ClientError) as error:
            raise NotReadError(part, f"--account {account}={credentials}: {reason_of(error, 'sts')}") from error
        if actual != account:
            raise NotReadError(part, f"--account {account}={credentials}: these credentials are of account {actual}")
        return session

    def _assume(self, role_arn: str) -> boto3.Session:
        base = next(iter(self._sessions.values()), None) or open_profile(None)
        sts = base.client("sts", region_name=self.region, config=CONFIG)
        keys = sts.assume_role(RoleArn=role_arn, RoleSessionName="eks-access")["Credentials"]
        return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


class Api:
    """The API of one AWS service in one account."""

    def __init__(self, service: str, connect: Callable[[str], Any]) -> None:
        self._service = service
        self._connect = connect

    def call(self, part: str, operation: str, absent: Iterable[str] = (), **arguments: Any) -> dict[str, Any] | None:
        """Return the response of an operation such as `get_role`; None if AWS has no such object.

        `absent` are further error codes that say so. Raises `NotReadError` for `part`.
        """
        client = self._connect(part)
        try:
            response: dict[str, Any] = getattr(client, operation)(**arguments)
        except ClientError as error:
            if error_code(error) in {*_MISSING, *absent}:
                return None
            raise NotReadError(part, reason_of(error, self._service)) from error
        except BotoCoreError as error:
            raise NotReadError(part, reason_of(error, self._service)) from error
        return response

    def pages(self, part: str, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages of a listing; none if AWS has no such object. Raises `NotReadError` for `part`."""
        client = self._connect(part)
        try:
            yield from client.get_paginator(operation).paginate(**arguments)
        except ClientError as error:
            if error_code(error) not in _MISSING:
                raise NotReadError(part, reason_of(error, self._service)) from error
        except BotoCoreError as error:
            raise NotReadError(part, reason_of(error, self._service)) from error


def each(read: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return what `read` returns for each item, in order, for AWS APIs that describe only one object at a time."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(read, items))


def open_profile(profile: str | None) -> boto3.Session:
    """Return the session of a profile, by default of the environment. Raises `BotoCoreError` for unknown profiles."""
    return boto3.Session(profile_name=profile)


def caller_account(session: boto3.Session, region: str) -> str:
    """Return the account of a session's credentials. Every principal may ask for it."""
    return str(session.client("sts", region_name=region, config=CONFIG).get_caller_identity()["Account"])


def reason_of(error: BotoCoreError | ClientError, service: str) -> str:
    """Return an error in one line, with the IAM action if AWS denies it."""
    if not isinstance(error, ClientError):
        return f"{type(error).__name__}: {error}"
    if error_code(error) in _DENIED:
        return f"AccessDenied: {service}:{error.operation_name}"
    return f"{error_code(error)}: {error.response.get('Error', {}).get('Message', '')}"


def is_temporary(error: ClientError) -> bool:
    """Return whether AWS throttled the call or failed in it: the same call can succeed later."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return status in {429, 500, 502, 503, 504} or error_code(error) in _THROTTLING


def error_code(error: ClientError) -> str:
    """Return the code of an error of AWS."""
    return str(error.response.get("Error", {}).get("Code", ""))
