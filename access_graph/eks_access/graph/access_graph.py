"""The access graph of one cluster and of the AWS accounts that its identity chains pass through.

A source fills the tables; questions read them and nothing else. So the same question can be asked of a living cluster,
a stack's state, a preview and a saved snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from eks_access.graph.aws_objects import (
    AddedPolicies,
    Cluster,
    Document,
    IamGroup,
    IamPrincipal,
    OidcProvider,
    PodIdentityAssociation,
    Unknown,
)
from eks_access.graph.kubernetes_objects import (
    AwsAuthConfigMap,
    Node,
    ObjectKey,
    Pod,
    RbacBinding,
    RbacRole,
    ServiceAccount,
)
from eks_access.graph.services import NoServices, Services
from eks_access.graph.tables import NotRead, NotReadError, Part, Table
from eks_identity.evaluation.cluster_rights import ClusterState
from eks_identity.evaluation.rbac import Rbac, RoleKey
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal
from eks_identity.model.existing_entries import ExistingEntry


@dataclass(frozen=True)
class AccessGraph:
    """All objects that decide who has access, from one source."""

    source: str
    """The source in words: `cluster eks-clu in 123456789012`, `state of stack dev`."""
    cluster: Part[Cluster]
    principals: Table[str, IamPrincipal]
    """IAM users and roles by ARN, with path."""
    groups: Table[str, IamGroup]
    """IAM groups by name, of the cluster's account."""
    policies: Table[str, Document | Unknown]
    """Default versions of managed policies by ARN."""
    oidc_providers: Table[str, OidcProvider]
    """IAM OIDC providers by ARN."""
    entries: Table[str, ExistingEntry]
    """Access entries by ARN of the principal."""
    aws_auth: Part[AwsAuthConfigMap]
    """The ConfigMap aws-auth, without data if it does not exist."""
    associations: Table[ObjectKey, PodIdentityAssociation]
    """Pod Identity associations by namespace and name of the service account; EKS allows one for each."""
    rbac_roles: Table[RoleKey, RbacRole]
    rbac_bindings: Table[RoleKey, RbacBinding]
    service_accounts: Table[ObjectKey, ServiceAccount]
    pods: Table[ObjectKey, Pod]
    nodes: Table[str, Node]
    has_pod_identity_agent: Part[bool]
    """Whether the cluster has the EKS Pod Identity Agent: the add-on, the DaemonSet, or EKS Auto Mode."""
    services: Services = field(default_factory=NoServices)
    """Calls to the services that decide where reading is not enough. A snapshot has none."""
    declared_by: Mapping[str, str] = field(default_factory=dict)
    """The resource of a stack that declares an object, by the object as findings name it."""
    migrated_entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`ExistingEntry.access` of the access entries that a migration of the stack created, by ARN of the principal. No
    resource declares them: `AuthenticationModeMigration` neither changes nor deletes them."""
    added_policies: tuple[AddedPolicies, ...] = ()
    """The policies that a stack adds to users, roles and groups that it does not declare."""

    def read_everything(self) -> None:
        """Read all tables: those of IAM, of EKS and of Kubernetes at the same time. Failures stay in the graph."""
        iam = (self.principals, self.groups, self.policies, self.oidc_providers)
        eks = (self.cluster, self.entries, self.associations)
        kubernetes = (self.aws_auth, self.rbac_roles, self.rbac_bindings, self.service_accounts, self.pods)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(_read, (iam, eks, kubernetes)))
        _read((self.nodes, self.has_pod_identity_agent))  # from EC2, EKS and Kubernetes

    def prefetch_iam(self) -> None:
        """Read all principals, groups and policies by one listing, because many of them are needed."""
        for table in (self.principals, self.groups, self.policies):
            table.prefetch()

    def not_read(self) -> list[NotRead]:
        """Return everything that a question needed so far and the source could not read."""
        parts = (getattr(self, each.name) for each in fields(self))
        failures = [failure for part in parts if isinstance(part, Part | Table) for failure in part.failures()]
        return list(dict.fromkeys([*failures, *self._unread_mappings()]))

    def remarks(self) -> list[str]:
        """Return what a reader must know of the objects that a question read so far."""
        return list(self.policies.remarks_read())

    def _unread_mappings(self) -> tuple[NotRead, ...]:
        """Return the mappings of aws-auth that the source could not read, unless the authentication mode ignores it."""
        if not self.aws_auth.is_read:
            return ()
        mode = self.cluster.get().authentication_mode if self.cluster.is_read else None
        return () if mode == AuthenticationMode.API else self.aws_auth.get().unread

    def authentication_mode(self) -> AuthenticationMode:
        """Return the cluster's authentication mode; raise `NotReadError` if it is not known.

        Raises `InvalidInput` for a text that is none, as an edited file may have.
        """
        mode = self.cluster.get().authentication_mode
        if isinstance(mode, Unknown):
            raise NotReadError("authentication mode", str(mode))
        return AuthenticationMode.parse(mode)

    @cached_property
    def cluster_rbac(self) -> Rbac:
        """ClusterRoles and ClusterRoleBindings, as RBAC evaluates them."""
        return Rbac(
            {key: role.rules for key, role in self.rbac_roles.all().items()},
            {key: binding.evaluated() for key, binding in self.rbac_bindings.all().items() if key[0] is None},
        )

    @cached_property
    def namespaced_rbac(self) -> Rbac:
        """RoleBindings, with all roles that they refer to."""
        return Rbac(
            {key: role.rules for key, role in self.rbac_roles.all().items()},
            {key: binding.evaluated() for key, binding in self.rbac_bindings.all().items() if key[0] is not None},
        )

    def cluster_state(self) -> ClusterState:
        """Return the users and rights of principals in the cluster. Its methods raise `NotReadError`."""
        return ClusterState(
            self.authentication_mode(),
            self._effective_entry,
            lambda: self.aws_auth.get().document,
            lambda: self.cluster_rbac,
            lambda: self.namespaced_rbac,
        )

    def _effective_entry(self, principal: Principal) -> ExistingEntry | None:
        """Return the access entry that authenticates a principal: none if the principal was created again after it.

        A source that has only some entries, such as a stack's state, is read as if there were no others.
        """
        try:
            entry = self.entries.get(principal.arn)
        except NotReadError:
            if self.entries.gaps is None or principal.arn in self.entries.exceptions:
                raise
            return None  # `not_read` has the entry
        if entry is None:
            return None
        try:
            existing = self.principals.get(principal.arn)
        except NotReadError:
            return entry  # `not_read` has the principal
        return None if is_of_former_principal(entry, existing) else entry


def _read(parts: Iterable[Part[Any] | Table[Any, Any]]) -> None:
    for part in parts:
        with suppress(NotReadError):
            part.get() if isinstance(part, Part) else part.all()


def is_of_former_principal(entry: ExistingEntry, principal: IamPrincipal | None) -> bool:
    """Return whether an access entry is of a deleted principal whose ARN a newer one has: EKS compares unique ids.

    Source: EKS user guide, "Grant IAM users access to Kubernetes with EKS access entries".
    """
    if principal is None or entry.created_at is None or principal.created_at is None:
        return False
    return principal.created_at > entry.created_at
