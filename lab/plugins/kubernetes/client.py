"""Requests to one API server, and its responses as documents or errors.

| response of the API server         | result                                                          |
|------------------------------------|-----------------------------------------------------------------|
| 2xx                                | the document                                                    |
| another HTTP status                | `ApiError`: the object's name and the Status's message          |
| no response, or no TLS connection  | `UnreachableError`                                              |
| a `Warning` header                 | a call of `on_warning` for each text                            |
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import httpx2

from lab.plugins.errors import PluginError
from lab.plugins.kubernetes.credentials import authentication

if TYPE_CHECKING:
    from lightkube.config.kubeconfig import SingleConfig

    from lab.plugins.kubernetes.settings import ClientSettings

_WARNING: Final = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
"""One warning of a `Warning` header: code, agent, quoted text. Source: RFC 7234 section 5.5."""

CONNECT_SECONDS: Final = 10.0
"""Time limit of a connection: a missing server often does not reject connections, but never responds."""

WarningSink = Callable[[str], Awaitable[None]]


class UnreachableError(PluginError):
    """No API server responds, or the kubeconfig's CA did not sign its certificate."""


class ApiError(PluginError):
    """An error response of the API server about `subject`."""

    def __init__(self, subject: str, code: int, status: Mapping[str, Any], *, fix: str | None = None) -> None:
        message = status.get("message") or f"HTTP {code}"
        super().__init__(f"{subject}: {message}", fix=fix)
        self.subject = subject
        self.code = code
        self.status = dict(status)

    @property
    def reason(self) -> str:
        """The machine-readable reason: `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, `Forbidden` …"""
        return str(self.status.get("reason", ""))

    @property
    def causes(self) -> list[dict[str, str]]:
        """The affected fields, each with `field`, `message` and `reason`."""
        return list((self.status.get("details") or {}).get("causes") or ())


class Client:
    """A client of one API server, with the rate limit of its settings."""

    def __init__(self, config: SingleConfig, settings: ClientSettings) -> None:
        from lightkube.config.client_adapter import verify_cluster  # noqa: PLC0415

        assert config.user is not None
        self.server = config.cluster.server
        self.namespace = config.namespace
        self._throttle = Throttle(settings.qps, settings.burst)
        self._timeout = settings.timeout
        try:
            verify = verify_cluster(config.cluster, config.user, config.abs_file)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise UnreachableError(f"the kubeconfig's certificates cannot be read: {error}") from error
        self._http = httpx2.AsyncClient(
            base_url=self.server,
            verify=verify,
            auth=authentication(config.user),
            timeout=httpx2.Timeout(settings.timeout, connect=min(settings.timeout, CONNECT_SECONDS)),
            limits=httpx2.Limits(max_connections=64),
            headers={"User-Agent": "pulumi-kubernetes"},
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, *, subject: str, accept: str = "application/json") -> dict[str, Any]:
        return await self.request("GET", path, subject=subject, headers={"Accept": accept})

    async def request(
        self,
        method: str,
        path: str,
        *,
        subject: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        on_warning: WarningSink | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the document of the response.

        Raises:
            ApiError: the API server returns an error about `subject`.
            UnreachableError: the API server does not respond.
        """
        await self._throttle.acquire()
        try:
            response = await self._http.request(
                method,
                path,
                params=dict(query or {}),
                content=None if body is None else json.dumps(body),
                headers={**(headers or {}), **({} if body is None else {"Content-Type": content_type})},
            )
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error
        if on_warning is not None:
            for warning in response.headers.get_list("Warning"):
                for text in _WARNING.findall(warning):
                    await on_warning(re.sub(r"\\(.)", r"\1", text))
        return _document(response.status_code, response.content, subject)

    async def watch(self, path: str, *, subject: str, query: Mapping[str, str]) -> AsyncGenerator[dict[str, Any]]:
        """Yield the events of a watch, each with `type` and `object`, until the API server ends it."""
        await self._throttle.acquire()
        timeout = httpx2.Timeout(self._timeout, read=None)
        try:
            async with self._http.stream("GET", path, params={**query, "watch": "1"}, timeout=timeout) as response:
                if response.status_code != httpx2.codes.OK:
                    _document(response.status_code, await response.aread(), subject)
                async for line in response.aiter_lines():
                    if line:
                        yield json.loads(line)
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx2.TransportError) -> UnreachableError:
        return UnreachableError(
            f"no API server responds at {self.server}: {str(error) or type(error).__name__}",
            fix="check that the cluster runs, and the server and certificate authority in the kubeconfig",
        )


class Throttle:
    """A token bucket like client-go's: `burst` requests at once, then `qps` per second."""

    def __init__(self, qps: float, burst: int) -> None:
        self._qps = qps
        self._burst = burst
        self._tokens = float(burst)
        self._updated = time.monotonic()

    async def acquire(self) -> None:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._qps) - 1
        self._updated = now
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / self._qps)


def _document(code: int, content: bytes, subject: str) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        document = {"message": content.decode(errors="replace").strip()}
    if code < httpx2.codes.BAD_REQUEST:
        return document
    fix = None
    if code == httpx2.codes.UNAUTHORIZED:
        fix = (
            "check the kubeconfig's user and its access to the cluster: the API server does not accept its credentials"
        )
    raise ApiError(subject, code, document, fix=fix)
