"""Discovery of the kinds that an API server serves, with their paths and scopes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lab.plugins.errors import PluginError

if TYPE_CHECKING:
    from lab.plugins.kubernetes.client import Client

_AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""All groups, versions and resources in one response: GA since Kubernetes 1.30."""


@dataclass(frozen=True, order=True)
class Kind:
    """Group, version and kind. The core group is empty."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        return f"{self.api_version} {self.kind}"

    @classmethod
    def of(cls, api_version: str, kind: str) -> Kind:
        """Parse the fields of an object. Pulumi writes the core group as `core/v1`."""
        group, _, version = api_version.rpartition("/")
        return cls("" if group == "core" else group, version, kind)


@dataclass(frozen=True)
class Resource:
    """A served kind, with its name in paths and its scope."""

    kind: Kind
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Return the path of an object, or of the collection without `name`."""
        group = f"/apis/{self.kind.group}" if self.kind.group else "/api"
        scope = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{group}/{self.kind.version}{scope}/{self.plural}" + (f"/{name}" if name else "")


class NotServedError(PluginError):
    """The API server does not serve the kind."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            f"the API server does not serve {kind}",
            fix="create its CustomResourceDefinition first (`depends_on`), or check apiVersion and kind",
        )
        self.kind = kind


class Discovery:
    """The kinds of one API server, queried once, and again if a kind is missing."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._resources: dict[Kind, Resource] | None = None
        self._lock = asyncio.Lock()

    async def find(self, kind: Kind) -> Resource:
        """Return the resource of `kind`. Raises `NotServedError`."""
        resources = self._resources
        if resources is None or kind not in resources:
            resources = await self._refresh(resources)
        if kind not in resources:
            raise NotServedError(kind)
        return resources[kind]

    async def _refresh(self, previous: dict[Kind, Resource] | None) -> dict[Kind, Resource]:
        async with self._lock:
            if self._resources is None or self._resources is previous:
                core, groups = await asyncio.gather(
                    self._client.get("/api", subject="discovery", accept=_AGGREGATED),
                    self._client.get("/apis", subject="discovery", accept=_AGGREGATED),
                )
                self._resources = {**_resources(core), **_resources(groups)}
            return self._resources


def _resources(document: dict[str, Any]) -> dict[Kind, Resource]:
    if document.get("kind") != "APIGroupDiscoveryList":
        raise PluginError(
            "the API server has no aggregated discovery",
            fix="use Kubernetes 1.30 or newer",
        )
    resources_by_kind: dict[Kind, Resource] = {}
    for group in document["items"]:
        for version in group["versions"]:
            for resource in version.get("resources", ()):
                # `responseKind` may omit group and version, which then are those of the path.
                kind = Kind(
                    resource["responseKind"].get("group") or group["metadata"].get("name", ""),
                    resource["responseKind"].get("version") or version["version"],
                    resource["responseKind"]["kind"],
                )
                if kind.version == version["version"]:
                    namespaced = resource["scope"] == "Namespaced"
                    resources_by_kind.setdefault(kind, Resource(kind, resource["resource"], namespaced))
    return resources_by_kind
