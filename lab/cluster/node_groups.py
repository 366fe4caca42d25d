"""Node groups of one cluster: names, certificates and lifecycle of their nodes."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.cluster.node import Confinement, Node
from lab.interfaces import CloudAccess, ClusterKey, InstanceRoles, NodeGroup, NodeInstance, Programs
from lab.pki import CertificateAuthority


class NodeGroups:
    """The node groups of one cluster. Each node has a serving certificate, which the cluster's authority signed."""

    def __init__(
        self,
        key: ClusterKey,
        *,
        folder: Path,
        kubeconfig: Path,
        authority: CertificateAuthority,
        cloud: CloudAccess,
        instance_roles: InstanceRoles,
        programs: Programs,
        agent_installed: Callable[[], bool],
        confinement: Confinement,
    ) -> None:
        self._key = key
        self._folder = folder
        self._kubeconfig = kubeconfig
        self._authority = authority
        self._cloud = cloud
        self._instance_roles = instance_roles
        self._programs = programs
        self._agent_installed = agent_installed
        self._confinement = confinement
        self._lock = threading.Lock()
        self._groups: dict[str, list[Node]] = {}
        self._names: set[str] = set()

    def add(self, group: NodeGroup) -> None:
        """Start the group's nodes and return when all are Ready. If one does not become Ready, all of them are stopped.

        Raises:
            StartError: a node did not become Ready.
        """
        nodes = [self._create_node(group) for _ in range(group.size)]
        with self._lock:
            self._groups.setdefault(group.name, []).extend(nodes)
        try:
            for node in nodes:
                node.start()
            for node in nodes:
                node.wait_ready()
        except BaseException:
            self.remove(group.name)
            raise

    def remove(self, name: str) -> None:
        """Stop the nodes of group `name` and delete their objects. Does nothing if the group has no nodes."""
        with self._lock:
            nodes = self._groups.pop(name, [])
        self._stop(nodes, deregister=True)

    def list_instances(self, name: str) -> list[NodeInstance]:
        """Return the instances of the nodes of group `name`."""
        with self._lock:
            return [node.instance for node in self._groups.get(name, [])]

    def stop(self) -> None:
        """Stop all nodes when the cluster stops. Their objects are not deleted."""
        with self._lock:
            nodes = [node for group in self._groups.values() for node in group]
            self._groups.clear()
        self._stop(nodes, deregister=False)

    @staticmethod
    def _stop(nodes: list[Node], *, deregister: bool) -> None:
        if nodes:
            with ThreadPoolExecutor(max_workers=len(nodes)) as pool:
                for future in [pool.submit(node.stop, deregister=deregister) for node in nodes]:
                    future.result()

    def _create_node(self, group: NodeGroup) -> Node:
        name = self._choose_name()
        return Node(
            name,
            group,
            self._key,
            self._kubeconfig,
            self._cloud,
            self._instance_roles,
            self._folder / name,
            self._programs,
            serving=self._authority.issue(name, "127.0.0.1", name),
            client_ca=self._authority.file,
            agent_installed=self._agent_installed,
            confinement=self._confinement,
        )

    def _choose_name(self) -> str:
        """Return an unused private DNS name in the form of EC2, in the address range of eksctl's VPCs."""
        with self._lock:
            while True:
                third, fourth = secrets.randbelow(256), 4 + secrets.randbelow(250)
                name = f"ip-192-168-{third}-{fourth}.{self._key.region}.compute.internal"
                if name not in self._names:
                    self._names.add(name)
                    return name
