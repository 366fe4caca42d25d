"""Access graphs made by hand: a healthy cluster, and copies of it with one thing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import (
    Cluster,
    Document,
    IamGroup,
    IamPrincipal,
    OidcProvider,
    PodIdentityAssociation,
)
from eks_access.graph.kubernetes_objects import (
    AwsAuthConfigMap,
    BindingSubject,
    Node,
    ObjectKey,
    Pod,
    RbacBinding,
    RbacRole,
    ServiceAccount,
)
from eks_access.graph.tables import Part, Table
from eks_identity.evaluation.rbac import RoleKey
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.model.rbac import Rule

ACCOUNT = "123456789012"
REGION = "ap-northeast-1"
ISSUER = f"https://oidc.eks.{REGION}.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
CREATED = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 2, 1, tzinfo=UTC)


def arn(resource: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{resource}"


@dataclass(frozen=True)
class Objects:
    """The objects of a graph. `changed` returns a copy with other objects."""

    mode: str = "API_AND_CONFIG_MAP"
    principals: Mapping[str, IamPrincipal] = field(default_factory=dict)
    groups: Mapping[str, IamGroup] = field(default_factory=dict)
    policies: Mapping[str, Document] = field(default_factory=dict)
    oidc_providers: Mapping[str, OidcProvider] = field(default_factory=dict)
    entries: Mapping[str, ExistingEntry] = field(default_factory=dict)
    aws_auth: Mapping[str, str] = field(default_factory=dict)
    associations: Mapping[ObjectKey, PodIdentityAssociation] = field(default_factory=dict)
    rbac_roles: Mapping[RoleKey, RbacRole] = field(default_factory=dict)
    rbac_bindings: Mapping[RoleKey, RbacBinding] = field(default_factory=dict)
    service_accounts: Mapping[ObjectKey, ServiceAccount] = field(default_factory=dict)
    pods: Mapping[ObjectKey, Pod] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    cluster: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the cluster."""
    has_pod_identity_agent: bool = True

    def changed(self, **changes: Any) -> Objects:
        return replace(self, **changes)

    def graph(self) -> AccessGraph:
        cluster = Cluster(
            name="eks-clu",
            arn=f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu",
            region=REGION,
            account=ACCOUNT,
            authentication_mode=self.mode,
            issuer=ISSUER,
            **self.cluster,
        )
        return AccessGraph(
            source="objects made by hand",
            cluster=Part.of(cluster),
            principals=Table.of(self.principals),
            groups=Table.of(self.groups),
            policies=Table.of(self.policies),
            oidc_providers=Table.of(self.oidc_providers),
            entries=Table.of(self.entries),
            aws_auth=Part.of(AwsAuthConfigMap(self.aws_auth, "7")),
            associations=Table.of(self.associations),
            rbac_roles=Table.of(self.rbac_roles),
            rbac_bindings=Table.of(self.rbac_bindings),
            service_accounts=Table.of(self.service_accounts),
            pods=Table.of(self.pods),
            nodes=Table.of(self.nodes),
            has_pod_identity_agent=Part.of(self.has_pod_identity_agent),
        )


def role(name: str, rules: tuple[Rule, ...], namespace: str | None = None) -> dict[RoleKey, RbacRole]:
    return {(namespace, name): RbacRole(namespace, name, rules)}


def binding(
    name: str, role_name: str, *subjects: BindingSubject, namespace: str | None = None, role_kind: str = "ClusterRole"
) -> dict[RoleKey, RbacBinding]:
    return {(namespace, name): RbacBinding(namespace, name, role_kind, role_name, subjects)}


def group(name: str) -> BindingSubject:
    return BindingSubject("Group", name)
