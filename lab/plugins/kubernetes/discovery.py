"""Which kinds an API server serves: where each is found, and whether its objects live in namespaces."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lab.plugins.errors import PluginError

if TYPE_CHECKING:
    from lab.plugins.kubernetes.client import Client

_AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""All groups, versions and resources in one answer: GA since Kubernetes 1.30."""


@dataclass(frozen=True, order=True)
class Kind:
    """Group, version and kind; the core group is the empty one."""

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
        """From the fields of an object. `core/v1` is how Pulumi writes the core group."""
        group, _, version = api_version.rpartition("/")
        return cls("" if group == "core" else group, version, kind)


@dataclass(frozen=True)
class Resource:
    """A served kind: its name in paths, and its scope."""

    kind: Kind
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The path of an object, or of the collection."""
        group = f"/apis/{self.kind.group}" if self.kind.group else "/api"
        scope = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{group}/{self.kind.version}{scope}/{self.plural}" + (f"/{name}" if name else "")


class NotServedError(PluginError):
    """The API server has no such kind."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            f"the API server does not serve {kind}",
            fix="create its CustomResourceDefinition first (`depends_on`), or check apiVersion and kind",
        )
        self.kind = kind


class Discovery:
    """The kinds of one API server, asked for once, and again when a kind is missing."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._resources: dict[Kind, Resource] | None = None
        self._lock = asyncio.Lock()

    async def find(self, kind: Kind) -> Resource:
        """How `kind` is served. Raises `NotServedError` where it is not."""
        known = self._resources
        if known is None or kind not in known:
            known = await self._refresh(known)
        if kind not in known:
            raise NotServedError(kind)
        return known[kind]

    async def _refresh(self, seen: dict[Kind, Resource] | None) -> dict[Kind, Resource]:
        async with self._lock:
            if self._resources is None or self._resources is seen:
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
    found: dict[Kind, Resource] = {}
    for group in document["items"]:
        for version in group["versions"]:
            for resource in version.get("resources", ()):
                # `responseKind` may leave out group and version, which then are those of the path.
                kind = Kind(
                    resource["responseKind"].get("group") or group["metadata"].get("name", ""),
                    resource["responseKind"].get("version") or version["version"],
                    resource["responseKind"]["kind"],
                )
                if kind.version == version["version"]:
                    namespaced = resource["scope"] == "Namespaced"
                    found.setdefault(kind, Resource(kind, resource["resource"], namespaced))
    return found
