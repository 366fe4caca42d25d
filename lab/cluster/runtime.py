"""Starts clusters for the lab's AWS, several at the same time, and stops all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.cluster.control_plane import LocalControlPlane
from lab.cluster.node import Confinement
from lab.cluster.webhooks import WebhookServer
from lab.errors import StartError
from lab.interfaces import CloudAccess, ClusterIdentity, ClusterKey, InstanceRoles, Programs
from lab.pki import CertificateAuthority


class Runtime:
    """The lab's clusters; implements `lab.interfaces.ControlPlanes`.

    Args:
        folder: parent of one folder for each cluster, which only the current user can read.
        authority: signs the certificates of the lab's webhooks and authenticators. Each cluster also has its own
            authority, so that a certificate of one cluster is not valid in another.
        programs: paths of the vendors' programs.
        cloud: access to the lab's AWS, where authenticators verify tokens and nodes get credentials.
        instance_roles: source of the credentials of a node's instance role.
        confinement: restrictions of the pods' processes; by default what the machine allows.
        progress: called from several threads with the name of each started part and its duration in seconds.
    """

    def __init__(
        self,
        folder: Path,
        authority: CertificateAuthority,
        programs: Programs,
        cloud: CloudAccess,
        instance_roles: InstanceRoles,
        *,
        confinement: Confinement | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> None:
        self._folder = folder
        self._lab_ca = authority.file
        self._serving = authority.issue("control-planes", "127.0.0.1", "localhost")
        self._programs = programs
        self._cloud = cloud
        self._instance_roles = instance_roles
        self._confinement = confinement or Confinement.detect()
        self._progress = progress or (lambda _part, _seconds: None)
        self._webhooks = WebhookServer(self._serving)
        self._lock = threading.Lock()
        self._control_planes: set[LocalControlPlane] = set()
        self._is_stopped = False

    def start(self, key: ClusterKey, identity: ClusterIdentity) -> LocalControlPlane:
        """Start a cluster and return when it is ready.

        Raises:
            StartError: a part did not start, or the lab is stopping. All parts of the cluster have been stopped.
        """
        control_plane = LocalControlPlane(
            key,
            identity,
            folder=self._folder,
            webhooks=self._webhooks,
            serving=self._serving,
            lab_ca=self._lab_ca,
            programs=self._programs,
            cloud=self._cloud,
            instance_roles=self._instance_roles,
            confinement=self._confinement,
            progress=self._progress,
        )
        with self._lock:
            if not self._is_stopped:
                self._control_planes.add(control_plane)
                return control_plane
        control_plane.stop()
        raise StartError(f"Cluster {key.name} was started while the lab was stopping", fix="start the lab again")

    def stop_all(self) -> None:
        """Stop every cluster and the webhook server. No cluster can be started afterwards."""
        with self._lock:
            self._is_stopped = True
            control_planes = list(self._control_planes)
            self._control_planes.clear()
        if control_planes:
            with ThreadPoolExecutor(max_workers=len(control_planes)) as pool:
                for future in [pool.submit(control_plane.stop) for control_plane in control_planes]:
                    future.result()
        self._webhooks.stop()
