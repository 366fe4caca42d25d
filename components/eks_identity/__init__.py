"""Identity on Amazon EKS as Pulumi components: people into the cluster, pods out to AWS.

Names are imported when they are first used, so that `eks_identity.model`, which is pure, stays free of Pulumi. The
modules of `pulumi_aws` and `pulumi_kubernetes` load themselves when a program declares one of their resources, which
saves seconds: in components, annotations with their classes are in quotes.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eks_identity.clusters.cluster import Cluster, ClusterArgs
    from eks_identity.clusters.cluster_roles import MadeRoleSettings
    from eks_identity.clusters.connections import ClusterConnection
    from eks_identity.clusters.node_isolation import NodeIsolation, NodeIsolationArgs
    from eks_identity.errors import (
        AwsError,
        AwsRefusedError,
        AwsUnreachableError,
        ClusterError,
        ClusterRefusedError,
        ClusterUnreachableError,
        EksIdentityError,
        InvalidInput,
        MalformedDocumentError,
        Problem,
        WriteConflictError,
    )
    from eks_identity.people.access_entry import AdoptedAccessEntry, AdoptedAccessEntryArgs
    from eks_identity.people.access_guard import AccessGuard, AccessGuardArgs
    from eks_identity.people.access_policies import AccessPolicyArgs
    from eks_identity.people.access_roles import RoleArgs, RuleArgs
    from eks_identity.people.aws_auth_mapping import AwsAuthMapping, AwsAuthMappingArgs
    from eks_identity.people.migration import AuthenticationModeMigration, AuthenticationModeMigrationArgs
    from eks_identity.people.principals import PrincipalArgs
    from eks_identity.people.users import ClusterAccess, ClusterAccessArgs
    from eks_identity.pods.addon_args import AddonArgs
    from eks_identity.pods.addons import Addon
    from eks_identity.pods.catalogue_args import CatalogueArgs
    from eks_identity.pods.chained import ChainedRole, ChainedRoleArgs
    from eks_identity.pods.irsa import IrsaRole, IrsaRoleArgs
    from eks_identity.pods.oidc import OidcProvider, OidcProviderArgs
    from eks_identity.pods.pod_identity import PodIdentityRole, PodIdentityRoleArgs
    from eks_identity.pods.role_settings import ConditionArgs, RoleSettings, StatementArgs
    from eks_identity.pods.service_accounts import ServiceAccount, ServiceAccountArgs
    from eks_identity.pods.subjects import SubjectArgs
    from eks_identity.pods.workload import WorkloadIdentity
    from eks_identity.pods.workload_args import WorkloadIdentityArgs

_MODULES = {
    "people.access_entry": ("AdoptedAccessEntry", "AdoptedAccessEntryArgs"),
    "people.access_guard": ("AccessGuard", "AccessGuardArgs"),
    "people.access_policies": ("AccessPolicyArgs",),
    "people.access_roles": ("RoleArgs", "RuleArgs"),
    "pods.addon_args": ("AddonArgs",),
    "pods.addons": ("Addon",),
    "people.aws_auth_mapping": ("AwsAuthMapping", "AwsAuthMappingArgs"),
    "pods.catalogue_args": ("CatalogueArgs",),
    "pods.chained": ("ChainedRole", "ChainedRoleArgs"),
    "clusters.cluster": ("Cluster", "ClusterArgs"),
    "clusters.cluster_roles": ("MadeRoleSettings",),
    "clusters.connections": ("ClusterConnection",),
    "errors": (
        "AwsError",
        "AwsRefusedError",
        "AwsUnreachableError",
        "ClusterError",
        "ClusterRefusedError",
        "ClusterUnreachableError",
        "EksIdentityError",
        "InvalidInput",
        "MalformedDocumentError",
        "Problem",
        "WriteConflictError",
    ),
    "pods.irsa": ("IrsaRole", "IrsaRoleArgs"),
    "people.migration": ("AuthenticationModeMigration", "AuthenticationModeMigrationArgs"),
    "clusters.node_isolation": ("NodeIsolation", "NodeIsolationArgs"),
    "pods.oidc": ("OidcProvider", "OidcProviderArgs"),
    "pods.pod_identity": ("PodIdentityRole", "PodIdentityRoleArgs"),
    "people.principals": ("PrincipalArgs",),
    "pods.role_settings": ("ConditionArgs", "RoleSettings", "StatementArgs"),
    "pods.service_accounts": ("ServiceAccount", "ServiceAccountArgs"),
    "pods.subjects": ("SubjectArgs",),
    "people.users": ("ClusterAccess", "ClusterAccessArgs"),
    "pods.workload": ("WorkloadIdentity",),
    "pods.workload_args": ("WorkloadIdentityArgs",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AccessGuard",
    "AccessGuardArgs",
    "AccessPolicyArgs",
    "Addon",
    "AddonArgs",
    "AdoptedAccessEntry",
    "AdoptedAccessEntryArgs",
    "AuthenticationModeMigration",
    "AuthenticationModeMigrationArgs",
    "AwsAuthMapping",
    "AwsAuthMappingArgs",
    "AwsError",
    "AwsRefusedError",
    "AwsUnreachableError",
    "CatalogueArgs",
    "ChainedRole",
    "ChainedRoleArgs",
    "Cluster",
    "ClusterAccess",
    "ClusterAccessArgs",
    "ClusterArgs",
    "ClusterConnection",
    "ClusterError",
    "ClusterRefusedError",
    "ClusterUnreachableError",
    "ConditionArgs",
    "EksIdentityError",
    "InvalidInput",
    "IrsaRole",
    "IrsaRoleArgs",
    "MadeRoleSettings",
    "MalformedDocumentError",
    "NodeIsolation",
    "NodeIsolationArgs",
    "OidcProvider",
    "OidcProviderArgs",
    "PodIdentityRole",
    "PodIdentityRoleArgs",
    "PrincipalArgs",
    "Problem",
    "RoleArgs",
    "RoleSettings",
    "RuleArgs",
    "ServiceAccount",
    "ServiceAccountArgs",
    "StatementArgs",
    "SubjectArgs",
    "WorkloadIdentity",
    "WorkloadIdentityArgs",
    "WriteConflictError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
