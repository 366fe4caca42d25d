"""The node groups of one cluster: names, certificates and the life of their nodes."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.cluster.node import Node
from lab.interfaces import CloudAccess, ClusterKey, InstanceRoles, NodeGroup, Programs
from lab.pki import CertificateAuthority


class NodeGroups:
    """Starts and stops nodes; each has a certificate of the cluster's authority for its kubelet endpoint."""

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
    ) -> None:
        self._key = key
        self._folder = folder
        self._kubeconfig = kubeconfig
        self._authority = authority
        self._cloud = cloud
        self._instance_roles = instance_roles
        self._programs = programs
        self._agent_installed = agent_installed
        self._lock = threading.Lock()
        self._groups: dict[str, list[Node]] = {}
        self._names: set[str] = set()

    def add(self, group: NodeGroup) -> None:
        """Start the group's nodes; returns when all are Ready, and stops them again where one does not get there.

        Raises:
            StartError: a node does not start.
        """
        nodes = [self._node(group) for _ in range(group.size)]
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
        """Stop the nodes of group `name` and take their objects away; nothing where there are none."""
        with self._lock:
            nodes = self._groups.pop(name, [])
        self._stop(nodes, deregister=True)

    def stop(self) -> None:
        """Stop all nodes of a cluster that goes away as a whole."""
        with self._lock:
            nodes = [node for group in self._groups.values() for node in group]
            self._groups.clear()
        self._stop(nodes, deregister=False)

    @staticmethod
    def _stop(nodes: list[Node], *, deregister: bool) -> None:
        if nodes:
            with ThreadPoolExecutor(max_workers=len(nodes)) as pool:
                for done in [pool.submit(node.stop, deregister=deregister) for node in nodes]:
                    done.result()

    def _node(self, group: NodeGroup) -> Node:
        name = self._new_name()
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
        )

    def _new_name(self) -> str:
        """A private DNS name as EC2 gives it in the address range of eksctl's VPCs; no two nodes have the same."""
        with self._lock:
            while True:
                third, fourth = secrets.randbelow(256), 4 + secrets.randbelow(250)
                name = f"ip-192-168-{third}-{fourth}.{self._key.region}.compute.internal"
                if name not in self._names:
                    self._names.add(name)
                    return name
