"""The API server that a provider's settings mean, connected to when first needed."""

from __future__ import annotations

from typing import Final

from lab.plugins.kubernetes import kubeconfig
from lab.plugins.kubernetes.client import Client, UnreachableError
from lab.plugins.kubernetes.discovery import Discovery, Kind, NotServedError, Resource
from lab.plugins.kubernetes.kubeconfig import KubeconfigError
from lab.plugins.kubernetes.settings import Settings

UNREACHABLE: Final = (UnreachableError, KubeconfigError)
"""What tells that there is no cluster to ask: nothing answers, or nothing says where to ask."""


class Connection:
    """One API server. Nothing is read or sent before the first question."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client: Client | None = None
        self._discovery: Discovery | None = None

    @property
    def client(self) -> Client:
        """Raises `KubeconfigError`, `CredentialsError` or `UnreachableError` where the settings lead nowhere."""
        if self._client is None:
            self._client = Client(kubeconfig.select(self.settings), self.settings.client)
        return self._client

    @property
    def default_namespace(self) -> str:
        """Where objects go that name no namespace: the provider's, or the kubeconfig's."""
        return self.settings.namespace or self.client.namespace

    async def resource(self, kind: Kind) -> Resource:
        """How the API server serves `kind`. Raises `NotServedError`."""
        if self._discovery is None:
            self._discovery = Discovery(self.client)
        return await self._discovery.find(kind)

    async def namespaced(self, kind: Kind) -> bool | None:
        """Whether objects of `kind` live in namespaces; None without a cluster.

        A kind that is not served is taken for a namespaced one: most are, and its definition may be in the same update.
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
