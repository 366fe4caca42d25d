"""What a node gives each of its pods, and what a pod gives each of its containers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.interfaces import CloudAccess

from .addresses import Endpoints
from .environment import EnvironmentBuilder
from .events import EventRecorder
from .images import Image
from .kube import Kube
from .machine import Machine
from .timing import Timing
from .volume_sources import VolumeSources
from .volumes import PodVolumes

if TYPE_CHECKING:
    from lightkube.resources.core_v1 import Pod


@dataclass(frozen=True)
class NodeContext:
    """One node, as its pods see it."""

    machine: Machine
    kube: Kube
    sources: VolumeSources
    events: EventRecorder
    images: Sequence[Image]
    cloud: CloudAccess
    endpoints: Endpoints
    """For pods with a network of their own: one hop further from IMDS than the node."""
    host_endpoints: Endpoints
    """For pods with `hostNetwork`."""
    folder: Path
    timing: Timing

    def base_environment(self, pod: Pod) -> dict[str, str]:
        """What every container has without asking for it."""
        assert pod.metadata is not None
        assert pod.metadata.name is not None
        host, port = self.kube.server.host, str(self.kube.server.port or 443)
        return {
            **self.cloud.environment(),
            "HOSTNAME": pod.metadata.name,
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
            "KUBERNETES_SERVICE_PORT_HTTPS": port,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.endpoints_of(pod).imds,
        }

    def endpoints_of(self, pod: Pod) -> Endpoints:
        assert pod.spec is not None
        return self.host_endpoints if pod.spec.hostNetwork else self.endpoints


@dataclass(frozen=True)
class PodContext:
    """One pod, as its containers see it."""

    node: NodeContext
    pod: Pod
    folder: Path
    volumes: PodVolumes
    environment: EnvironmentBuilder
    changed: Callable[[], None]
    """To be called when a container's record has changed."""

    @property
    def title(self) -> str:
        """`name_namespace(uid)`, as the kubelet writes it in messages."""
        meta = self.pod.metadata
        assert meta is not None
        return f"{meta.name}_{meta.namespace}({meta.uid})"
