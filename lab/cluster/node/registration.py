"""The Node object and its Lease, which `kubectl get nodes` and the heartbeat of the node need."""

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

from .instance import HOST_IP, INSTANCE_TYPE, Instance
from .kube_client import KubeClient
from .timing import Timing

log = logging.getLogger(__name__)

LEASE_NAMESPACE = "kube-node-lease"
MAX_PODS = 110


class Registration:
    """Registers one node, and renews its Lease while it runs."""

    def __init__(self, kube: KubeClient, instance: Instance, kubelet_port: int, timing: Timing) -> None:
        self._kube = kube
        self._instance = instance
        self._port = kubelet_port
        self._timing = timing

    async def register(self) -> None:
        """Create the Node object with condition Ready. An existing object of the same name is updated."""
        client = self._kube.client
        node = NodeObject(
            metadata=ObjectMeta(name=self._instance.name, labels=node_labels(self._instance)), spec=self._spec()
        )
        try:
            node = await client.create(node)
        except ApiError as error:
            if error.status.code != 409:
                raise
            node = await client.patch(NodeObject, self._instance.name, node, patch_type=PatchType.MERGE)
        version = f"{await self._kube.version()}-eks-lab"
        status = {"status": build_node_status(self._instance, version, self._port).to_dict()}
        await client.patch(NodeObject.Status, self._instance.name, status, patch_type=PatchType.MERGE)
        await self._remove_not_ready_taint(node)
        await self._create_lease(node)

    async def run(self) -> None:
        """Renew the Lease, forever."""
        while True:
            await asyncio.sleep(self._timing.heartbeat)
            renewal = {"spec": {"renewTime": datetime.now(UTC)}}
            try:
                await self._kube.client.patch(
                    Lease, self._instance.name, renewal, namespace=LEASE_NAMESPACE, patch_type=PatchType.MERGE
                )
            except httpx2.HTTPError as error:
                log.info("%s: lease not renewed: %s", self._instance.name, error)

    async def deregister(self) -> None:
        """Delete the Node object and its Lease."""
        for resource, namespace in ((Lease, LEASE_NAMESPACE), (NodeObject, None)):
            try:
                if namespace:
                    await self._kube.client.delete(Lease, self._instance.name, namespace=namespace)
                else:
                    await self._kube.client.delete(NodeObject, self._instance.name)
            except ApiError as error:
                if error.status.code != 404:
                    log.info("%s of %s not deleted: %s", resource.__name__, self._instance.name, error)

    async def _remove_not_ready_taint(self, node: NodeObject) -> None:
        """Remove the taint of a new node, because the lab has no node lifecycle controller that does it."""
        assert node.spec is not None
        taints = [taint.to_dict() for taint in node.spec.taints or [] if taint.key != "node.kubernetes.io/not-ready"]
        patch = {"spec": {"taints": taints or None}}
        await self._kube.client.patch(NodeObject, self._instance.name, patch, patch_type=PatchType.MERGE)

    async def _create_lease(self, node: NodeObject) -> None:
        assert node.metadata is not None
        assert node.metadata.uid is not None
        owner = OwnerReference(apiVersion="v1", kind="Node", name=self._instance.name, uid=node.metadata.uid)
        spec = LeaseSpec(
            holderIdentity=self._instance.name, leaseDurationSeconds=self._timing.lease, renewTime=datetime.now(UTC)
        )
        meta = ObjectMeta(name=self._instance.name, namespace=LEASE_NAMESPACE, ownerReferences=[owner])
        try:
            await self._kube.client.create(Lease(metadata=meta, spec=spec))
        except ApiError as error:
            if error.status.code != 409:
                raise
            await self._kube.client.patch(
                Lease,
                self._instance.name,
                {"spec": spec.to_dict()},
                namespace=LEASE_NAMESPACE,
                patch_type=PatchType.MERGE,
            )

    def _spec(self) -> NodeSpec:
        return NodeSpec(providerID=self._instance.provider_id)


def node_labels(instance: Instance) -> dict[str, str]:
    """Return the labels that kubelet, cloud provider and EKS add to a managed node, and those of its node group."""
    return {
        "beta.kubernetes.io/arch": instance.architecture,
        "beta.kubernetes.io/instance-type": INSTANCE_TYPE,
        "beta.kubernetes.io/os": "linux",
        "eks.amazonaws.com/capacityType": "ON_DEMAND",
        "eks.amazonaws.com/nodegroup": instance.group.name,
        "failure-domain.beta.kubernetes.io/region": instance.key.region,
        "failure-domain.beta.kubernetes.io/zone": instance.zone,
        "kubernetes.io/arch": instance.architecture,
        "kubernetes.io/hostname": instance.name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": INSTANCE_TYPE,
        "topology.kubernetes.io/region": instance.key.region,
        "topology.kubernetes.io/zone": instance.zone,
        **instance.group.labels,
    }


def build_node_status(instance: Instance, version: str, kubelet_port: int) -> NodeStatus:
    """Return the status that the kubelet reports: capacity, healthy conditions, and the port of its endpoint."""
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
            NodeAddress(type="InternalDNS", address=instance.name),
            NodeAddress(type="Hostname", address=instance.name),
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
            architecture=instance.architecture,
            bootID=instance.instance_id,
            containerRuntimeVersion=f"process://{platform.python_version()}",
            kernelVersion=platform.release(),
            kubeProxyVersion="",
            kubeletVersion=version,
            machineID=instance.instance_id,
            operatingSystem="linux",
            osImage="EKS lab: containers are local processes",
            systemUUID=instance.instance_id,
        ),
    )
