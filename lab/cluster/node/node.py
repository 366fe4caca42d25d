"""Lifecycle of a node: one thread with one event loop runs everything of the node.

The thread also starts the containers' processes. It lives as long as the node, because the kernel sends a child its
parent death signal when the *thread* that started it ends.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
from lightkube.resources.core_v1 import Pod

from lab.errors import StartError
from lab.interfaces import CloudAccess, ClusterKey, InstanceRoles, NodeGroup, NodeInstance, Programs
from lab.pki import CertificateFiles

from .confinement import Confinement
from .context import Endpoints, NodeContext
from .events import EventRecorder
from .images import available_images
from .imds import InstanceMetadata, InstanceProfile
from .instance import Instance
from .kube_client import KubeClient
from .kubelet_api import KubeletApi, create_tls_context
from .pod_identity_agent import PodIdentityAgent
from .pod_manager import PodManager, delete_pods
from .pod_processes import PodProcesses
from .registration import Registration
from .scheduler import Scheduler
from .servers import LoopbackServer
from .timing import Timing
from .volume_sources import VolumeSources

log = logging.getLogger(__name__)

DEREGISTRATION_TIMEOUT_SECONDS = 5


class Node:
    """One worker node of a cluster: registers itself, binds and runs pods, serves their logs.

    Args:
        name: name of the Node object in EKS's format: `ip-192-168-12-34.<region>.compute.internal`.
        group: node group of the node, with role, hop limit and labels.
        key: the cluster.
        kubeconfig: kubeconfig for the API server. The node also binds pods, so `system:node` alone is not enough.
        cloud: access of the node's pods to the lab's AWS.
        instance_roles: source of the instance role's credentials.
        folder: the node's own folder for volumes, logs and homes of its pods. It may be removed after `stop`.
        programs: programs of the images; `registry.k8s.io/kubectl` is the cluster's own kubectl.
        serving: certificate for 127.0.0.1, for the endpoint that serves logs.
        client_ca: authority of the API server's kubelet client certificate.
        agent_installed: returns whether the cluster has the add-on eks-pod-identity-agent now.
        confinement: restrictions of the pods' processes.
        timing: the kubelet's intervals.
    """

    def __init__(  # noqa: PLR0917 - a cluster passes these in this order
        self,
        name: str,
        group: NodeGroup,
        key: ClusterKey,
        kubeconfig: Path,
        cloud: CloudAccess,
        instance_roles: InstanceRoles,
        folder: Path,
        programs: Programs,
        *,
        serving: CertificateFiles,
        client_ca: Path,
        agent_installed: Callable[[], bool],
        confinement: Confinement,
        timing: Timing | None = None,
    ) -> None:
        self.name = name
        self._instance = Instance.launch(name, group, key)
        self._kubeconfig = kubeconfig
        self._cloud = cloud
        self._instance_roles = instance_roles
        self._folder = folder
        self._programs = programs
        self._serving = serving
        self._client_ca = client_ca
        self._agent_installed = agent_installed
        self._confinement = confinement
        self._timing = timing or Timing()
        self._thread = threading.Thread(target=self._run, name=f"node {name}", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_requested: asyncio.Event | None = None
        self._should_deregister = True

    @property
    def instance(self) -> NodeInstance:
        """The node's EC2 instance, as EC2 describes it."""
        return NodeInstance(self._instance.instance_id, self.name, self._instance.zone, self._instance.launched)

    def start(self) -> None:
        """Start the node without waiting for it; `wait_ready` waits."""
        self._thread.start()

    def wait_ready(self, timeout: float = 30) -> None:
        """Wait until the Node object is Ready.

        Raises:
            StartError: the node failed, or is not Ready after `timeout` seconds.
        """
        is_signalled = self._ready.wait(timeout)
        if self._failure is not None or not is_signalled:
            reason = self._failure or f"not Ready after {timeout:g} s"
            raise StartError(
                f"node {self.name}: {reason}", fix="check that the cluster's API server runs, and read its log"
            ) from self._failure

    def stop(self, *, deregister: bool = True) -> None:
        """Kill all containers of the node and stop it. Can be called again, and without a running API server.

        Args:
            deregister: also delete the Node object, its Lease and its pods.
        """
        self._should_deregister = deregister
        if self._loop is not None and self._stop_requested is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop_requested.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            log.exception("node %s failed", self.name)
            self._failure = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop_requested = asyncio.Event()
        async with AsyncExitStack() as stack:
            kube = KubeClient(self._kubeconfig)
            stack.push_async_callback(kube.close)
            instance, timing, processes = self._instance, self._timing, PodProcesses()
            host_imds, pod_imds, agent, kubelet = [await self._open_server(stack) for _ in range(4)]
            node = NodeContext(
                instance=instance,
                kube=kube,
                sources=VolumeSources(kube.client),
                events=EventRecorder(kube.client, "kubelet", self.name),
                images=available_images(self._programs),
                cloud=self._cloud,
                endpoints=Endpoints(imds=pod_imds.url, agent=agent.url),
                host_endpoints=Endpoints(imds=host_imds.url, agent=agent.url),
                folder=self._folder,
                timing=timing,
                confinement=self._confinement,
                processes=processes,
            )
            pods = PodManager(node)
            profile = InstanceProfile(instance, self._instance_roles)
            await host_imds.start(InstanceMetadata(instance, profile, processes, host_network=True).application())
            await pod_imds.start(InstanceMetadata(instance, profile, processes, host_network=False).application())
            await agent.start(PodIdentityAgent(instance, self._cloud, profile, self._agent_installed).application())
            await kubelet.start(
                KubeletApi(kube.client, self.name, pods).application(),
                create_tls_context(self._serving, self._client_ca),
            )
            registration = Registration(kube, instance, kubelet.port, timing)
            await registration.register()
            self._ready.set()
            coroutines = (node.events.run(), registration.run(), Scheduler(kube, self.name, timing).run(), pods.run())
            loops: list[asyncio.Task[None]] = [asyncio.create_task(loop) for loop in coroutines]
            stop_request = asyncio.create_task(self._wait_for_stop())
            done, pending = await asyncio.wait({*loops, stop_request}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            remaining = await pods.stop()
            if self._should_deregister:
                await self._delete_objects(kube, registration, remaining)
            await asyncio.gather(*done)

    async def _wait_for_stop(self) -> None:
        assert self._stop_requested is not None
        await self._stop_requested.wait()

    async def _delete_objects(self, kube: KubeClient, registration: Registration, pods: list[Pod]) -> None:
        try:
            async with asyncio.timeout(DEREGISTRATION_TIMEOUT_SECONDS):
                await delete_pods(kube, pods)
                await registration.deregister()
        except (TimeoutError, httpx2.HTTPError) as error:
            log.info("objects of %s not deleted: %s", self.name, error)

    @staticmethod
    async def _open_server(stack: AsyncExitStack) -> LoopbackServer:
        server = LoopbackServer()
        stack.push_async_callback(server.close)
        return server
