"""The store of all clusters in all accounts and regions, with one lock.

Two rules prevent deadlocks and lost updates:

- The store's lock is held while records are read and changed, never while a control plane is called. A control plane
  can call AWS before it returns.
- `Store.publish` sends identity settings to a control plane. For each cluster it sends one at a time, always from the
  current records. The last settings that arrive are therefore the newest.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from lab.cloud.background_jobs import BackgroundJobs
from lab.cloud.eks.compute_records import FargateProfileRecord, NodegroupRecord
from lab.cloud.eks.idempotency import IdempotentCalls
from lab.cloud.eks.records import (
    AccessEntryRecord,
    AddonRecord,
    AssociationRecord,
    UpdateRecord,
    now,
)
from lab.interfaces import AuthenticationMode, ClusterIdentity, ClusterKey, ControlPlane, ControlPlanes, IamPrincipal


class HasTags(Protocol):
    """A record of a resource with tags."""

    tags: dict[str, str]


class HasArn(HasTags, Protocol):
    """A record of a resource of a cluster, with its ARN."""

    arn: str


@dataclass
class ClusterRecord:
    """A cluster and its resources. `settings` are the members that the API returns unchanged."""

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
    fargate_profiles: dict[str, FargateProfileRecord] = field(default_factory=dict)
    updates: dict[str, UpdateRecord] = field(default_factory=dict)
    revision: int = 0
    published_revision: int = 0
    publish_lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def describe(self) -> dict[str, Any]:
        """Return the `Cluster` of the API. It has endpoint, certificate and issuer once the control plane runs."""
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
        is_implicit_admin = self.authentication_mode is AuthenticationMode.CONFIG_MAP and self.bootstrap_creator
        return ClusterIdentity(
            authentication_mode=self.authentication_mode,
            creator=self.creator if is_implicit_admin else None,
            access_entries=tuple(entry.identity() for entry in self.access_entries.values()),
            associations=tuple(association.identity() for association in self.associations.values()),
            pod_identity_agent="eks-pod-identity-agent" in self.addons,
        )

    def tagged_resources(self) -> dict[str, HasTags]:
        """Return the cluster and all its resources that have tags, by ARN."""
        collections: tuple[Mapping[str, HasArn], ...] = (
            self.nodegroups,
            self.addons,
            self.access_entries,
            self.associations,
            self.fargate_profiles,
        )
        resources: dict[str, HasTags] = {self.key.arn: self}
        return resources | {resource.arn: resource for records in collections for resource in records.values()}

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
    """The clusters, their control planes, the calls with a client request token, and the running background jobs."""

    def __init__(self, control_planes: ControlPlanes) -> None:
        self.control_planes = control_planes
        self.lock = threading.RLock()
        self.clusters: dict[ClusterKey, ClusterRecord] = {}
        self.idempotent_calls = IdempotentCalls()
        self.jobs = BackgroundJobs()

    def publish(self, cluster: ClusterRecord) -> None:
        """Apply the cluster's current identity settings to its control plane, and return when they are in effect.

        Call this after a change of the records. If another thread has already published the change, return at once.
        """
        with self.lock:
            cluster.revision += 1
            required_revision = cluster.revision
        with cluster.publish_lock:
            with self.lock:
                control_plane, revision, identity = cluster.control_plane, cluster.revision, cluster.identity()
            if control_plane is None or cluster.published_revision >= required_revision:
                return
            control_plane.apply_identity(identity)
            cluster.published_revision = revision

    def close(self) -> None:
        """Wait for the running jobs, then stop every control plane, even if stopping another one fails.

        Raises:
            ExceptionGroup: one or more control planes did not stop.
        """
        self.jobs.wait()
        with self.lock:
            control_planes = [cluster.control_plane for cluster in self.clusters.values() if cluster.control_plane]
            self.clusters.clear()
        failures: list[Exception] = []
        for control_plane in control_planes:
            try:
                control_plane.stop()
            except Exception as error:  # noqa: BLE001 - the remaining control planes must be stopped too
                failures.append(error)
        if failures:
            raise ExceptionGroup("control planes that did not stop", failures)
