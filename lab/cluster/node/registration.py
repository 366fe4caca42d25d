"""The node's object and its Lease: what `kubectl get nodes` shows, and the sign of life behind it."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from datetime import UTC, datetime

import httpx2
import psutil
from lightkube.core.exceptions import ApiError
from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.core_v1 import (
    DaemonEndpoint,
    NodeAddress,
    NodeCondition,
    NodeDaemonEndpoints,
    NodeSpec,
    NodeStatus,
    NodeSystemInfo,
)
from lightkube.models.meta_v1 import ObjectMeta, OwnerReference
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import Node as NodeObject
from lightkube.types import PatchType

from .kube import Kube
from .machine import HOST_IP, INSTANCE_TYPE, Machine
from .timing import Timing

log = logging.getLogger(__name__)

LEASES = "kube-node-lease"
MAX_PODS = 110


class Registration:
    """Keeps one node registered while it runs."""

    def __init__(self, kube: Kube, machine: Machine, kubelet_port: int, timing: Timing) -> None:
        self._kube = kube
        self._machine = machine
        self._port = kubelet_port
        self._timing = timing

    async def register(self) -> None:
        """Write the Node object, Ready. One left by an earlier run of the same name is taken over."""
        client = self._kube.client
        node = NodeObject(metadata=ObjectMeta(name=self._machine.name, labels=labels(self._machine)), spec=self._spec())
        try:
            node = await client.create(node)
        except ApiError as error:
            if error.status.code != 409:
                raise
            node = await client.patch(NodeObject, self._machine.name, node, patch_type=PatchType.MERGE)
        version = f"{await self._kube.version()}-eks-lab"
        status = {"status": node_status(self._machine, version, self._port).to_dict()}
        await client.patch(NodeObject.Status, self._machine.name, status, patch_type=PatchType.MERGE)
        await self._untaint(node)
        await self._create_lease(node)

    async def run(self) -> None:
        """Renew the Lease, for ever."""
        while True:
            await asyncio.sleep(self._timing.heartbeat)
            renewal = {"spec": {"renewTime": datetime.now(UTC)}}
            try:
                await self._kube.client.patch(
                    Lease, self._machine.name, renewal, namespace=LEASES, patch_type=PatchType.MERGE
                )
            except httpx2.HTTPError as error:
                log.info("%s: lease not renewed: %s", self._machine.name, error)

    async def deregister(self) -> None:
        """Take the Node object and its Lease away."""
        for resource, namespace in ((Lease, LEASES), (NodeObject, None)):
            try:
                if namespace:
                    await self._kube.client.delete(Lease, self._machine.name, namespace=namespace)
                else:
                    await self._kube.client.delete(NodeObject, self._machine.name)
            except ApiError as error:
                if error.status.code != 404:
                    log.info("%s of %s not deleted: %s", resource.__name__, self._machine.name, error)

    async def _untaint(self, node: NodeObject) -> None:
        """Take away the taint that a new node gets: no node lifecycle controller runs here to do it."""
        assert node.spec is not None
        others = [taint.to_dict() for taint in node.spec.taints or [] if taint.key != "node.kubernetes.io/not-ready"]
        patch = {"spec": {"taints": others or None}}
        await self._kube.client.patch(NodeObject, self._machine.name, patch, patch_type=PatchType.MERGE)

    async def _create_lease(self, node: NodeObject) -> None:
        assert node.metadata is not None
        assert node.metadata.uid is not None
        owner = OwnerReference(apiVersion="v1", kind="Node", name=self._machine.name, uid=node.metadata.uid)
        spec = LeaseSpec(
            holderIdentity=self._machine.name, leaseDurationSeconds=self._timing.lease, renewTime=datetime.now(UTC)
        )
        meta = ObjectMeta(name=self._machine.name, namespace=LEASES, ownerReferences=[owner])
        try:
            await self._kube.client.create(Lease(metadata=meta, spec=spec))
        except ApiError as error:
            if error.status.code != 409:
                raise
            await self._kube.client.patch(
                Lease,
                self._machine.name,
                {"spec": spec.to_dict()},
                namespace=LEASES,
                patch_type=PatchType.MERGE,
            )

    def _spec(self) -> NodeSpec:
        return NodeSpec(providerID=self._machine.provider_id)


def labels(machine: Machine) -> dict[str, str]:
    """The labels that kubelet, cloud provider and EKS put on a managed node, and the group's own."""
    return {
        "beta.kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/instance-type": INSTANCE_TYPE,
        "beta.kubernetes.io/os": "linux",
        "eks.amazonaws.com/capacityType": "ON_DEMAND",
        "eks.amazonaws.com/nodegroup": machine.group.name,
        "failure-domain.beta.kubernetes.io/region": machine.key.region,
        "failure-domain.beta.kubernetes.io/zone": machine.zone,
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/hostname": machine.name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": INSTANCE_TYPE,
        "topology.kubernetes.io/region": machine.key.region,
        "topology.kubernetes.io/zone": machine.zone,
        **machine.group.labels,
    }


def node_status(machine: Machine, version: str, kubelet_port: int) -> NodeStatus:
    """What the kubelet reports: this machine's capacity, a healthy node, and where its logs are served."""
    now = datetime.now(UTC).replace(microsecond=0)
    capacity = {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{psutil.virtual_memory().total // 1024}Ki",
        "pods": str(MAX_PODS),
    }

    def condition(kind: str, status: str, reason: str, message: str) -> NodeCondition:
        return NodeCondition(
            type=kind, status=status, reason=reason, message=message, lastHeartbeatTime=now, lastTransitionTime=now
        )

    return NodeStatus(
        addresses=[
            NodeAddress(type="InternalIP", address=HOST_IP),
            NodeAddress(type="InternalDNS", address=machine.name),
            NodeAddress(type="Hostname", address=machine.name),
        ],
        capacity=capacity,
        allocatable=dict(capacity),
        conditions=[
            condition(
                "MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"
            ),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        daemonEndpoints=NodeDaemonEndpoints(kubeletEndpoint=DaemonEndpoint(Port=kubelet_port)),
        nodeInfo=NodeSystemInfo(
            architecture=machine.architecture,
            bootID=machine.instance_id,
            containerRuntimeVersion=f"process://{platform.python_version()}",
            kernelVersion=platform.release(),
            kubeProxyVersion="",
            kubeletVersion=version,
            machineID=machine.instance_id,
            operatingSystem="linux",
            osImage="EKS lab: containers are processes of this machine",
            systemUUID=machine.instance_id,
        ),
    )
