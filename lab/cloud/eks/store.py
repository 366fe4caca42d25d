"""Every cluster that this EKS knows, in all accounts and regions, behind one lock.

Two rules keep it free of deadlocks and of lost updates. The store's lock is held for reading and changing records
only, never while a control plane is called, because a control plane may ask AWS something before it answers. And
identity settings go to a control plane through `Store.publish`, one at a time for each cluster and always from the
newest records, so the last one that arrives is the last one that was made.
"""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lab.cloud.eks.records import (
    AccessEntryRecord,
    AddonRecord,
    AssociationRecord,
    NodegroupRecord,
    UpdateRecord,
    now,
)
from lab.interfaces import AuthenticationMode, ClusterIdentity, ClusterKey, ControlPlane, ControlPlanes, IamPrincipal

_log = logging.getLogger(__name__)


@dataclass
class ClusterRecord:
    """A cluster and all that belongs to it; `settings` are the members that the API gives back as it got them."""

    key: ClusterKey
    creator: IamPrincipal
    authentication_mode: AuthenticationMode
    bootstrap_creator: bool
    settings: dict[str, Any]
    tags: dict[str, str]
    deletion_protection: bool = False
    status: str = "CREATING"
    issues: list[dict[str, Any]] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    control_plane: ControlPlane | None = None
    access_entries: dict[str, AccessEntryRecord] = field(default_factory=dict)
    associations: dict[str, AssociationRecord] = field(default_factory=dict)
    addons: dict[str, AddonRecord] = field(default_factory=dict)
    nodegroups: dict[str, NodegroupRecord] = field(default_factory=dict)
    updates: dict[str, UpdateRecord] = field(default_factory=dict)
    revision: int = 0
    published: int = 0
    publishing: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def describe(self) -> dict[str, Any]:
        """The `Cluster` of the API; endpoint, certificate and issuer appear when there is a control plane."""
        cluster: dict[str, Any] = {
            **self.settings,
            "name": self.key.name,
            "arn": self.key.arn,
            "createdAt": self.created_at,
            "status": self.status,
            "health": {"issues": list(self.issues)},
            "certificateAuthority": {},
            "accessConfig": {"authenticationMode": self.authentication_mode.value},
            "deletionProtection": self.deletion_protection,
            "tags": dict(self.tags),
        }
        if self.control_plane is not None:
            certificate = base64.b64encode(self.control_plane.certificate_authority.encode()).decode()
            cluster["endpoint"] = self.control_plane.endpoint
            cluster["certificateAuthority"] = {"data": certificate}
            cluster["identity"] = {"oidc": {"issuer": self.control_plane.issuer}}
        return cluster

    def identity(self) -> ClusterIdentity:
        invisible = self.authentication_mode is AuthenticationMode.CONFIG_MAP and self.bootstrap_creator
        return ClusterIdentity(
            authentication_mode=self.authentication_mode,
            creator=self.creator if invisible else None,
            access_entries=tuple(entry.identity() for entry in self.access_entries.values()),
            associations=tuple(association.identity() for association in self.associations.values()),
            pod_identity_agent="eks-pod-identity-agent" in self.addons,
        )

    def association_of(self, namespace: str, service_account: str) -> AssociationRecord | None:
        return next(
            (
                association
                for association in self.associations.values()
                if (association.namespace, association.service_account) == (namespace, service_account)
            ),
            None,
        )


class Store:
    """The clusters, the control planes that run them, and the work under way for them."""

    def __init__(self, control_planes: ControlPlanes) -> None:
        self.control_planes = control_planes
        self.lock = threading.RLock()
        self.clusters: dict[ClusterKey, ClusterRecord] = {}
        self._jobs: set[threading.Thread] = set()

    def publish(self, cluster: ClusterRecord) -> None:
        """Put the cluster's identity settings, changed under the lock just before, into effect; returns when they are.

        A caller whose change has gone out with somebody else's returns at once.
        """
        with self.lock:
            cluster.revision += 1
            wanted = cluster.revision
        with cluster.publishing:
            with self.lock:
                control_plane, revision, identity = cluster.control_plane, cluster.revision, cluster.identity()
            if control_plane is None or cluster.published >= wanted:
                return
            control_plane.apply_identity(identity)
            cluster.published = revision

    def run(self, name: str, job: Callable[[], None]) -> None:
        """Do `job` while the caller has its answer already, on a thread that `close` waits for.

        A job says in its record what went wrong; what it raises beyond that is logged.
        """

        def work() -> None:
            try:
                job()
            except Exception:  # noqa: BLE001 - nobody is left to raise it to
                _log.exception("%s", name)
            finally:
                with self.lock:
                    self._jobs.discard(threading.current_thread())

        thread = threading.Thread(target=work, name=name, daemon=True)
        with self.lock:
            self._jobs.add(thread)
        thread.start()

    def close(self) -> None:
        """Wait for the work under way, then stop every control plane; all are tried, whatever one of them raises."""
        with self.lock:
            jobs = list(self._jobs)
        for job in jobs:
            job.join()
        with self.lock:
            control_planes = [cluster.control_plane for cluster in self.clusters.values() if cluster.control_plane]
            self.clusters.clear()
        failures: list[Exception] = []
        for control_plane in control_planes:
            try:
                control_plane.stop()
            except Exception as error:  # noqa: BLE001 - the others must be stopped all the same
                failures.append(error)
        if failures:
            raise ExceptionGroup("control planes that did not stop", failures)
