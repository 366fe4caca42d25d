"""Starts clusters for the cloud, several at once, and stops them all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.cluster.control_plane import LocalControlPlane
from lab.cluster.webhooks import WebhookServer
from lab.errors import StartError
from lab.interfaces import CloudAccess, ClusterIdentity, ClusterKey, InstanceRoles, Programs
from lab.pki import CertificateAuthority


class Runtime:
    """Implements `lab.interfaces.ControlPlanes`.

    Args:
        folder: each cluster gets a folder in it, which only the user can enter.
        authority: signs what the lab itself serves to the clusters (webhooks, authenticators). Each cluster has an
            authority of its own besides, so that a certificate for one cluster is worth nothing in another.
        programs: the vendor's programs.
        cloud: the lab's AWS, where authenticators verify tokens and nodes get credentials.
        instance_roles: how a node gets its instance role.
        progress: called with the name of each part that has started, and its seconds; from several threads.
    """

    def __init__(
        self,
        folder: Path,
        authority: CertificateAuthority,
        programs: Programs,
        cloud: CloudAccess,
        instance_roles: InstanceRoles,
        *,
        progress: Callable[[str, float], None] | None = None,
    ) -> None:
        self._folder = folder
        self._trusted = authority.file
        self._serving = authority.issue("control-planes", "127.0.0.1", "localhost")
        self._programs = programs
        self._cloud = cloud
        self._instance_roles = instance_roles
        self._progress = progress or (lambda _part, _seconds: None)
        self._webhooks = WebhookServer(self._serving)
        self._lock = threading.Lock()
        self._running: set[LocalControlPlane] = set()
        self._stopped = False

    def start(self, key: ClusterKey, identity: ClusterIdentity) -> LocalControlPlane:
        """Start a cluster; returns when it can be used.

        Raises:
            StartError: a part did not come up; nothing of the cluster is left then.
        """
        control_plane = LocalControlPlane(
            key,
            identity,
            folder=self._folder,
            webhooks=self._webhooks,
            serving=self._serving,
            trusted=self._trusted,
            programs=self._programs,
            cloud=self._cloud,
            instance_roles=self._instance_roles,
            progress=self._progress,
        )
        with self._lock:
            if not self._stopped:
                self._running.add(control_plane)
                return control_plane
        control_plane.stop()
        raise StartError(f"Cluster {key.name} was started while the lab was going down", fix="start the lab again")

    def stop_all(self) -> None:
        """Stop every cluster, those stopped already included, and the webhook server; nothing can be started after."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
            self._running.clear()
        if running:
            with ThreadPoolExecutor(max_workers=len(running)) as pool:
                for done in [pool.submit(each.stop) for each in running]:
                    done.result()
        self._webhooks.stop()
