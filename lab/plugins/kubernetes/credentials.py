"""Authentication of requests to the API server: exec plugins such as `aws eks get-token`, tokens, or basic auth.

lightkube's own exec support runs the command for every request in progress when the first token is due. This module
runs it once, keeps its token until it expires or the API server rejects it, and supports v1 and v1beta1.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import httpx2

from lab.plugins.errors import PluginError

if TYPE_CHECKING:
    from lightkube.config.models import User, UserExec

_API_VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_EARLY: Final = timedelta(seconds=30)
"""Time before its expiry from which a token is not used: clocks differ, and a request takes time."""


class CredentialsError(PluginError):
    """The kubeconfig's user has no credentials that this plugin can use."""


def authentication(user: User) -> httpx2.Auth | None:
    """Return the authentication of `user`; None for a client certificate or no credentials.

    Raises:
        CredentialsError: the kind of credentials is not supported.
    """
    if user.exec:
        return ExecAuthentication(user.exec)
    if user.token_file or user.token:
        from lightkube.config.client_adapter import user_auth  # noqa: PLC0415

        return user_auth(user)
    if user.username and user.password:
        return httpx2.BasicAuth(user.username, user.password)
    if user.auth_provider:
        raise CredentialsError(
            "the kubeconfig's user has an auth-provider, which Kubernetes removed in 1.26",
            fix="use an exec plugin: `aws eks update-kubeconfig` writes one",
        )
    return None


@dataclass(frozen=True)
class _Token:
    value: str
    expires: datetime | None

    def is_fresh(self) -> bool:
        return self.expires is None or datetime.now(UTC) + _EARLY < self.expires


class ExecAuthentication(httpx2.Auth):
    """Bearer tokens of an exec plugin. It runs the plugin again when a token expires, and once when it is rejected."""

    def __init__(self, settings: UserExec) -> None:
        if settings.apiVersion not in _API_VERSIONS:
            raise CredentialsError(
                f"the kubeconfig's exec plugin uses {settings.apiVersion}; only v1 and v1beta1 are supported",
                fix="write the kubeconfig again, with a current `aws eks update-kubeconfig`",
            )
        self._settings = settings
        self._token: _Token | None = None
        self._lock = asyncio.Lock()

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        token = await self._current(rejected=None)
        request.headers["Authorization"] = f"Bearer {token.value}"
        response = yield request
        if response.status_code == httpx2.codes.UNAUTHORIZED:
            token = await self._current(rejected=token)
            request.headers["Authorization"] = f"Bearer {token.value}"
            yield request

    async def _current(self, *, rejected: _Token | None) -> _Token:
        async with self._lock:
            if self._token is None or self._token is rejected or not self._token.is_fresh():
                self._token = await self._run()
            return self._token

    async def _run(self) -> _Token:
        settings = self._settings
        info = {"apiVersion": settings.apiVersion, "kind": "ExecCredential", "spec": {"interactive": False}}
        environment = {
            **os.environ,
            **{variable.name: variable.value for variable in settings.env or ()},
            "KUBERNETES_EXEC_INFO": json.dumps(info),
        }
        command_line = " ".join([settings.command, *(settings.args or ())])
        try:
            process = await asyncio.create_subprocess_exec(
                settings.command,
                *(settings.args or ()),
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            hint = settings.installHint or f"put {settings.command} on PATH"
            raise CredentialsError(f"the kubeconfig's exec plugin did not start: {error}", fix=hint) from error
        output, errors = await process.communicate()
        if process.returncode:
            raise CredentialsError(f"`{command_line}` failed with {process.returncode}: {errors.decode().strip()}")
        return _parse(output, command_line)


def _parse(output: bytes, command_line: str) -> _Token:
    try:
        status: dict[str, Any] = json.loads(output)["status"]
        expires = status.get("expirationTimestamp")
        return _Token(status["token"], datetime.fromisoformat(expires) if expires else None)
    except (ValueError, KeyError, TypeError) as error:
        raise CredentialsError(f"`{command_line}` printed no ExecCredential with a token") from error
