"""A node from start to stop: one thread with one event loop, on which everything of the node happens.

The thread also starts the containers' processes. It lives as long as the node, because the kernel ends a process
that asked to die with its parent when the *thread* that started it ends.
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
from lab.interfaces import CloudAccess, ClusterKey, InstanceRoles, NodeGroup, Programs
from lab.pki import CertificateFiles

from .addresses import Endpoints
from .agent import PodIdentityAgent
from .context import NodeContext
from .events import EventRecorder
from .images import known_images
from .imds import InstanceMetadata, InstanceProfile
from .kube import Kube
from .kubelet_api import KubeletApi, tls_context
from .machine import Machine
from .pods import PodManager, delete_all
from .registration import Registration
from .scheduler import Scheduler
from .servers import LoopbackServer
from .timing import Timing
from .volume_sources import VolumeSources

log = logging.getLogger(__name__)

GOODBYE_SECONDS = 5


class Node:
    """One worker node of a cluster: registers itself, binds and runs pods, serves their logs.

    Args:
        name: the Node object's name, as EKS gives it: `ip-192-168-12-34.<region>.compute.internal`.
        group: its node group: role, hop limit, labels.
        key: its cluster.
        kubeconfig: how it reaches the API server. It binds pods too, so `system:node` alone is not enough.
        cloud: how its pods reach the lab's AWS.
        instance_roles: where its instance role's credentials come from.
        folder: its own; holds volumes, logs and homes of its pods, and may be removed after `stop`.
        programs: those that its images hold; `registry.k8s.io/kubectl` is the cluster's own kubectl.
        serving: certificate for 127.0.0.1, for the endpoint that serves logs.
        client_ca: authority of the API server's kubelet client certificate.
        agent_installed: whether the cluster has the add-on eks-pod-identity-agent now.
        timing: the kubelet's waiting times.
    """

    def __init__(  # noqa: PLR0917 - a cluster passes what it has in this order
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
        timing: Timing | None = None,
    ) -> None:
        self.name = name
        self._machine = Machine.launch(name, group, key)
        self._kubeconfig = kubeconfig
        self._cloud = cloud
        self._instance_roles = instance_roles
        self._folder = folder
        self._programs = programs
        self._serving = serving
        self._client_ca = client_ca
        self._agent_installed = agent_installed
        self._timing = timing or Timing()
        self._thread = threading.Thread(target=self._run, name=f"node {name}", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked: asyncio.Event | None = None
        self._deregister = True

    def start(self) -> None:
        """Begin; `wait_ready` tells when the node is there."""
        self._thread.start()

    def wait_ready(self, timeout: float = 30) -> None:
        """Return when the Node object says Ready.

        Raises:
            StartError: the node failed, or is not Ready after `timeout` seconds.
        """
        is_set = self._ready.wait(timeout)
        if self._failure is not None or not is_set:
            reason = self._failure or f"not Ready after {timeout:g} s"
            raise StartError(
                f"node {self.name}: {reason}", fix="look whether the cluster's API server answers, and at its log"
            ) from self._failure

    def stop(self, *, deregister: bool = True) -> None:
        """Kill everything that runs on the node, and end. Safe to repeat, and when the API server is gone.

        Args:
            deregister: also take the Node object, its Lease and its pods away.
        """
        self._deregister = deregister
        if self._loop is not None and self._stop_asked is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop_asked.set)
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
        self._stop_asked = asyncio.Event()
        async with AsyncExitStack() as stack:
            kube = Kube(self._kubeconfig)
            stack.push_async_callback(kube.close)
            machine, timing = self._machine, self._timing
            near, far, agent, kubelet = [await self._server(stack) for _ in range(4)]
            node = NodeContext(
                machine=machine,
                kube=kube,
                sources=VolumeSources(kube.client),
                events=EventRecorder(kube.client, "kubelet", self.name),
                images=known_images(self._programs),
                cloud=self._cloud,
                endpoints=Endpoints(imds=far.url, agent=agent.url),
                host_endpoints=Endpoints(imds=near.url, agent=agent.url),
                folder=self._folder,
                timing=timing,
            )
            pods = PodManager(node)
            profile = InstanceProfile(machine, self._instance_roles)
            await near.start(InstanceMetadata(machine, profile, hops=1).application())
            await far.start(InstanceMetadata(machine, profile, hops=2).application())
            await agent.start(PodIdentityAgent(machine, self._cloud, profile, self._agent_installed).application())
            await kubelet.start(
                KubeletApi(kube.client, self.name, pods).application(), tls_context(self._serving, self._client_ca)
            )
            registration = Registration(kube, machine, kubelet.port, timing)
            await registration.register()
            self._ready.set()
            endless = (node.events.run(), registration.run(), Scheduler(kube, self.name, timing).run(), pods.run())
            loops: list[asyncio.Task[None]] = [asyncio.create_task(loop) for loop in endless]
            asked = asyncio.create_task(self._wait_for_stop())
            done, pending = await asyncio.wait({*loops, asked}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            remaining = await pods.stop()
            if self._deregister:
                await self._say_goodbye(kube, registration, remaining)
            await asyncio.gather(*done)

    async def _wait_for_stop(self) -> None:
        assert self._stop_asked is not None
        await self._stop_asked.wait()

    async def _say_goodbye(self, kube: Kube, registration: Registration, pods: list[Pod]) -> None:
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await delete_all(kube, pods)
                await registration.deregister()
        except (TimeoutError, httpx2.HTTPError) as error:
            log.info("%s left its objects behind: %s", self.name, error)

    @staticmethod
    async def _server(stack: AsyncExitStack) -> LoopbackServer:
        server = LoopbackServer()
        stack.push_async_callback(server.close)
        return server
