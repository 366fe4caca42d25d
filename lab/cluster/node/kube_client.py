"""The node's API client: lightkube, and plain HTTP for calls that lightkube does not support."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import msgspec
from lightkube.config import client_adapter
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.async_client import AsyncClient
from lightkube.types import PatchType

if TYPE_CHECKING:
    from pathlib import Path

    from lightkube.resources.core_v1 import Pod


class KubeClient:
    """One node's connection to the API server of its cluster. The user's proxy settings are ignored."""

    def __init__(self, kubeconfig: Path) -> None:
        config = KubeConfig.from_file(kubeconfig).get()
        assert config is not None
        self.client = AsyncClient(config=config, trust_env=False, field_manager="kubelet")
        self._http = client_adapter.AsyncClient(
            config, client_adapter.ConnectionParams(timeout=httpx2.Timeout(10), trust_env=False)
        )
        self.server = httpx2.URL(config.cluster.server)

    async def close(self) -> None:
        await self.client.close()
        await self._http.aclose()

    async def version(self) -> str:
        """Return the API server's version, such as `v1.37.2`."""
        response = await self._http.get("/version")
        response.raise_for_status()
        return str(response.json()["gitVersion"])

    async def patch_status(self, pod: Pod, status: Any) -> None:
        """Write the status of `pod`. If another pod has its name now, the API server rejects the patch (409)."""
        assert pod.metadata is not None
        patch = {"metadata": {"uid": pod.metadata.uid}, "status": status.to_dict()}
        response = await self._http.patch(
            f"{_path(pod)}/status",
            content=msgspec.json.encode(patch),
            headers={"Content-Type": PatchType.MERGE.value},
        )
        response.raise_for_status()

    async def bind(self, pod: Pod, node_name: str) -> None:
        """Bind `pod` to a node. (lightkube cannot decode the response, which is a Status and not a Binding.)"""
        assert pod.metadata is not None
        binding = {
            "metadata": {"name": pod.metadata.name, "uid": pod.metadata.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node_name},
        }
        response = await self._http.post(f"{_path(pod)}/binding", json=binding)
        response.raise_for_status()

    async def delete_object(self, pod: Pod) -> None:
        """Delete the object of a pod whose containers have all ended, as the kubelet does last."""
        assert pod.metadata is not None
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod.metadata.uid}}
        response = await self._http.request("DELETE", _path(pod), json=options)
        if response.status_code not in {404, 409}:
            response.raise_for_status()


def _path(pod: Pod) -> str:
    assert pod.metadata is not None
    return f"/api/v1/namespaces/{pod.metadata.namespace}/pods/{pod.metadata.name}"
