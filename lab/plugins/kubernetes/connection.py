"""The connection to the API server that a provider's settings select, opened at the first request."""

from __future__ import annotations

from typing import Final

from lab.plugins.kubernetes import kubeconfig
from lab.plugins.kubernetes.client import Client, UnreachableError
from lab.plugins.kubernetes.discovery import Discovery, Kind, NotServedError, Resource
from lab.plugins.kubernetes.kubeconfig import KubeconfigError
from lab.plugins.kubernetes.settings import Settings

UNREACHABLE: Final = (UnreachableError, KubeconfigError)
"""Errors of an unreachable cluster: no response, or no usable kubeconfig."""


class Connection:
    """A connection to one API server. It reads and sends nothing before the first request."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client: Client | None = None
        self._discovery: Discovery | None = None

    @property
    def client(self) -> Client:
        """The client. Raises `KubeconfigError`, `CredentialsError` or `UnreachableError`."""
        if self._client is None:
            self._client = Client(kubeconfig.select(self.settings), self.settings.client)
        return self._client

    @property
    def default_namespace(self) -> str:
        """The namespace of objects without one: the provider's, or the kubeconfig's."""
        return self.settings.namespace or self.client.namespace

    async def resource(self, kind: Kind) -> Resource:
        """Return the served resource of `kind`. Raises `NotServedError`."""
        if self._discovery is None:
            self._discovery = Discovery(self.client)
        return await self._discovery.find(kind)

    async def namespaced(self, kind: Kind) -> bool | None:
        """Return whether `kind` is namespaced; None without a cluster.

        A kind that is not served counts as namespaced: most kinds are, and the same update may create its definition.
        """
        try:
            return (await self.resource(kind)).namespaced
        except NotServedError:
            return True
        except UNREACHABLE:
            return None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
