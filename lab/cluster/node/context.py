"""Resources that a node provides to its pods, and a pod to its containers.

No user without root can own 169.254.170.23 (the EKS Pod Identity Agent) or 169.254.169.254 (IMDS). A pod's spec
therefore keeps AWS's addresses, and its processes get loopback addresses of the node. AWS SDKs accept loopback for
both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.interfaces import CloudAccess

from .confinement import Confinement
from .environment import EnvironmentBuilder
from .events import EventRecorder
from .images import Image
from .instance import Instance
from .kube_client import KubeClient
from .pod_processes import PodProcesses
from .timing import Timing
from .volume_sources import VolumeSources
from .volumes import PodVolumes

if TYPE_CHECKING:
    from lightkube.resources.core_v1 import Pod


AGENT_HOSTS = ("http://169.254.170.23", "http://[fd00:ec2::23]")
IMDS_HOSTS = ("http://169.254.169.254", "http://[fd00:ec2::254]")


@dataclass(frozen=True)
class Endpoints:
    """The endpoints of a node that one pod uses, as URLs without a path."""

    imds: str
    agent: str

    def rewrite(self, text: str) -> str:
        """Return `text` with loopback URLs instead of link-local ones."""
        for host in AGENT_HOSTS:
            text = text.replace(host, self.agent)
        for host in IMDS_HOSTS:
            text = text.replace(host, self.imds)
        return text


@dataclass(frozen=True)
class NodeContext:
    """Resources of one node for its pods."""

    instance: Instance
    kube: KubeClient
    sources: VolumeSources
    events: EventRecorder
    images: Sequence[Image]
    cloud: CloudAccess
    endpoints: Endpoints
    """For pods without `hostNetwork`: they are one hop further from IMDS than the node."""
    host_endpoints: Endpoints
    """For pods with `hostNetwork`."""
    folder: Path
    timing: Timing
    confinement: Confinement
    processes: PodProcesses

    def base_environment(self, pod: Pod) -> dict[str, str]:
        """Return the variables that every container has by default."""
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
        return self.host_endpoints if has_host_network(pod) else self.endpoints


def has_host_network(pod: Pod) -> bool:
    assert pod.spec is not None
    return bool(pod.spec.hostNetwork)


@dataclass(frozen=True)
class PodContext:
    """Resources of one pod for its containers."""

    node: NodeContext
    pod: Pod
    folder: Path
    volumes: PodVolumes
    environment: EnvironmentBuilder
    notify_change: Callable[[], None]
    """Called when a container's record has changed."""

    @property
    def title(self) -> str:
        """`name_namespace(uid)`, as the kubelet writes it in messages."""
        meta = self.pod.metadata
        assert meta is not None
        return f"{meta.name}_{meta.namespace}({meta.uid})"
